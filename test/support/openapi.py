# SPDX-License-Identifier: BSD-3-Clause
"""docs/openapi.yaml as tests see it: the document, and whether an answer is what it says.

The document is open, because new keys may appear one day. An answer of today has no key that it
does not tell of: for tests every object is closed.
"""

import json
import pathlib

import jsonschema
import yaml

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
SPECIFICATION = pathlib.Path("/usr/share/openapi-specification/schemas/v3.0/schema.json")
METHODS = ("get", "post", "put", "delete", "patch", "head", "options")
PREFIX = "#/components/"


def _closed(node):
    """A schema of OpenAPI 3.0 as one of JSON: null where it may be, no keys but those listed."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _closed(value) for key, value in node.items() if key != "nullable"}
    if isinstance(node.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema


class Page:
    """The document."""

    def __init__(self, path=PAGE):
        self.whole = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.schemas = self.whole["components"]["schemas"]
        self._closed = {"components": {"schemas": _closed(self.schemas)}}

    def mistakes(self):
        """What the specification of OpenAPI does not allow."""
        specification = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
        found = jsonschema.Draft4Validator(specification).iter_errors(self.whole)
        return [f"{error.json_path}: {error.message}" for error in found]

    def operations(self):
        """{(METHOD, path): operation}."""
        return {(method.upper(), path): item[method] for path, item in self.whole["paths"].items()
                for method in METHODS if method in item}

    def references(self):
        """All names that are referred to, `schemas/Status`."""
        def walk(node):
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    yield node["$ref"].removeprefix(PREFIX)
                for value in node.values():
                    yield from walk(value)
            elif isinstance(node, list):
                for value in node:
                    yield from walk(value)

        return set(walk(self.whole))

    def response(self, method, path, status):
        """What an operation says of a status: {content type: schema}; None if it has none."""
        found = self.operations()[method, path]["responses"].get(str(status))
        if found and "$ref" in found:
            found = self.whole["components"]["responses"][found["$ref"].rpartition("/")[2]]
        return found and {kind: media["schema"] for kind, media in found["content"].items()}

    def faults(self, schema, value):
        """Where a value is not what the schema says; a name stands for the component."""
        if isinstance(schema, str):
            schema = {"$ref": f"{PREFIX}schemas/{schema}"}
        validator = jsonschema.Draft4Validator({**self._closed, **_closed(schema)})
        return [f"{error.json_path}: {error.message[:200]}" for error in
                validator.iter_errors(value)]

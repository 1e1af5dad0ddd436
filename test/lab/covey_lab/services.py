# SPDX-License-Identifier: BSD-3-Clause
"""What stands behind each host: nginx, which says who it is, a UDP echo server, and lab-listen for
long connections.

All listen on the wildcard address of the host's namespace, so they neither need the virtual
address nor notice when coveyd comes and goes. Every HTTP answer carries X-Covey-Host.
"""

import hashlib
import pathlib
import sys

from . import settings
from .settings import namespace

BLOB_BYTES = 20_000_000
_PACKAGE_ROOT = pathlib.Path(__file__).resolve().parent.parent

_NGINX = """\
user root;
worker_processes 1;
daemon off;
pid {state}/nginx-{host}.pid;
error_log {state}/nginx-{host}.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type text/plain;
  sendfile on;
  keepalive_timeout 1h;
  keepalive_requests 1000000;
  client_body_temp_path {state}/nginx-{host}.tmp/body;
  proxy_temp_path {state}/nginx-{host}.tmp/proxy;
  fastcgi_temp_path {state}/nginx-{host}.tmp/fastcgi;
  uwsgi_temp_path {state}/nginx-{host}.tmp/uwsgi;
  scgi_temp_path {state}/nginx-{host}.tmp/scgi;
  add_header X-Covey-Host {name} always;
  server {{
{listen}
    server_name _;
    location = / {{ return 200 "{name}\\n"; }}
    location = /healthz {{ return 200 "ok\\n"; }}
    location = /peer {{ return 200 "$remote_addr $remote_port\\n"; }}
    # /20m?rate=1m paces the download, so that it can be made to outlive a convergence.
    location = /20m {{ alias {state}/blob; limit_rate $arg_rate; }}
    location = /slow {{ alias {state}/blob; limit_rate 256k; }}
  }}
}}
"""


def make_blob(directory):
    """Write the 20 MB file all hosts serve: the same bytes each time, without any pattern."""
    digest = hashlib.sha256
    with open(directory / "blob", "wb") as blob:
        for index in range(0, BLOB_BYTES // 32_000):
            block = b"".join(digest(f"{index}/{part}".encode()).digest() for part in range(8))
            blob.write(block * 125)


def blob_checksum(directory):
    """SHA-256 of the 20 MB file."""
    return hashlib.sha256((directory / "blob").read_bytes()).hexdigest()


def start(lab, host):
    """Start what stands behind one host; every process is recorded in the lab's state."""
    start_web(lab, host)
    name = namespace(lab.options.tag, host)
    lab.spawn(f"echo-{host}", name,
              [sys.executable, "-m", "covey_lab.udp_echo", settings.host_name(host),
               str(settings.ECHO_PORT)], cwd=_PACKAGE_ROOT)
    lab.spawn(f"listen-{host}", name,
              [str(lab.options.tool("lab-listen")), "--port", str(settings.TALK_PORT),
               "--host", str(host)])


def start_web(lab, host):
    """Start the web server of one host."""
    state = lab.state.directory
    listen = "\n".join(f"    listen 0.0.0.0:{port}; listen [::]:{port} ipv6only=on;"
                       for port in settings.HTTP_PORTS)
    conf = state / f"nginx-{host}.conf"
    conf.write_text(_NGINX.format(state=state, host=host, name=settings.host_name(host),
                                  listen=listen), encoding="utf-8")
    (state / f"nginx-{host}.tmp").mkdir(exist_ok=True)
    lab.spawn(f"nginx-{host}", namespace(lab.options.tag, host),
              ["nginx", "-p", str(state), "-e", str(state / f"nginx-{host}.log"),
               "-c", str(conf)])


def end(lab, host):
    """Kill what start() started."""
    for role in (f"nginx-{host}", f"echo-{host}", f"listen-{host}"):
        lab.kill_process(role)

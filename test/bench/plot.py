# SPDX-License-Identifier: BSD-3-Clause
"""Draws what a benchmark has written: one panel per unit, a bar per figure, as SVG.

The bar of a figure is coloured by what became of its target, and says so in words; what it is
compared with is the grey bar under it. The mark of a target stands where the figure would have to
be: of a ratio, at that many times what it is compared with. Equal figures give equal files. Text
and ground follow the reader's choice of light or dark.
"""

import io
import json
import math
import re

COLOURS = {None: "#4c84c4", True: "#3c9a5f", False: "#d07a2d"}
WORDS = {None: "no target", True: "target reached", False: "target missed"}
REFERENCE = "#a3a9b0"
INK = "#24292f"
STYLE = f"""<style>
svg {{ color: {INK} }}
@media (prefers-color-scheme: dark) {{
  svg {{ color: #d7dde4 }}
  #patch_1 path {{ fill: #14181d !important }}
}}
</style>
</defs>"""
BAR_INCHES, PANEL_INCHES, HEAD_INCHES, WIDTH_INCHES = 0.19, 0.75, 1.35, 12.5
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "covey", "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"], "font.size": 9, "text.color": INK,
            "axes.facecolor": "none", "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
            "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
            "ytick.major.size": 0, "legend.frameon": False}


def panels_of(rows):
    """{unit: rows}, in the order of their first rows."""
    panels = {}
    for entry in rows:
        panels.setdefault(entry["unit"], []).append(entry)
    return panels


def slots(entry):
    """How many bars high a row is: its own, that of the reference, the gap to the next."""
    return 1.7 if entry["reference"] is None else 2.7


def remark(entry):
    """What stands at the right of a row."""
    words = [] if entry["ratio"] is None else [f"{entry['ratio']:g} times"]
    if entry["target"] is not None:
        words.append(f"target {entry['target']:g}, {'reached' if entry['pass'] else 'missed'}")
    return "; ".join(words)


def goal(entry):
    """The target in the unit of the figure."""
    return entry["target"] * (1 if entry["ratio"] is None else entry["reference"])


def limits(rows):
    """The ends of the axis, with room for the number behind the longest bar."""
    shown = [entry["value"] for entry in rows] + [entry["reference"] or 0 for entry in rows]
    shown += [goal(entry) for entry in rows if entry["target"] is not None]
    return min(0, *shown) * 1.05, (max(0, *shown) or 1) * 1.12


def draw_row(axes, entry, top):
    """One row whose first bar is at `top`; where its middle is."""
    marked = goal(entry) if entry["target"] is not None else -math.inf

    def bar(at, length, colour):
        axes.barh(at, length, height=0.86, color=colour)
        # The number is behind its bar, and behind the mark of the target if that would cross it.
        start, (low, high) = max(length, 0), axes.get_xlim()
        if at == top and start <= marked < start + 0.08 * (high - low):
            start = marked
        axes.annotate(f"{length:g}", (start, at), xytext=(5, 0), va="center",
                      textcoords="offset points", fontsize=8)

    bar(top, entry["value"], COLOURS[entry["pass"]])
    middle = top
    if entry["reference"] is not None:
        bar(top + 1, entry["reference"], REFERENCE)
        middle = top + 0.5
    if entry["target"] is not None:
        axes.vlines(marked, top - 0.5, top + 0.5, color=INK, linewidth=2)
    axes.annotate(remark(entry), (1, middle), xycoords=("axes fraction", "data"), xytext=(6, 0),
                  textcoords="offset points", va="center", annotation_clip=False)
    return middle


def draw_panel(axes, unit, rows):
    axes.set_xlim(*limits(rows))
    top, middles = 0, []
    for entry in rows:
        middles.append(draw_row(axes, entry, top))
        top += slots(entry)
    axes.set_yticks(middles, [entry["name"] for entry in rows])
    axes.set_ylim(top - 0.7, -0.9)
    axes.set_title(unit, loc="left", fontsize=10, fontweight="bold")
    axes.axvline(0, color=INK, linewidth=0.8)


def legend_handles(rows):
    from matplotlib.lines import Line2D  # pylint: disable=import-outside-toplevel
    from matplotlib.patches import Patch  # pylint: disable=import-outside-toplevel
    used = {entry["pass"] for entry in rows}
    handles = [Patch(color=colour, label=WORDS[passed]) for passed, colour in COLOURS.items()
               if passed in used]
    if any(entry["reference"] is not None for entry in rows):
        handles.append(Patch(color=REFERENCE, label="what it is compared with"))
    if used - {None}:
        handles.append(Line2D([], [], color=INK, marker="|", markersize=10, markeredgewidth=2,
                              linestyle="none", label="target"))
    return handles


def finish(text):
    """Text takes its colour and its fonts from the reader."""
    text = re.sub(r"font: ((?:\d+ )?[\d.]+px) [^;\"]*", r"font: \1 sans-serif", text)
    text = text.replace(f": {INK}", ": currentColor")
    return text.replace("</defs>", STYLE, 1)


def make_figure(report, name):
    from matplotlib.figure import Figure  # pylint: disable=import-outside-toplevel
    panels = panels_of(report["rows"])
    heights = [sum(map(slots, rows)) + 0.6 for rows in panels.values()]
    height = HEAD_INCHES + PANEL_INCHES * len(panels) + BAR_INCHES * sum(heights)
    figure = Figure(figsize=(WIDTH_INCHES, height))
    figure.set_layout_engine("constrained", rect=(0.005, 0, 0.99, 1 - HEAD_INCHES / height),
                             h_pad=0.08, hspace=0.02)
    all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (unit, rows) in zip(all_axes, panels.items()):
        draw_panel(axes, unit, rows)
    head = f"{report['command']}\n{report['machine']}, load {report['load']:g} at the end"
    left = 0.15 / WIDTH_INCHES
    figure.text(left, 1 - 0.12 / height, name, fontsize=14, fontweight="bold", va="top")
    figure.text(left, 1 - 0.45 / height, head, va="top", linespacing=1.4)
    figure.legend(handles=legend_handles(report["rows"]), ncols=5, loc="upper left",
                  borderaxespad=0, bbox_to_anchor=(left, 1 - 0.95 / height))
    return figure


def draw(path):
    """Draws a report that lies at `path`, as SVG beside it; says what came of it."""
    try:
        import matplotlib  # pylint: disable=import-outside-toplevel
    except ImportError:
        print(f"not drawn: python3-matplotlib is missing ({path.name} holds the figures)")
        return
    report = json.loads(path.read_text("utf-8"))
    drawn = path.with_suffix(".svg")
    with matplotlib.rc_context(SETTINGS):
        text = io.StringIO()
        make_figure(report, path.stem).savefig(text, format="svg", metadata={"Date": None})
    drawn.write_text(finish(text.getvalue()), "utf-8")
    print(f"drawn in {drawn}")

"""The report as one page that opens anywhere: no request, light and dark, printable.

Everything that came from a user is escaped by the template; only drawings are put in as they are,
and those escape their words themselves.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from isoloss.figures import Figure
from isoloss.figures.saving import inline_svg, plotly_bundle
from isoloss.laws import LAWS
from isoloss.report.content import Content
from isoloss.report.methods import GROUPS

OPEN_ROWS = 400  # of the table of runs, up to which it is unfolded


def page(content: Content, *, interactive: bool = False) -> str:
    """The report as HTML.

    Args:
        content: what it says.
        interactive: figures to zoom and to hover on the screen.
    """
    groups = [
        (name, [one for one in content.methods if one.group == name])
        for name in GROUPS
        if any(one.group == name for one in content.methods)
    ]
    return _template().render(
        content=content,
        figures=[(figure, inline_svg(figure)) for figure in content.figures],
        groups=groups,
        plotly=_plotly(content.figures) if interactive else None,
        interactive=interactive,
        unfold=content.runs is not None and len(content.runs.rows) <= OPEN_ROWS,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("isoloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_kept_together,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cast(Any, environment).filters["sentence"] = _sentence
    return environment.get_template("report.html")


def _kept_together(value: object) -> object:
    """A number and its per cent sign stay on one line."""
    if isinstance(value, str) and not hasattr(value, "__html__"):  # words, no mark-up
        return value.replace(" %", "\N{NO-BREAK SPACE}%")
    return cast(object, value)


def _sentence(text: str) -> str:
    """A sentence with a capital, unless it begins with the name of a law."""
    return text if text.partition(" ")[0] in LAWS else text[:1].upper() + text[1:]


def _plotly(figures: tuple[Figure, ...]) -> str:
    """The library once, and every figure in both schemes, as scripts."""
    from isoloss.figures.render_plotly import render

    drawn = {
        figure.key: {theme: render(figure, theme) for theme in ("light", "dark")}
        for figure in figures
    }
    # "</" would end the script that it stands in.
    data = json.dumps(drawn, allow_nan=False).replace("</", "<\\/")
    return (
        f"<script>{plotly_bundle()}</script>\n<script>const drawn={data};\n"
        'const dark=matchMedia("(prefers-color-scheme: dark)");\n'
        "function draw(){for(const key in drawn){const one=drawn[key]"
        '[dark.matches?"dark":"light"];Plotly.react("plot-"+key,one.data,one.layout,'
        "{responsive:true,displaylogo:false});}}\n"
        'dark.addEventListener("change",draw);draw();</script>'
    )

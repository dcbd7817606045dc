"""Figures as a worker makes them: Plotly's JSON for a page, or a file for a paper."""

from __future__ import annotations

import base64
import json
import math
import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isoloss.errors import InputError, Where
from isoloss.ui import tasks

if TYPE_CHECKING:
    from isoloss.figures import Figure
    from isoloss.fitting import Allocation, Fit

KEPT = 8
NARROW, LETTER = 230.0, 7.5  # pixels of a plot on a telephone, and of a letter
MOST_STACKED = 6  # panels; a grid of more is one picture
TYPES = {"json": "application/json", "svg": "image/svg+xml", "pdf": "application/pdf"}
NAMES = ("coverage", "pilot", "residuals", "parameters", "isoflop", "iso-loss", "backtest")

_allocations: OrderedDict[str, Allocation] = OrderedDict()


def draw(arguments: dict[str, Any], report: tasks.Report) -> tasks.Answer:
    """A figure.

    Args:
        arguments: ``name``, ``kind`` (a key of ``TYPES``), ``theme``, ``narrow`` and what the
            figure is made from.
        report: unused.
    """
    figure = _figure(arguments)
    if arguments["narrow"] and len(figure.panels) <= MOST_STACKED:
        figure = stacked(figure)
    theme, kind = arguments["theme"], arguments["kind"]
    if kind == "json":
        found = {"title": figure.title, "caption": figure.caption, "alt": figure.alt}
        # As text, so that nobody on the way to the page takes it apart again.
        drawn = figure.to_dict(theme)
        if arguments["narrow"]:
            thin(drawn["layout"])
        text = json.dumps(found | drawn, allow_nan=False, separators=(",", ":"))
        return {"text": text}
    if kind == "svg":
        from isoloss.figures.saving import svg

        return {"text": svg(figure, theme)}
    from isoloss.figures.render_mpl import draw as draw_file

    return {"base64": base64.b64encode(draw_file(figure, theme, kind)).decode("ascii")}


def stacked(figure: Figure) -> Figure:
    """The figure with its panels below each other, for a narrow screen."""
    panels = tuple(
        # Below each other, no panel has a neighbour that carries its numbers.
        replace(one, place=(row, 0), x=replace(one.x, quiet=False), y=replace(one.y, quiet=False))
        for row, one in enumerate(figure.panels)
    )
    tall = max(figure.heights)
    return replace(
        figure, panels=panels, width="column", widths=(1.0,), heights=(tall,) * len(panels)
    )


def thin(layout: dict[str, Any]) -> None:
    """Leave out numbers of horizontal axes that would touch on a narrow screen; ticks stay."""
    for name, axis in layout.items():
        if not name.startswith("xaxis") or not axis.get("ticktext"):
            continue
        first, last = axis["range"]
        share = axis["domain"][1] - axis["domain"][0]
        words: list[str] = []
        free = -math.inf
        for value, word in zip(axis["tickvals"], axis["ticktext"], strict=True):
            at = math.log10(value) if axis["type"] == "log" else value
            middle = (at - first) / (last - first) * share * NARROW
            # Marks of superscripts and the like are not wide.
            half = LETTER * len(re.sub(r"<[^>]*>", "", word)) / 2
            shown = middle - half > free
            words.append(word if shown else "")
            free = middle + half + LETTER if shown else free
        axis |= {"ticktext": words, "tickangle": 0}


def _figure(arguments: dict[str, Any]) -> Figure:
    match arguments["name"]:
        case "coverage" | "pilot":
            from isoloss.figures.plane import plane

            further = [(run["n_params"], run["tokens"]) for run in arguments["further"]]
            return plane(tasks.table_of(arguments["table"]), further)
        case "residuals":
            from isoloss.figures.residuals import residuals
            from isoloss.validation import diagnose

            fit = tasks.fit_of(arguments["fit"])
            return residuals(fit, diagnose(fit))
        case "parameters":
            from isoloss.figures.parameters import parameters

            return parameters(tasks.fit_of(arguments["fit"]))
        case "iso-loss":
            from isoloss.figures.iso_loss import iso_loss

            return iso_loss(tasks.fit_of(arguments["fit"]), tasks.plan_of(arguments["plan"]))
        case "isoflop":
            from isoloss.figures.isoflop import isoflop

            fit, flop = tasks.fit_of(arguments["fit"]), arguments["plan"]["flop"]
            return isoflop(fit.points, _allocation(fit), fit, target=flop)
        case "backtest":
            from isoloss.figures.backtest import backtest
            from isoloss.validation import Backtest

            return backtest(Backtest.load(arguments["backtest"]))
        case name:
            raise InputError(
                f"found {name!r} where one of {', '.join(NAMES)} is expected.",
                code="unknown_figure",
                where=Where(field="name"),
            )


def _allocation(fit: Fit) -> Allocation:
    """Approach 2 on the runs of a fit, made once: it does not move with a budget."""
    from isoloss.fitting import isoflop

    key = f"{fit.points.data_hash} {fit.points.conventions}"
    if key not in _allocations:
        tasks.keep(_allocations, key, isoflop(fit.points))
    return _allocations[key]

"""F11: how much of the answer hangs on choices: exponent and N*, one row per choice."""

from __future__ import annotations

import math

import numpy as np

from isoloss.figures import context as c
from isoloss.figures.parts import Axis, Band, Figure, Layer, Mark, Panel, Points, Role, array
from isoloss.fitting import Approaches, Quantity
from isoloss.runs import format_quantity
from isoloss.validation import Sensitivity

ROW = 0.165  # inches
LETTERS = 40
TIERS = 6  # left-out tiers that are shown, those that move N* most
WIDEST = 30.0  # a bar of N* that is longer than this factor to a side is cut

Row = tuple[str, str, Quantity, Quantity]  # group, label, exponent, N*


def forest(found: Sensitivity, approaches: Approaches | None = None) -> Figure:
    """The exponent of N* and N* at the target under each choice.

    Args:
        found: one choice changed at a time.
        approaches: the three approaches, as further rows.
    """
    rows: list[Row] = [(r.group, r.label, r.exponent, r.n_params) for r in found.choices]
    if approaches is not None:
        for name, allocation in approaches.allocations.items():
            exponent = allocation.exponents["n_opt"]
            size = allocation.at(found.target_flop).n_params
            rows.append(("approach", f"approach {_NUMBERS[name]}: {name}", exponent, size))
    rows, hidden = _most_moving(rows)
    rows = [row for row in rows if math.isfinite(row[2].estimate) or math.isfinite(row[3].estimate)]
    places = _places(rows)
    names = [""] * (max(places) + 1)
    for (group, label, _, _), place in zip(rows, places, strict=True):
        names[place] = _shown(group, label)
    top = len(names)
    tiers = (
        f" Of the tiers left out one by one, the {TIERS} that move N* most are shown; {hidden} "
        "others move it less."
        if hidden
        else ""
    )
    y = Axis("", -0.6, top - 0.4, names=tuple(names), reverse=True)
    base = rows[0]
    exponent = _panel(rows, places, y, base[2], False, 2)
    size = _panel(rows, places, y, base[3], True, 3)
    exponents = [v for r in rows for v in (r[2].estimate, r[2].lo, r[2].hi)]
    sizes = np.array([r[3].estimate for r in rows])
    low, high = c.whiskers(
        sizes, np.array([r[3].lo for r in rows]), np.array([r[3].hi for r in rows]), WIDEST
    )
    label = c.n_label(found.conventions).replace("N (", "N* (")
    return Figure(
        key="forest",
        title="What the answer hangs on",
        panels=(
            Panel(
                Axis("a of N* ∝ C^a", *c.even_range(exponents)),
                y,
                exponent,
                title="Exponent",
            ),
            Panel(
                Axis(label, *c.log_range(sizes, low, high), True, "params"),
                Axis("", y.lo, y.hi, names=tuple(names), reverse=True, quiet=True),
                size,
                title=f"N* at {c.flop_words(found.target_flop)} FLOP",
                place=(0, 1),
            ),
        ),
        caption=(
            f"One choice changed at a time on {found.n_runs} runs; first row and band: as fitted "
            f"({rows[0][1]}).{tiers} N* is in the count of N of its row. "
            f"{c.meaning(found.conventions, '6nd')} "
            f"{c.sentence(c.interval_words(0.9, found.ci, found.draws))}"
        ),
        widths=(1.0, 1.0),
        heights=(0.8 + ROW * top,),
        alt="A forest plot: the exponent and the best size with intervals, one row per choice.",
        source={"data_hash": found.data_hash, "law": found.law},
    )


_NUMBERS = {"envelope": "1", "isoflop": "2", "joint": "3"}


def _most_moving(rows: list[Row]) -> tuple[list[Row], int]:
    """Of the rows that leave a tier out, those that move N* most; and how many are not shown."""
    base = rows[0][3].estimate
    tiers = [row for row in rows if row[0] == "tier"]
    moved = sorted(tiers, key=lambda row: -abs(math.log(row[3].estimate / base)))
    kept = {row[1] for row in moved[:TIERS]}
    shown = [row for row in rows if row[0] != "tier" or row[1] in kept]
    return shown, len(rows) - len(shown)


def _places(rows: list[Row]) -> list[int]:
    """Rows from the top, with an empty one between groups."""
    places: list[int] = []
    at = 0
    for i, row in enumerate(rows):
        at += bool(i and row[0] != rows[i - 1][0])
        places.append(at)
        at += 1
    return places


def _shown(group: str, label: str) -> str:
    if group == "as fitted":
        return group
    text = label if group in ("N", "approach") else f"{group}: {label}"
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _panel(
    rows: list[Row], places: list[int], y: Axis, base: Quantity, log: bool, column: int
) -> tuple[Layer, ...]:
    quantities: list[Quantity] = [row[2] if column == 2 else row[3] for row in rows]
    middle, lo, hi = (
        np.array([getattr(q, end) for q in quantities]) for end in ("estimate", "lo", "hi")
    )
    if log:
        lo, hi = c.whiskers(middle, lo, hi, WIDEST)
    layers: list[Layer] = []
    if math.isfinite(base.lo) and math.isfinite(base.hi):
        layers.append(Band(array([base.lo, base.hi]), array([y.lo] * 2), array([y.hi] * 2)))
    layers.append(Mark(x=base.estimate, role="guide"))
    at = np.array(places, dtype=np.float64)
    kinds: tuple[tuple[slice, Role], ...] = ((slice(1, None), "data"), (slice(0, 1), "answer"))
    for part, role in kinds:
        names = tuple(
            f"{row[1]}: {format_quantity(q.estimate) if log else c.said(q)}"
            for row, q in list(zip(rows, quantities, strict=True))[part]
        )
        layers.append(
            Points(
                *(array(middle[part]), array(at[part]), role),
                x_lo=array(lo[part]),
                x_hi=array(hi[part]),
                names=names,
            )
        )
    return tuple(layers)

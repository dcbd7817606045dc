"""What several figures share: ranges, distance beyond the data, captions, the law on a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import InputError, Where
from isoloss.figures.parts import Anchor, Axis, Band, Beyond, Kind, Layer, Line, Role, Text, array
from isoloss.figures.ticks import power
from isoloss.fitting import Fit, Quantity
from isoloss.laws.compute import FlopRule, flop_rule
from isoloss.laws.optimum import Surface, allocate, can_allocate
from isoloss.runs import Conventions, Points, format_quantity

if TYPE_CHECKING:
    from isoloss.planning import Plan

Array = NDArray[np.float64]

MARGIN = 0.06  # of an axis, beyond what is on it
NEAR = 1.05  # an axis that ends within this factor of the data does not go beyond it
CORNER = 0.42, 0.36  # shares of a panel that words in its corner take at most
DRAWS = 400  # draws behind a band; more move its ends by less than a line's width
COUNTS = {
    "total": "all parameters",
    "nonemb": "without embeddings",
    "matmul": "without input embedding",
    "active": "active per token",
    "params": "as the runs give it",
}
FLOP_WORDS = {
    "6nd": "C = 6 N D",
    "given": "C as the runs give it",
    "runs": "C as the runs count it",
}
CI_WORDS = {
    "tier": "bootstrap over compute tiers",
    "tier-cases": "bootstrap of whole compute tiers",
    "run": "bootstrap over runs",
    "sizes": "bootstrap over sizes",
    "profile": "profile likelihood",
}


def log_range(*values: ArrayLike, margin: float = MARGIN) -> tuple[float, float]:
    """The range of a logarithmic axis that holds these positive values, with a margin."""
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=np.float64)) for v in values])
    usable = flat[np.isfinite(flat) & (flat > 0)]
    low, high = math.log(usable.min()), math.log(usable.max())
    pad = margin * (high - low) if high > low else 0.1
    return math.exp(low - pad), math.exp(high + pad)


def even_range(*values: ArrayLike, margin: float = MARGIN) -> tuple[float, float]:
    """The range of a linear axis that holds these values, with a margin."""
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=np.float64)) for v in values])
    usable = flat[np.isfinite(flat)]
    low, high = float(usable.min()), float(usable.max())
    pad = margin * (high - low) if high > low else max(abs(high), 1.0) * 0.05
    return low - pad, high + pad


def log_axis(label: str, kind: Kind, lo: float, hi: float, seen: ArrayLike | None = None) -> Axis:
    """A logarithmic axis; what lies beyond the data is shaded and its distance is said.

    Args:
        label: what it measures.
        kind: how numbers are written.
        lo: smallest value.
        hi: largest value.
        seen: the values of the runs; None where all of the axis is data.
    """
    beyond: list[Beyond] = []
    if seen is not None:
        known = np.asarray(seen, dtype=np.float64)
        known = known[np.isfinite(known) & (known > 0)]
        if known.size:
            beyond = beyond_data(float(known.min()), float(known.max()), lo, hi)
    return Axis(label, lo, hi, log=True, kind=kind, beyond=tuple(beyond))


def beyond_data(first: float, last: float, lo: float, hi: float) -> list[Beyond]:
    """The parts of an axis that runs from ``first`` to ``last`` have not reached."""
    # The margin of an axis is no forecast.
    margin = (hi / lo) ** (MARGIN / (1 + 2 * MARGIN))
    high, low = hi / margin, lo * margin
    found: list[Beyond] = []
    if high > last * NEAR:
        found.append(Beyond(last, f"× {times(high / last)} beyond data"))
    if low < first / NEAR:
        found.append(Beyond(first, f"× {times(first / low)} below data", below=True))
    return found


def times(factor: float) -> str:
    """A factor with two digits: 1.6, 32, 410, 5.2k."""
    rounded = float(f"{factor:.1e}")
    return f"{rounded:g}" if rounded < 1000 else format_quantity(rounded, 2)


def round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * s for s in (1.0, 2.0, 5.0, 10.0) if size * s >= rough * (1 - 1e-9))


def count_words(conventions: Conventions | Mapping[str, str]) -> str:
    """What N counts, in words."""
    named = _named(conventions)["n"]
    return COUNTS.get(named, named.removeprefix("column:"))


def n_label(conventions: Conventions | Mapping[str, str]) -> str:
    """The label of an axis of sizes."""
    named = _named(conventions)["n"]
    kind = {"nonemb": "non-embedding ", "active": "active "}.get(named, "")
    return f"N ({kind}parameters)"


def loss_label(conventions: Conventions | Mapping[str, str]) -> str:
    """The label of an axis of losses."""
    return f"loss ({_named(conventions)['loss_unit']})"


def _named(conventions: Conventions | Mapping[str, str]) -> Mapping[str, str]:
    return conventions.to_dict() if isinstance(conventions, Conventions) else conventions


def interval_words(level: float, ci: str, draws: int | None = None) -> str:
    """How intervals were made: ``bands: 90 % by bootstrap over compute tiers, 1000 draws``."""
    if ci == "none":
        return "no intervals were made"
    how = CI_WORDS.get(ci, f"bootstrap over {ci.removeprefix('column:')}")
    many = "" if draws is None else f", {draws:,} draws"
    return f"intervals: {level:.0%} by {how}{many}".replace("%", " %")


def meaning(conventions: Conventions | Mapping[str, str], flop: str | None = None) -> str:
    """What N, C and the loss mean, in a sentence."""
    named = _named(conventions)
    rule = flop or named["flop"]
    counted = FLOP_WORDS.get(rule, f"C counted as {rule}")
    return f"N: {count_words(named)}; {counted}; loss in {named['loss_unit']}."


def fit_caption(fit: Fit, flop: str | None = None) -> str:
    """Runs, law, conventions, unit, objective and intervals of a fit, in sentences."""
    ci = fit.ci if len(fit.draws) else "none"
    words = sentence(interval_words(fit.level, ci, len(fit.draws) or None))
    said = meaning(fit.points.conventions, flop)
    return (
        f"{fit.n_runs} runs in {fit.n_tiers} compute tiers; {fit.law.name}, L = {fit.law.formula}, "
        f"fitted by {fit.objective.name} on log loss. {said} {words}"
    )


def said(quantity: Quantity, digits: int = 2) -> str:
    """An exponent with its interval: ``0.51 (0.46 to 0.57)``."""
    text = f"{quantity.estimate:.{digits}f}"
    if math.isnan(quantity.lo):
        return text
    return f"{text} ({quantity.lo:.{digits}f} to {quantity.hi:.{digits}f})"


def surface_of(fit: Fit, plan: Plan | None = None) -> Surface:
    """The law of a fit with what a token costs: as the plan counts it, else as the runs do.

    Raises:
        InputError: the law is not in N and D.
    """
    if not can_allocate(fit.law):
        raise InputError(
            f"this figure needs a law in N and D, and {fit.law.name} is in "
            f"{' and '.join(fit.law.variables)}.",
            code="law_without_plane",
            where=Where(field="law"),
            hint="Fit chinchilla, coupled or farseer; the figures residuals, parameters and "
            "backtest take any law.",
        )
    named = plan.conventions["flop"] if plan is not None else fit.points.conventions.flop
    ratio = fit.points.flop / (6.0 * fit.points.params * fit.points.tokens)
    differs = bool(np.all(np.isfinite(ratio)) and np.max(np.abs(ratio - 1)) > 0.01)
    rule = flop_rule("runs", fit.points) if named != "6nd" and differs else FlopRule()
    return Surface(fit.law, rule, plan.unique_tokens if plan is not None else None)


def whiskers(middle: Array, lo: Array, hi: Array, most: float) -> tuple[Array, Array]:
    """Ends of intervals, cut at a factor of the estimate: open ones would cross the panel."""
    low = np.nan_to_num(lo, nan=0.0, neginf=0.0)
    high = np.nan_to_num(hi, nan=np.inf, posinf=np.inf)
    unknown = np.isnan(lo) & np.isnan(hi)
    low, high = np.maximum(low, middle / most), np.minimum(high, middle * most)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def some_draws(draws: Array, most: int = DRAWS) -> Array:
    """At most so many of the draws, evenly spread over them."""
    if len(draws) <= most:
        return draws
    return draws[np.linspace(0, len(draws) - 1, most).astype(np.int64)]


def frontier(
    fit: Fit, surface: Surface, flop: Array, bounds: tuple[float, float]
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """N* and D* along compute with their intervals: six arrays like ``flop``.

    Returns:
        N*, its lower and upper end, D*, its lower and upper end; NaN where there is none.
    """
    quick = fit.law.additive is not None and surface.rule.name == "6nd"
    draws = some_draws(fit.draws, DRAWS if quick else DRAWS // 4)
    thetas = np.concatenate([fit.theta[None], draws])
    many = np.repeat(thetas, len(flop), axis=0).T
    best = allocate(surface, many, np.tile(flop, len(thetas)), bounds)
    shape = len(thetas), len(flop)
    params = np.where(best.found, best.params, np.nan).reshape(shape)
    tokens = np.where(best.found, best.tokens, np.nan).reshape(shape)
    results: list[Array] = []
    for values in (params, tokens):
        lo, hi = ends(values[1:], fit.level, len(flop))
        results += [values[0], np.fmin(lo, values[0]), np.fmax(hi, values[0])]
    return results[0], results[1], results[2], results[3], results[4], results[5]


def ends(draws: Array, level: float, width: int) -> tuple[Array, Array]:
    """The middle ``level`` of draws (n, width) per column; NaN without draws."""
    nothing = np.full(width, np.nan)
    if not len(draws):
        return nothing, nothing
    known = np.isfinite(draws)
    enough = known.mean(axis=0) > 0.5
    safe = np.where(known, draws, np.nanmedian(np.where(known, draws, np.nan)))
    lo, hi = np.quantile(safe, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.where(enough, lo, np.nan), np.where(enough, hi, np.nan)


def geometric(lo: float, hi: float, count: int) -> Array:
    """Numbers evenly spaced in their logarithm, both ends included."""
    low, high = math.log(lo), math.log(hi)
    return np.exp(low + (high - low) / (count - 1) * np.arange(count))


def along(
    x: Array, y: Array, lo: Array, hi: Array, last: float, role: Role, dashed: bool = False
) -> list[Layer]:
    """A curve with its band, in the role of the answer where the data have ended.

    Args:
        x: ascending (n,), with a value at ``last``.
        y: (n,).
        lo: lower end of the interval (n,); NaN where there is none.
        hi: upper end (n,).
        last: where the data end.
        role: of the curve inside the data.
        dashed: the curve inside the data is dashed, as the one beyond always is.
    """
    layers: list[Layer] = []
    parts: tuple[tuple[Any, Role, Role], ...] = (
        (x <= last * (1 + 1e-12), role, "band"),
        (x >= last * (1 - 1e-12), "answer", "answer band"),
    )
    for seen, own, band in parts:
        if seen.sum() > 1:
            if np.isfinite(lo[seen]).any():
                layers.append(Band(array(x[seen]), array(lo[seen]), array(hi[seen]), band))
            is_dashed = dashed or own == "answer"
            layers.append(Line(array(x[seen]), array(y[seen]), own, dashed=is_dashed))
    return layers


def in_corner(text: str, x_axis: Axis, y_axis: Axis, x: Array, y: Array) -> Text:
    """Words in the corner of a panel where the fewest points are.

    Args:
        text: the words.
        x_axis: of the panel.
        y_axis: of the panel.
        x: of the points (n,).
        y: of the points (n,).
    """
    across = np.array([x_axis.share(float(v)) for v in x])
    upright = np.array([y_axis.share(float(v)) for v in y])
    corners: tuple[tuple[Anchor, float, float], ...] = (
        ("upper right", 0.98, 0.98),
        ("upper left", 0.02, 0.98),
        ("lower left", 0.02, 0.02),
        ("lower right", 0.98, 0.02),
    )

    def crowd(corner: tuple[Anchor, float, float]) -> int:
        near = (np.abs(across - corner[1]) < CORNER[0]) & (np.abs(upright - corner[2]) < CORNER[1])
        return int(near.sum())

    anchor, at_x, at_y = min(corners, key=crowd)
    return Text(at_x, at_y, text, anchor=anchor, inside=True)


def flop_words(value: float) -> str:
    """Compute with two digits: ``10²⁴``, ``3×10¹³``."""
    return power(float(f"{value:.2g}"))


def sentence(words: str) -> str:
    """Words with a capital and a full stop."""
    return f"{words[0].upper()}{words[1:]}."


def tier_budgets(points: Points) -> Array:
    """The compute of each tier, geometric means, ascending."""
    return np.array(
        [math.exp(np.log(points.flop[points.tier == t]).mean()) for t in np.unique(points.tier)]
    )


def require_columns(points: Points, *names: str) -> None:
    """Refuse a figure whose axes the runs do not have.

    Raises:
        InputError: N, D or C is missing.
    """
    for name in names:
        if not np.all(np.isfinite(getattr(points, name))):
            raise InputError(
                f"this figure needs the {name} of every run, and the table does not give them all.",
                code="missing_column",
                where=Where(field=name),
                hint="isoloss runs check shows which columns were found.",
            )

"""F10: how well the runs fix the parameters of a law, pair by pair.

After Besiroglu et al. 2024: draws with ellipses, densities, published values as crosses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError
from isoloss.figures import context as c
from isoloss.figures.parts import Axis, Band, Figure, Layer, Line, Mark, Panel, Points, Text, array
from isoloss.fitting import Fit
from isoloss.validation.identification import ProfileCurve

Array = NDArray[np.float64]
SHOWN = 300  # draws that are drawn; the ellipses are of all
LEVELS = (0.5, 0.9)
TAIL = 0.005  # share of the draws beyond either end of an axis
STEPS = 80
FAR = 1.0  # widths of an axis beyond which a published value is not drawn
MOST = 7


def parameters(fit: Fit, profiles: Mapping[str, ProfileCurve] | None = None) -> Figure:
    """The draws of each pair of parameters, their densities, profiles and published values.

    Args:
        fit: with draws.
        profiles: profile likelihoods by parameter, drawn beside the densities.

    Raises:
        EvidenceError: the fit has no draws.
        InputError: the law has one parameter, or too many to draw.
    """
    fit.require_draws("the figure of parameters")
    free = [i for i, name in enumerate(fit.law.names) if name not in fit.constraints.fixed]
    free = [i for i in free if np.ptp(fit.draws[:, i]) > 0]
    if not 2 <= len(free) <= MOST:
        raise InputError(
            f"the law {fit.law.name} has {len(free)} free parameters, where 2 to {MOST} can be "
            "drawn in pairs.",
            code="too_many_parameters" if free else "no_parameters",
        )
    columns = [_Column(fit, i) for i in free]
    published, far = _published(fit, columns)
    count = len(columns)
    panels: list[Panel] = []
    for row, upright in enumerate(columns):
        for column, across in enumerate(columns[: row + 1]):
            last = row == count - 1
            x = across.axis(quiet=not last)
            if row == column:
                layers = _density(across, profiles or {}, published)
                y = Axis("", 0.0, 1.12, names=("",))
            else:
                layers = _pair(across, upright, published)
                y = upright.axis(quiet=column > 0)
            panels.append(Panel(x, y, tuple(layers), place=(row, column), lettered=False))
    exponent = _exponent(fit)
    if exponent is not None and count > 2:
        panels.append(exponent)
    crosses = f" Crosses: {', '.join(sorted({p[0] for p in published}))}." if published else ""
    missing = f" Outside the panels: {', '.join(far)}." if far else ""
    profiled = " Dashed: profile likelihood." if profiles else ""
    return Figure(
        key="parameters",
        title=f"Parameters of {fit.law.name}",
        panels=tuple(panels),
        caption=(
            f"Dots: {min(SHOWN, len(fit.draws))} of {len(fit.draws):,} draws; ellipses: 50 % and "
            f"90 % of a normal distribution of the same covariance; orange: the estimate; on the "
            f"diagonal the density of the draws.{profiled}{crosses}{missing} {c.fit_caption(fit)}"
        ),
        widths=(1.0,) * count,
        heights=(6.2 / count,) * count,
        alt="A triangle of scatter plots of the parameters with ellipses, and their densities.",
        source={"data_hash": fit.points.data_hash, "law": fit.law.name},
    )


class _Column:
    """One parameter with its draws, as a logarithm where it is a scale."""

    def __init__(self, fit: Fit, index: int) -> None:
        parameter = fit.law.parameters[index]
        self.index, self.name = index, parameter.name
        values = fit.draws[:, index]
        self.log = parameter.positive and bool(np.all(values > 0))
        self.draws = self.of(values)
        self.estimate = float(self.of(fit.theta[[index]])[0])
        ends = np.quantile(self.draws, [TAIL, 1 - TAIL])
        self.lo, self.hi = c.even_range(ends, [self.estimate], margin=0.12)

    @property
    def label(self) -> str:
        """What stands on its axis."""
        return f"log₁₀ {self.name}" if self.log else self.name

    def of(self, values: Array) -> Array:
        """Values of the parameter as they are drawn."""
        with np.errstate(all="ignore"):
            return np.log10(values) if self.log else values

    def axis(self, *, quiet: bool) -> Axis:
        """Its axis."""
        return Axis(self.label, self.lo, self.hi, quiet=quiet)


def _published(
    fit: Fit, columns: list[_Column]
) -> tuple[list[tuple[str, dict[str, float]]], list[str]]:
    """Published values that are in the unit of the runs, and the keys of those too far away."""
    near: list[tuple[str, dict[str, float]]] = []
    far: list[str] = []
    for one in fit.law.published:
        if one.loss_unit != fit.points.conventions.loss_unit:
            continue
        values = {k.name: float(k.of(np.array([one.values[k.name]]))[0]) for k in columns}
        room = {k.name: FAR * (k.hi - k.lo) for k in columns}
        if all(k.lo - room[k.name] <= values[k.name] <= k.hi + room[k.name] for k in columns):
            near.append((one.key, values))
        else:
            far.append(one.key)
    for column in columns:
        inside = [values[column.name] for _, values in near]
        lo, hi = min([column.lo, *inside]), max([column.hi, *inside])
        if (lo, hi) != (column.lo, column.hi):
            column.lo, column.hi = c.even_range([lo, hi])
    return near, far


def _pair(
    across: _Column, upright: _Column, published: list[tuple[str, dict[str, float]]]
) -> list[Layer]:
    some = c.some_draws(np.stack([across.draws, upright.draws], axis=1), SHOWN)
    layers: list[Layer] = [Points(array(some[:, 0]), array(some[:, 1]), "faded", small=True)]
    for level in LEVELS:
        x, y = _ellipse(across.draws, upright.draws, level)
        layers.append(Line(array(x), array(y), "law", thin=level < 0.6))
    layers.append(Points(array([across.estimate]), array([upright.estimate]), "answer"))
    if published:
        layers.append(
            Points(
                array([values[across.name] for _, values in published]),
                array([values[upright.name] for _, values in published]),
                "reference",
                names=tuple(key for key, _ in published),
            )
        )
    return layers


def _ellipse(x: Array, y: Array, level: float) -> tuple[Array, Array]:
    """The ellipse that holds a share of a normal distribution with the draws' covariance."""
    values, vectors = np.linalg.eigh(np.cov(x, y))
    radius = math.sqrt(-2 * math.log(1 - level))
    angle = 2 * math.pi / STEPS * np.arange(STEPS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    path = radius * vectors @ (np.sqrt(np.maximum(values, 0.0))[:, None] * circle)
    return np.mean(x) + path[0], np.mean(y) + path[1]


def _density(
    column: _Column,
    profiles: Mapping[str, ProfileCurve],
    published: list[tuple[str, dict[str, float]]],
) -> list[Layer]:
    x, y = density(column.draws, column.lo, column.hi)
    layers: list[Layer] = [
        Band(array(x), array(np.zeros_like(y)), array(y)),
        Line(array(x), array(y), "law"),
    ]
    profile = profiles.get(column.name)
    if profile is not None:
        values = column.of(profile.values)
        layers.append(Line(array(values), array(np.exp(-0.5 * profile.rise)), "path", thin=True))
    layers.append(Mark(x=column.estimate, role="answer"))
    layers += [Mark(x=values[column.name], role="reference") for _, values in published]
    return layers


def density(draws: Array, lo: float, hi: float) -> tuple[Array, Array]:
    """A smooth density of draws between two values, its peak at 1 (Gaussian, Silverman's width)."""
    quartiles = np.quantile(draws, [0.25, 0.75])
    spread = min(float(np.std(draws)), float(quartiles[1] - quartiles[0]) / 1.349)
    width = 0.9 * (spread or float(np.std(draws)) or 1.0) * len(draws) ** -0.2
    x: Array = lo + (hi - lo) / (STEPS - 1) * np.arange(STEPS, dtype=np.float64)
    y: Array = np.exp(-0.5 * ((x[:, None] - draws) / width) ** 2).sum(axis=1)
    return x, y / y.max()


def _exponent(fit: Fit) -> Panel | None:
    """The exponent of N* ~ C^a, with one half, where size and data would grow alike."""
    if fit.law.additive is None:
        return None
    _, alpha, _, beta = fit.law.additive
    a, b = (fit.draws[:, fit.law.names.index(name)] for name in (alpha, beta))
    with np.errstate(all="ignore"):
        draws = b / (a + b)
    draws = draws[np.isfinite(draws)]
    found = fit.exponents["n_opt"]
    lo, hi = c.even_range(np.quantile(draws, [TAIL, 1 - TAIL]), [0.5, found.estimate], margin=0.12)
    x, y = density(draws, lo, hi)
    place = len([n for n in fit.law.names if n not in fit.constraints.fixed]) - 1
    return Panel(
        Axis("a of N* ∝ C^a", lo, hi),
        Axis("", 0.0, 1.3, names=("",)),
        (
            Band(array(x), array(np.zeros_like(y)), array(y)),
            Line(array(x), array(y), "law"),
            Mark(x=0.5, role="reference", label="½"),
            Mark(x=found.estimate, role="answer"),
            Text(0.5, 0.99, c.said(found), anchor="above", inside=True),
        ),
        place=(0, place),
        lettered=False,
    )

"""F13: loss over tokens per parameter, size by size, by fits that saw more or less of that range.

Where the lines part, the law is not the same in all of the range.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import Axis, Figure, Layer, Line, Panel, Points, Scale, array
from isoloss.fitting import Fit
from isoloss.fitting.sweep import size_numbers
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
SIZES = 6
STEPS = 60
LIMITS = (100.0, 300.0)
LEAST = 0.1  # share of the runs that a limit must leave out, or it is no other fit


def tokens_per_param(fit: Fit, restricted: Mapping[float, Fit] | None = None) -> Figure:
    """The runs and the law over D/N for some sizes, and the same of fits to part of the range.

    Args:
        fit: to all runs.
        restricted: fits to the runs up to some D/N, by that limit.

    Raises:
        InputError: the law is not in N and D, or the runs lack one of them.
    """
    points = fit.points
    c.require_columns(points, "params", "tokens")
    surface = c.surface_of(fit)
    ratio = points.tokens / points.params
    scale = Scale(
        c.n_label(points.conventions),
        *(float(points.params.min()), float(points.params.max())),
        True,
        "params",
    )
    lo, hi = c.log_range(ratio)
    r = c.geometric(lo, hi, STEPS)
    fits = {np.inf: fit, **(restricted or {})}
    layers: list[Layer] = []
    chosen = _sizes(points.params)
    for n in chosen:
        for limit, one in sorted(fits.items(), reverse=True):
            x = surface.run(np.full(STEPS, n), n * r)
            loss = one.law.value(one.theta[:, None], x)
            last = limit == np.inf
            layers.append(
                Line(
                    array(r),
                    array(loss),
                    "law",
                    float(n),
                    dashed=not last,
                    thin=not last and limit < max(k for k in fits if k != np.inf),
                    label=format_quantity(float(n)) if last else "",
                )
            )
    layers.append(
        Points(
            array(ratio),
            array(points.loss),
            shade=array(points.params),
            names=tuple(
                f"{name}: N {format_quantity(n)}, D/N {x:.3g}, loss {y:.4g}"
                for name, n, x, y in zip(
                    points.run_id, points.params, ratio, points.loss, strict=True
                )
            ),
        )
    )
    others = sorted(restricted or {}, reverse=True)
    styles = ("dashed", "thin dashed")
    said = "; ".join(
        f"{style}: fitted to the {fits[limit].n_runs} runs up to D/N = {limit:g}"
        for style, limit in zip(styles, others, strict=False)
    )
    also = f"; {said}" if said else "; all runs are within D/N = 100, so no part is fitted alone"
    return Figure(
        key="tokens-per-param",
        title="Loss over tokens per parameter",
        panels=(
            Panel(
                Axis("D/N (tokens per parameter)", lo, hi * 1.35, True, "number"),
                Axis(c.loss_label(points.conventions), *c.log_range(points.loss), True, "loss"),
                tuple(layers),
                title="Loss over D/N",
                scale=scale,
            ),
        ),
        caption=f"Dots: runs, shaded by size. Solid: the law fitted to all{also}. "
        f"{c.fit_caption(fit)}",
        heights=(3.1,),
        alt="Loss over tokens per parameter with one curve per size.",
        source={"data_hash": points.data_hash, "law": fit.law.name},
    )


def _sizes(params: Array) -> list[float]:
    """Some sizes of the runs, evenly spread, those with most runs first."""
    group = size_numbers(params)
    means = np.array(
        [np.exp(np.log(params[group == g]).mean()) for g in range(int(group.max()) + 1)]
    )
    if len(means) <= SIZES:
        return [float(n) for n in means]
    wanted = c.geometric(float(means[0]), float(means[-1]), SIZES)
    near = {int(np.argmin(np.abs(np.log(means / w)))) for w in wanted}
    return [float(means[i]) for i in sorted(near)]


def limits_of(fit: Fit) -> list[float]:
    """The limits of D/N that leave out enough runs to make another fit, and keep enough."""
    ratio = fit.points.tokens / fit.points.params
    return [
        limit
        for limit in LIMITS
        if float(np.mean(ratio > limit)) >= LEAST and int(np.sum(ratio <= limit)) >= 12
    ]

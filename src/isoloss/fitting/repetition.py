"""Fit what repetition costs on top of a base law that is held, or with all of it free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from isoloss.errors import InputError, Where
from isoloss.fitting.fit import fit
from isoloss.fitting.quantity import Notice
from isoloss.fitting.result import Fit
from isoloss.laws import Law, get_law, get_published
from isoloss.runs import Points, Runs

BASE = ("E", "A", "B", "alpha", "beta")
STEPS = 2.0 ** np.arange(-5, 7)
LEVEL_VALLEY = 0.01  # of the objective
WIDE = 4.0

Base = str | Fit | Mapping[str, float]


def fit_repetition(
    runs: Runs | Points,
    law: str | Law = "repetition",
    *,
    base: Base | None = None,
    **options: Any,
) -> Fit:
    """Fit a law of repeated data, with its base (E, A, B, alpha, beta) held or free.

    Args:
        runs: runs that repeat data.
        law: ``repetition`` or ``lovelace``.
        base: where the base comes from: a fit of chinchilla to runs that do not repeat, the key of
            published coefficients of chinchilla or of the law itself (``muennighoff``), or values
            by name; None fits it too.
        options: as for ``fit``; ``fixed`` may hold further parameters.

    Raises:
        InputError: the base lacks a parameter, or an argument is unusable.
        EvidenceError: as for ``fit``.
    """
    known = get_law(law)
    held = {} if base is None else base_values(known, base)
    fixed = held | dict(options.pop("fixed", None) or {})
    found = fit(runs, known, fixed=fixed, **options)
    notices = list(found.warnings)
    if held:
        notices.append(
            Notice(
                "base_held",
                "the base is held at "
                + ", ".join(f"{name} = {value:.5g}" for name, value in held.items())
                + "; the intervals do not include what is uncertain in it.",
            )
        )
    if held and "RD" in known.names and "RD" not in fixed:
        notices.extend(_valley(found))
    return replace(found, warnings=tuple(notices))


def base_values(law: Law, base: Base) -> dict[str, float]:
    """The base parameters of a law from a fit, a key of published coefficients, or values.

    Raises:
        InputError: there is no such key, or a parameter is missing.
    """
    wanted = [name for name in BASE if name in law.names]
    if isinstance(base, Fit):
        values, source = dict(base.estimate), f"the fit of {base.law.name}"
    elif isinstance(base, str):
        values, source = _published(law, base), f"{base!r}"
    else:
        values, source = dict(base), "the base"
    missing = [name for name in wanted if name not in values]
    if missing or not wanted:
        raise InputError(
            f"{source} has no {', '.join(missing) or 'base parameter of ' + law.name}.",
            code="bad_base",
            where=Where(field="base"),
            hint="The base is a fit of chinchilla, or published coefficients of it.",
        )
    return {name: float(values[name]) for name in wanted}


def _published(law: Law, key: str) -> dict[str, float]:
    if any(one.key == key for one in law.published):
        return dict(get_published(law, key).values)
    base = get_law("chinchilla")
    if any(one.key == key for one in base.published):
        return dict(get_published(base, key).values)
    keys = [one.key for one in (*law.published, *base.published)]
    raise InputError(
        f"there are no published coefficients named {key[:60]!r}.",
        code="unknown_published",
        where=Where(field="base"),
        hint=f"Known: {', '.join(keys)}. A fit is given as its file.",
    )


def _valley(found: Fit) -> list[Notice]:
    """For which R_D* the objective is within 1 % of its minimum, the other parameters refitted."""
    best = found.estimate["RD"]
    law = found.law
    low, high = law.parameters[law.names.index("RD")].bounds
    level: list[float] = [best]
    others = {name: value for name, value in found.constraints.fixed.items() if name != "RD"}
    for value in best * STEPS:
        if low <= value <= high and value != best:
            held = fit(
                found.points,
                law,
                objective=found.objective,
                fixed={**others, "RD": float(value)},
                tied=found.constraints.tied,
                ci="none",
            )
            if held.objective_value <= (1.0 + LEVEL_VALLEY) * found.objective_value:
                level.append(float(value))
    if max(level) < WIDE * min(level):
        return []
    return [
        Notice(
            "half_life_not_fixed",
            f"the runs hardly fix R_D*: from {min(level):.3g} to {max(level):.3g} the objective is "
            "within 1 % of its minimum. Runs of more epochs, at sizes not far above N_opt(U), "
            "would fix it.",
        )
    ]

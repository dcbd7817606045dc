"""Which mixtures are allowed? Floors and caps per domain, what sets each, and contradictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting.mixture_table import MixtureTable
from isoloss.runs import format_quantity, parse_quantity

Array = NDArray[np.float64]
SLACK = 1e-9


@dataclass(frozen=True)
class Limits:
    """The allowed range of each domain's proportion, and where its ends come from.

    Attributes:
        domains: their names.
        low: smallest proportion (d,).
        high: largest proportion (d,).
        low_from: what sets each, in words.
        high_from: likewise.
    """

    domains: tuple[str, ...]
    low: Array
    high: Array
    low_from: tuple[str, ...]
    high_from: tuple[str, ...]

    def allows(self, shares: Array, slack: float = 0.005) -> NDArray[np.bool_]:
        """Whether mixtures (m, d) lie within, up to the rounding of printed proportions."""
        inside = (shares >= self.low - slack) & (shares <= self.high + slack)
        return np.asarray(inside.all(axis=1))


def limits(
    table: MixtureTable,
    *,
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
    pools: Mapping[str, float | str] | None = None,
    tokens: float | str | None = None,
    max_epochs: float = 4.0,
    extrapolate: bool = False,
) -> Limits:
    """The allowed mixtures.

    Args:
        table: the runs; without ``extrapolate`` no proportion leaves their range.
        at_least: smallest proportion by domain.
        at_most: largest proportion by domain.
        pools: unique tokens by domain; with ``tokens`` they cap how much of it can be used.
        tokens: of the run that is planned.
        max_epochs: how often a pool may be read.
        extrapolate: allow proportions that no run had.

    Raises:
        InputError: an unknown domain, a number out of range, or limits that contradict each other;
            the message names the ones that bind.
    """
    floors, caps = dict(at_least or {}), dict(at_most or {})
    sizes = {name: parse_quantity(value) for name, value in (pools or {}).items()}
    for field, given in (("at_least", floors), ("at_most", caps), ("pools", sizes)):
        _check_names(table, field, given)
    _check_shares(floors, "at_least")
    _check_shares(caps, "at_most")
    total = _check_pools(sizes, tokens, max_epochs)

    low = np.zeros(len(table.domains))
    high = np.ones(len(table.domains))
    low_from, high_from = ["zero"] * len(low), ["one"] * len(high)

    def raise_floor(at: int, value: float, why: str) -> None:
        if value > low[at]:
            low[at], low_from[at] = value, why

    def lower_cap(at: int, value: float, why: str) -> None:
        if value < high[at]:
            high[at], high_from[at] = value, why

    for at, name in enumerate(table.domains):
        if name in floors:
            raise_floor(at, floors[name], f"at least {floors[name]:g} asked for")
        if name in caps:
            lower_cap(at, caps[name], f"at most {caps[name]:g} asked for")
        if name in sizes:
            assert total is not None
            most = max_epochs * sizes[name] / total
            lower_cap(
                at,
                most,
                f"{max_epochs:g} epochs of {format_quantity(sizes[name])} tokens in "
                f"{format_quantity(total)}",
            )
        if not extrapolate:
            seen = table.shares[:, at]
            lower_cap(at, float(seen.max()), f"no run had more than {seen.max():.3g}")
            raise_floor(at, float(seen.min()), f"no run had less than {seen.min():.3g}")
    found = Limits(table.domains, low, high, tuple(low_from), tuple(high_from))
    _check_feasible(found)
    return found


def _check_names(table: MixtureTable, field: str, given: Mapping[str, float]) -> None:
    for name in given:
        if name not in table.domains:
            raise InputError(
                f'there is no domain "{name[:60]}".',
                code="unknown_domain",
                where=Where(field=field),
                hint=f"The domains are {', '.join(table.domains)}.",
            )


def _check_shares(given: Mapping[str, float], field: str) -> None:
    for name, value in given.items():
        if not 0.0 <= value <= 1.0:
            raise InputError(
                f'found {value:g} for "{name}" where a proportion from 0 to 1 is expected.',
                code="bad_share",
                where=Where(field=field),
            )


def _check_pools(
    sizes: Mapping[str, float], tokens: float | str | None, max_epochs: float
) -> float | None:
    if not (math.isfinite(max_epochs) and max_epochs > 0):
        raise InputError(
            f"found {max_epochs:g} epochs where a positive number is expected.",
            code="bad_epochs",
            where=Where(field="max_epochs"),
        )
    if sizes and tokens is None:
        raise InputError(
            "the size of a pool limits its proportion only if the tokens of the run are known.",
            code="missing_argument",
            where=Where(field="tokens"),
            hint="Give the tokens to train on, for example 100B.",
        )
    return None if tokens is None else parse_quantity(tokens)


def _check_feasible(found: Limits) -> None:
    for at, name in enumerate(found.domains):
        if found.low[at] > found.high[at] + SLACK:
            raise _contradiction(
                f'"{name}" must be {found.low[at]:.3g} or more ({found.low_from[at]}) and '
                f"{found.high[at]:.3g} or less ({found.high_from[at]})."
            )
    if found.low.sum() > 1.0 + SLACK:
        parts = [
            f"{name} {found.low[i]:.3g} ({found.low_from[i]})"
            for i, name in enumerate(found.domains)
            if found.low[i] > 0
        ]
        raise _contradiction(
            f"the smallest proportions add up to {found.low.sum():.3g}, more than 1: "
            f"{'; '.join(parts)}."
        )
    if found.high.sum() < 1.0 - SLACK:
        parts = [
            f"{name} {found.high[i]:.3g} ({found.high_from[i]})"
            for i, name in enumerate(found.domains)
        ]
        raise _contradiction(
            f"the largest proportions add up to {found.high.sum():.3g}, less than 1: "
            f"{'; '.join(parts)}."
        )


def _contradiction(message: str) -> InputError:
    return InputError(
        message,
        code="contradictory_limits",
        where=Where(field="limits"),
        hint="Loosen one of them: another share, more epochs, fewer tokens, or shares that no run "
        "had (extrapolate).",
    )

"""``isoloss pilot --runs``: what trained runs bought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isoloss.cli.backtest import target_of
from isoloss.cli.options import Output, Reading, placed
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.cli.means import MeansOptions


def bought(
    runs: Sequence[str],
    fit: str | None,
    plan: str | None,
    law: str | None,
    *,
    target: str | None,
    narrow: str | None,
    flop_per_token: str,
    means: MeansOptions,
    reading: Reading,
    output: Output,
) -> None:
    """Compare what was expected of runs with what they gave.

    Raises:
        InputError: it is not said what was expected, or something cannot be read.
    """
    from isoloss.fitting import Fit
    from isoloss.planning.pilot import bought as compare
    from isoloss.planning.pilot.bought import read_expectations

    if plan is None and fit is None:
        raise InputError(
            "what was expected of these runs is not known.",
            code="missing_argument",
            where=Where(field="--plan"),
            hint="Give the pilot, --plan pilot.toml, or the fit before these runs, --fit fit.json.",
        )
    told = None if plan is None else read_expectations(plan)
    before = None if fit is None else Fit.load(fit)
    with placed("--target"):
        flop = None if target is None else target_of(target, means)
    with output.working("fitting ..."):
        found = compare(
            reading.read(runs),
            plan=told,
            fit=before,
            law=law,
            target=flop,
            narrow=narrow,
            flop_per_token=flop_per_token,
        )
    output.give(
        text=lambda: f"{found.summary()}\n{footer(found.data_hash, found.seed)}",
        document=found.to_dict,
    )

"""A pilot: the runs to train, what they cost, and what they are expected to buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.validation.report import Report

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


@dataclass(frozen=True)
class PlannedRun:
    """One run of a pilot.

    Attributes:
        shape: width x layers.
        n_heads: its heads.
        n_params: N as the law counts it.
        tokens: D, whole updates.
        steps: updates.
        flop: training FLOP, attention included.
        flop_budget: of its IsoFLOP group.
        group: ``isoflop`` for the grid, ``added`` for a run that was added by its worth.
        seed: of weights and data order.
        lr: peak learning rate.
        loss: that is expected.
        half_width: of the answer's interval once this run and those before it are there, if the
            law is right: of the logarithm, or of the exponent itself; infinite while open.
        device_hours: None without hardware.
        money: None without a price.
    """

    shape: str
    n_heads: int
    n_params: float
    tokens: float
    steps: int
    flop: float
    flop_budget: float
    group: str
    seed: int
    lr: float
    loss: float
    half_width: float
    device_hours: float | None
    money: float | None


@dataclass(frozen=True)
class Rival:
    """A design that needs no law to be chosen, for comparison.

    Attributes:
        name: what it is.
        n_runs: how many runs.
        flop: what they cost.
        half_width: of the answer's interval after it, drift counted.
        gain: that over the pilot's: 2 where the pilot's interval is half as wide.
    """

    name: str
    n_runs: int
    flop: float
    half_width: float
    gain: float


@dataclass(frozen=True)
class PilotPlan(Report):
    """Runs that narrow the answer about a big run most, within a budget.

    Attributes:
        budget_flop: what may be spent.
        flop: what the runs cost.
        reserve_flop: what is left for runs that fail.
        narrow: ``loss``, ``size`` or ``exponent``: the answer that is narrowed.
        target: the big run: ``flop``, ``n_params``, ``tokens`` and ``source`` (``given`` or
            ``assumed``).
        before: the answer by what is believed, with the interval that the runs so far give it.
        after: the same with the interval that is expected after the pilot, if the law is right.
        half_width: before and after: ``before``, ``after`` (if the law is right), and ``drifting``
            (after, if it misses by ``drift`` per decade below the target).
        runs: the runs, the cheapest first.
        optima: per group: ``flop_budget``, ``n_params`` of the optimum that is expected, and the
            number of runs.
        rivals: other designs on the same budget.
        law: its name.
        formula: of the law.
        values: the parameters that were taken.
        source: where they come from.
        noise: of a run in log loss.
        noise_source: where that comes from.
        drift: what the law is taken to miss per decade, in log loss.
        decades_beyond: from the largest planned run to the target.
        conventions: what N, FLOP and the loss mean.
        recipe: what all runs have in common.
        limits: what the runs had to keep to.
        level: nominal coverage of the intervals.
        hardware: device, MFU and price; None without.
        data_hash: of the runs that are there; None without.
        n_runs: how many those are; None without.
        seed: of their fit; None without.
        warnings: what must be known.
        notes: what would change the design.
        existing: N and D of the runs that are there, for figures.
        command: what to type to get it again; empty for the general form.
    """

    budget_flop: float
    flop: float
    reserve_flop: float
    narrow: str
    target: Mapping[str, Any]
    before: Quantity
    after: Quantity
    half_width: Mapping[str, float]
    runs: tuple[PlannedRun, ...]
    optima: tuple[Mapping[str, float], ...]
    rivals: tuple[Rival, ...]
    law: str
    formula: str
    values: Mapping[str, float]
    source: str
    noise: float
    noise_source: str
    drift: float
    decades_beyond: float
    conventions: Mapping[str, str]
    recipe: Mapping[str, Any]
    limits: Mapping[str, float]
    level: float
    hardware: Mapping[str, Any] | None
    data_hash: str | None
    n_runs: int | None
    seed: int | None
    warnings: tuple[Notice, ...]
    notes: tuple[Notice, ...]
    existing: Mapping[str, tuple[float, ...]]
    command: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.pilot``."""
        own = {name: value for name, value in vars(self).items() if name not in _MADE}
        return envelope("pilot") | {
            **own,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "half_width": dict(self.half_width),
            "runs": [dict(vars(run)) for run in self.runs],
            "optima": [dict(one) for one in self.optima],
            "rivals": [dict(vars(one)) for one in self.rivals],
            "warnings": [notice.to_dict() for notice in self.warnings],
            "notes": [notice.to_dict() for notice in self.notes],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per run."""
        import polars as pl

        return pl.DataFrame([dict(vars(run)) for run in self.runs], infer_schema_length=None)

    def to_toml(self, name: str = "pilot") -> str:
        """The file that ``isoloss ladder run`` takes."""
        from isoloss.planning.pilot.ladder_file import ladder_text

        return ladder_text(self, name)

    def save_toml(self, path: str | Path, name: str | None = None) -> None:
        """Write that file.

        Raises:
            InputError: the file cannot be written.
        """
        from pathlib import Path

        from isoloss.atomic import write_text

        write_text(path, self.to_toml(name or Path(path).stem))

    @staticmethod
    def load(path: str | Path) -> PilotPlan:
        """Read a pilot that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold a pilot.
        """
        from isoloss.planning.pilot.storage import load_pilot

        return load_pilot(path)

    def summary(self) -> str:
        """The runs as a table, what they cost and buy."""
        from isoloss.planning.pilot.text import summarise

        return summarise(self)


_MADE = ("before", "after", "half_width", "runs", "optima", "rivals", "warnings", "notes")

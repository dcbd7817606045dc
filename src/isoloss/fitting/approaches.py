"""The three approaches of Hoffmann et al. 2022 on the same runs, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope as document
from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.allocation import Allocation
from isoloss.fitting.envelope import envelope
from isoloss.fitting.fit import fit
from isoloss.fitting.isoflop import isoflop
from isoloss.fitting.joint import joint
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.fitting.sweep import sweep
from isoloss.laws import Law
from isoloss.runs import Points, Runs

if TYPE_CHECKING:
    import polars as pl

NAMES = ("envelope", "isoflop", "joint")
BEYOND = 10.0  # default target over the largest run


@dataclass(frozen=True)
class Approaches:
    """What the approaches say, those that failed with their reason.

    Attributes:
        allocations: by name (``envelope``, ``isoflop``, ``joint``), those that gave an answer.
        failures: by name, why the others did not.
        target: the budget at which they are compared, in FLOP.
        warnings: where they disagree, and what else the user must know.
    """

    allocations: Mapping[str, Allocation]
    failures: Mapping[str, EvidenceError]
    target: float
    warnings: tuple[Notice, ...] = field(default=())

    def __getitem__(self, name: str) -> Allocation:
        """The allocation of one approach.

        Raises:
            EvidenceError: that approach failed; the error says why.
            InputError: there is no such approach.
        """
        if name in self.failures:
            raise self.failures[name]
        if name not in self.allocations:
            raise InputError(
                f"found {name!r} where one of {', '.join(NAMES)} is expected.",
                code="unknown_approach",
                where=Where(field="approach"),
            )
        return self.allocations[name]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.approaches``."""
        first = next(iter(self.allocations.values()))
        found: dict[str, Any] = {}
        for name in NAMES:
            if name in self.allocations:
                allocation = self.allocations[name]
                found[name] = allocation.to_dict() | {"at": allocation.at(self.target).to_dict()}
            else:
                found[name] = {"error": self.failures[name].to_dict()}
        return document("approaches") | {
            "target_flop": self.target,
            "approaches": found,
            "conventions": first.conventions.to_dict(),
            "data_hash": first.data_hash,
            "n_runs": max(allocation.n_runs for allocation in self.allocations.values()),
            "seed": first.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per approach: exponents, and N* and D* at the target, with ends; status."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for name in NAMES:
            if name not in self.allocations:
                rows.append({"approach": name, "status": self.failures[name].code})
                continue
            allocation = self.allocations[name]
            split = allocation.at(self.target)
            row: dict[str, Any] = {"approach": name, "status": allocation.status}
            for label, quantity in (
                ("a", allocation.n_opt.exponent),
                ("b", allocation.d_opt.exponent),
                ("n_params", split.n_params),
                ("tokens", split.tokens),
            ):
                row |= {label: quantity.estimate}
                row |= {f"{label}_lo": quantity.lo, f"{label}_hi": quantity.hi}
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)

    def summary(self) -> str:
        """The approaches in a small table, with their notices."""
        from isoloss.fitting.allocation_text import summarise_approaches

        return summarise_approaches(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.fitting.allocation_text import approaches_as_html

        return approaches_as_html(self)


def approaches(
    runs: Runs | Points,
    *,
    target: float | None = None,
    law: str | Law = "chinchilla",
    shape: str = "slices",
    curves: str | None = None,
    n: str | None = None,
    loss: str | None = None,
    tolerance: float | None = None,
    best_of: str | Sequence[str] = (),
    within: float | None = 16.0,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
) -> Approaches:
    """N*(C) and D*(C) by all three approaches, each with intervals.

    An approach that the runs cannot carry is reported with its reason.

    Args:
        runs: a table of runs, or points taken from one.
        target: budget at which they are compared, FLOP; by default ten times the largest run.
        law: for approach 3; a law with a term in N and a term in D.
        shape: for approach 2; see ``isoflop``.
        curves: for approach 1; see ``envelope``.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        tolerance: relative gap in compute that separates budgets, in place of the table's tiers.
        best_of: columns whose values compete, such as ``lr``; the three approaches then use only
            the best setting of each size and budget.
        within: for approach 2; see ``isoflop``.
        draws: for the intervals of each.
        level: nominal coverage of the intervals.
        seed: of the draws.

    Raises:
        InputError: an argument is unusable, or N, D or C is missing.
        EvidenceError: the runs carry none of the approaches.
    """
    points, notices = sweep(runs, n=n, loss=loss, tolerance=tolerance, best_of=best_of)
    target = BEYOND * float(points.flop.max()) if target is None else target
    tasks: dict[str, Callable[[], Allocation]] = {
        "envelope": lambda: envelope(points, curves=curves, draws=draws, level=level, seed=seed),
        "isoflop": lambda: isoflop(
            points, shape=shape, within=within, draws=draws, level=level, seed=seed
        ),
        "joint": lambda: joint(fit(points, law, draws=draws, level=level, seed=seed)),
    }
    allocations: dict[str, Allocation] = {}
    failures: dict[str, EvidenceError] = {}
    for name, task in tasks.items():
        try:
            allocations[name] = task()
        except EvidenceError as error:
            failures[name] = error
    if not allocations:
        reasons = " ".join(f"{name}: {error.message}" for name, error in failures.items())
        raise EvidenceError(
            f"none of the three approaches has an answer. {reasons}",
            code="no_approach",
            hint=failures["isoflop"].hint,
        )
    notices += _disagreements(allocations, target)
    return Approaches(allocations, failures, target, tuple(notices))


def _disagreements(allocations: Mapping[str, Allocation], target: float) -> list[Notice]:
    """A notice for each pair whose intervals do not even touch."""
    found: list[Notice] = []
    for one, two in combinations(allocations, 2):
        a = [allocations[name].n_opt.exponent for name in (one, two)]
        n = [allocations[name].at(target).n_params for name in (one, two)]
        if _apart(*a):
            found.append(
                Notice(
                    "exponents_disagree",
                    f"{one} and {two} disagree on the exponent of N*: {a[0].estimate:.3f} "
                    f"({a[0].lo:.3f} to {a[0].hi:.3f}) against {a[1].estimate:.3f} "
                    f"({a[1].lo:.3f} to {a[1].hi:.3f}).",
                )
            )
        if _apart(*n):
            found.append(
                Notice(
                    "sizes_disagree",
                    f"{one} and {two} disagree on N* at {target:.3g} FLOP by a factor of "
                    f"{max(n[0].estimate, n[1].estimate) / min(n[0].estimate, n[1].estimate):.2f},"
                    " more than their intervals allow.",
                )
            )
    return found


def _apart(one: Quantity, two: Quantity) -> bool:
    return one.hi < two.lo or two.hi < one.lo

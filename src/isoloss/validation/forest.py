"""The forest table of a sensitivity analysis: one row per choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.runs import Conventions
from isoloss.validation.report import Report, aligned, amount, ends

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Choice:
    """The answer under one choice.

    Attributes:
        group: what is chosen: ``as fitted``, ``objective``, ``N``, ``FLOP``, ``tier`` or ``law``.
        label: the choice.
        status: of the fit; ``no_optimum`` where the law has none at the target.
        n_runs: runs of the fit.
        exponent: of N* ~ C^a at the target.
        n_params: N* at the target, in the count of N of this row.
        tokens: D* there.
        loss: of the law there.
    """

    group: str
    label: str
    status: str
    n_runs: int
    exponent: Quantity
    n_params: Quantity
    tokens: Quantity
    loss: Quantity

    def to_dict(self) -> dict[str, Any]:
        """One entry of the document."""
        quantities = ("exponent", "n_params", "tokens", "loss")
        return {
            name: getattr(self, name).to_dict() if name in quantities else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class Sensitivity(Report):
    """How the answer changes with choices, one at a time.

    Attributes:
        law: of all rows but those that change it.
        target_flop: compute of the answer.
        choices: the rows, as fitted first.
        ci: how intervals are made.
        draws: refits per row.
        seed: of the draws.
        conventions: of the runs as fitted.
        data_hash: of the runs.
        n_runs: how many.
        warnings: what the user must know.
    """

    law: str
    target_flop: float
    choices: tuple[Choice, ...]
    ci: str
    draws: int
    seed: int
    conventions: Conventions
    data_hash: str
    n_runs: int
    warnings: tuple[Notice, ...]

    def summary(self) -> str:
        """The forest as a table."""
        head = ("choice", "", "exponent of N*", f"N* at {self.target_flop:.3g} FLOP", "status")
        rows = [
            (c.group, c.label, ends(c.exponent), amount(c.n_params), c.status) for c in self.choices
        ]
        lines = [f"{self.law} on {self.n_runs} runs, one choice changed at a time"]
        lines += aligned([head, *rows])
        return "\n".join([*lines, *(f"  ! {notice.message}" for notice in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.sensitivity``."""
        return envelope("sensitivity") | {
            "law": self.law,
            "target_flop": self.target_flop,
            "choices": [choice.to_dict() for choice in self.choices],
            "ci": self.ci,
            "n_draws": self.draws,
            "seed": self.seed,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per choice, three columns per quantity."""
        import polars as pl

        rows = [
            {"group": c.group, "label": c.label, "status": c.status, "n_runs": c.n_runs}
            | {
                f"{name}{suffix}": value
                for name in ("exponent", "n_params", "tokens", "loss")
                for suffix, value in zip(
                    ("", "_lo", "_hi"), list(getattr(c, name).to_dict().values())[:3], strict=True
                )
            }
            for c in self.choices
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

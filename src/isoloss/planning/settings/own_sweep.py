"""The user's own sweep beside the published laws: as one more law, and as their judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from isoloss.fitting.sweeps import Regret, SweepFit
from isoloss.laws.hparams import list_hparam_laws
from isoloss.planning.settings.hparams import advise, point
from isoloss.planning.settings.result import Advice
from isoloss.runs import format_quantity

VARIABLES = {"N": "params", "D": "tokens"}


@dataclass(frozen=True)
class SweepAdviser:
    """What a law fitted to a sweep advises, in the form of the published ones.

    Attributes:
        fit: of the sweep.
        source: where the sweep is; empty if it is not known.
    """

    fit: SweepFit
    source: str = ""

    def advise(self, params: float, tokens: float) -> Advice:
        """The law's setting for a model of that size on that many tokens.

        The interval is that of the optimum of a new cell: of the law and of the cells about it.

        Raises:
            EvidenceError: the sweep carries no law.
        """
        law = self.fit.need_law()
        found = law.predict(params, tokens)
        known = {"N": law.params_range, "D": law.tokens_range}
        outside = {name: 10.0**far for name, far in found.decades_beyond.items() if far > 0}
        powers = {
            axis: {name: q.estimate for name, q in law.exponents(axis).items()} for axis in law.axes
        }
        missing = {} if "batch_tokens" in law.axes else {"batch_tokens": "the batch was not varied"}
        where = f"{self.source}: " if self.source else ""
        notes = f"expected to cost {100 * found.cost.estimate:.2g} % of the loss over the best."
        if not found.on_path:
            notes += " N and D leave the line on which the sweep lies."
        size = f"{format_quantity(self.fit.n_runs)} runs in {len(self.fit.cells)} cells"
        return Advice(
            law="fitted",
            lr=found.settings["lr"],
            batch_tokens=found.settings.get("batch_tokens"),
            inside_range=found.inside_range and found.on_path,
            source=f"{where}own sweep, {size}",
            n=self.fit.runs.conventions.n,
            range=known,
            outside=outside,
            batch="its own" if "batch_tokens" in law.axes else "that of the sweep",
            schedule="that of the sweep",
            powers=powers,
            missing=missing,
            notes=notes,
        )


@dataclass(frozen=True)
class Judged:
    """What a published law would have cost on a sweep.

    Attributes:
        law: its name.
        regret: on the cells where it gives a value.
        filled: setting -> where it was taken from, for what the law does not give.
    """

    law: str
    regret: Regret
    filled: Mapping[str, str] = field(default_factory=dict[str, str])


def judge_published(fit: SweepFit) -> list[Judged]:
    """The published laws on the cells of a sweep, cheapest first.

    A law that gives only a learning rate or only a batch takes the other from the best run of the
    cell, which flatters it. Laws that give no value in every cell are left out.
    """
    found: list[Judged] = []
    for law in list_hparam_laws():
        given = [axis for axis in fit.axes if axis in law.formulas]
        if not given:
            continue
        table: dict[tuple[float, float], tuple[float, ...]] = {}
        for cell in fit.cells:
            x = point(cell.params, cell.tokens, 6.0 * cell.params * cell.tokens, None)
            advice = advise(law, x)
            values = {axis: getattr(advice, axis) for axis in given}
            table[cell.params, cell.tokens] = tuple(
                cell.best[axis]
                if axis not in values
                else float("nan")
                if values[axis] is None
                else values[axis].estimate
                for axis in fit.axes
            )
        if not np.isfinite(np.array(list(table.values()))).all():
            continue
        filled = {axis: "best run of the cell" for axis in fit.axes if axis not in given}
        regret = fit.regret_of(lambda n, d, at=table: at[n, d])
        found.append(Judged(law.name, regret, filled))
    return sorted(found, key=lambda judged: float(judged.regret.interpolated.mean()))

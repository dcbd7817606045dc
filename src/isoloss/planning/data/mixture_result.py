"""What the best mixture is, what holds it back, and how the law did on runs it had not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.fitting.mixtures import Score
from isoloss.validation.report import Report, aligned, ends

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Binding:
    """A limit that the best mixture touches.

    Attributes:
        domain: whose proportion.
        side: ``low`` or ``high``.
        share: the limit.
        reason: what sets it.
        loss_per_percent: how much the loss would fall if the limit gave way by 0.01.
    """

    domain: str
    side: str
    share: float
    reason: str
    loss_per_percent: float

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Observed:
    """The best run that keeps the limits.

    Attributes:
        shares: its mixture.
        loss: its weighted loss, as measured.
        gain: what the best mixture gains over it, by the law.
    """

    shares: Mapping[str, float]
    loss: float
    gain: Quantity

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {"shares": dict(self.shares), "loss": self.loss, "gain": self.gain.to_dict()}


@dataclass(frozen=True)
class Held:
    """Scores of the law and of a linear regression on the same runs.

    Attributes:
        law: of the mixing law.
        linear: of a linear regression on the proportions.
        fit_rms: residuals of the law on the runs it was fitted to; NaN for other runs.
    """

    law: Score
    linear: Score
    fit_rms: float

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            "law": self.law.to_dict(),
            "linear": self.linear.to_dict(),
            "fit_rms": self.fit_rms,
        }


@dataclass(frozen=True)
class Mixture(Report):
    """The best mixture of training domains by the mixing law.

    Attributes:
        shares: proportion per domain; the interval is where refits put it.
        loss_mean: weighted loss of the mixture, by the law.
        targets: loss per target, by the law.
        target_weights: of the targets; they add up to one.
        gap: how far above the lowest weighted loss the mixture may lie at most.
        bindings: limits that it touches, the dearest first.
        observed: the best run that keeps the limits; None if none does.
        linear_shares: what a linear regression would choose.
        linear_loss_mean: the weighted loss of that mixture, by the law.
        held_out: scores per target on runs that were left out in turn.
        test: scores per target on further runs; empty without.
        folds: of the cross-validation.
        nearest: share of the mixture to exchange to reach the nearest run.
        law: c, k and t per target, t of mean zero.
        level: nominal coverage of the intervals.
        n_draws: refits behind them.
        seed: of draws and folds.
        data_hash: of the runs.
        n_runs: how many.
        warnings: what the user must know.
    """

    shares: Mapping[str, Quantity]
    loss_mean: Quantity
    targets: Mapping[str, Quantity]
    target_weights: Mapping[str, float]
    gap: float
    bindings: tuple[Binding, ...]
    observed: Observed | None
    linear_shares: Mapping[str, float]
    linear_loss_mean: Quantity
    held_out: Mapping[str, Held]
    test: Mapping[str, Held]
    folds: int
    nearest: float
    law: Mapping[str, Mapping[str, object]]
    level: float
    n_draws: int
    seed: int
    data_hash: str
    n_runs: int
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.mixture``."""
        return envelope("mixture") | {
            "formula": "L_i(r) = c_i + k_i exp(sum_j t_ij r_j)",
            "shares": {name: q.to_dict() for name, q in self.shares.items()},
            "loss_mean": self.loss_mean.to_dict(),
            "targets": {name: q.to_dict() for name, q in self.targets.items()},
            "target_weights": dict(self.target_weights),
            "gap": self.gap,
            "bindings": [one.to_dict() for one in self.bindings],
            "observed": None if self.observed is None else self.observed.to_dict(),
            "linear": {
                "shares": dict(self.linear_shares),
                "loss_mean": self.linear_loss_mean.to_dict(),
            },
            "held_out": {name: one.to_dict() for name, one in self.held_out.items()},
            "test": {name: one.to_dict() for name, one in self.test.items()},
            "folds": self.folds,
            "nearest": self.nearest,
            "law": {name: dict(one) for name, one in self.law.items()},
            "level": self.level,
            "n_draws": self.n_draws,
            "seed": self.seed,
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "conventions": None,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per domain: share with interval, best run, linear regression."""
        import polars as pl

        best: Mapping[str, float] = {} if self.observed is None else self.observed.shares
        return pl.DataFrame(
            [
                {
                    "domain": name,
                    "share": q.estimate,
                    "lo": q.lo,
                    "hi": q.hi,
                    "best_run": best.get(name),
                    "linear": self.linear_shares[name],
                }
                for name, q in self.shares.items()
            ]
        )

    def summary(self) -> str:
        """The mixture as text: proportions, what they gain, scores, limits, what to mind."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"best mixture of {len(self.shares)} domains, by {self.n_runs} runs"
        best = None if self.observed is None else self.observed.shares
        rows = [["domain", "share", "refits", "best run", "linear"]]
        ordered = sorted(self.shares.items(), key=lambda item: -item[1].estimate)
        rows += [
            [
                name,
                f"{q.estimate:.3f}",
                "-" if q.lo != q.lo else f"{q.lo:.3f} to {q.hi:.3f}",
                "-" if best is None else f"{best[name]:.3f}",
                f"{self.linear_shares[name]:.3f}",
            ]
            for name, q in ordered
        ]
        yield from aligned(rows, "<><>>")
        yield f"  loss by the law    {ends(self.loss_mean, 4)}"
        if self.observed is not None:
            yield (
                f"  best run           {self.observed.loss:.4g} as measured; the mixture gains "
                f"{ends(self.observed.gain, 2)} by the law"
            )
        yield f"  linear would reach {ends(self.linear_loss_mean, 4)} by the law"
        yield from self._scores(f"left out, {self.folds} folds", self.held_out)
        if self.test:
            yield from self._scores("further runs", self.test)
        for one in self.bindings:
            side = "at most" if one.side == "high" else "at least"
            yield (
                f"  binding: {one.domain} {side} {one.share:.3g} ({one.reason}); 0.01 more room "
                f"gains {one.loss_per_percent:.2g}"
            )
        for notice in self.warnings:
            yield f"  ! {notice.message}"

    def _scores(self, title: str, scores: Mapping[str, Held]) -> list[str]:
        rows = [[f"{title}:", "rank correlation", "rms", "linear", "rms", "runs"]]
        rows += [
            [
                name,
                f"{one.law.spearman:.4f}",
                f"{one.law.rms:.3g}",
                f"{one.linear.spearman:.4f}",
                f"{one.linear.rms:.3g}",
                str(one.law.n),
            ]
            for name, one in scores.items()
        ]
        return aligned(rows, "<>>>>>")

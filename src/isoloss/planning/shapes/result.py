"""Shapes that have N parameters, ranked, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice
from isoloss.planning.shapes.effect import ShapeEffect
from isoloss.planning.shapes.ladders import Prior
from isoloss.runs import (
    FLOP_CONVENTIONS,
    PARAM_COUNTS,
    Architecture,
    flop_per_token,
    format_quantity,
)
from isoloss.validation.report import Report, aligned

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Shape:
    """One shape.

    Attributes:
        arch: layers, width, heads and feed-forward.
        error: relative difference of its N to the N asked for.
        aspect: width over depth, d / L.
        ff_ratio: feed-forward of all experts that a token uses, over width.
        score: what it is ranked by, smallest first.
        reason: why it stands where it does.
        excess: loss above the best aspect ratio by the user's own runs, relative; None without.
    """

    arch: Architecture
    error: float
    aspect: float
    ff_ratio: float
    score: float
    reason: str
    excess: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Parameters under each meaning of N."""
        return {n: self.arch.count(n) for n in PARAM_COUNTS}

    @property
    def flop_per_token(self) -> dict[str, float | None]:
        """Training FLOP per token under each convention; None where the shape lacks what it needs.

        ``6nd`` is of all parameters, ``6nd_active`` of those that a token uses with the
        unembedding.
        """
        costs: dict[str, float | None] = {
            "6nd": flop_per_token(self.arch, "6nd"),
            "6nd_nonemb": flop_per_token(self.arch, "6nd", n="nonemb"),
            "6nd_active": flop_per_token(self.arch, "6nd", n="matmul"),
        }
        whole = bool(self.arch.seq_len and self.arch.vocab)
        for name in FLOP_CONVENTIONS:
            if name != "6nd":
                costs[name] = flop_per_token(self.arch, name) if whole else None
        return costs

    @property
    def attention_share(self) -> float | None:
        """Share of the attention matrices in PaLM's FLOP per token; None without a context."""
        palm = self.flop_per_token["palm"]
        return None if palm is None else 1.0 - 6.0 * self.arch.n_matmul / palm

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain values."""
        return {
            "architecture": vars(self.arch),
            "n_params": self.counts,
            "error": self.error,
            "aspect_ratio": self.aspect,
            "ff_ratio": self.ff_ratio,
            "flop_per_token": self.flop_per_token,
            "attention_share": self.attention_share,
            "loss_excess": self.excess,
            "score": self.score,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Shapes(Report):
    """Shapes for N, best first.

    Attributes:
        n: the parameters asked for.
        count: which count that is.
        shapes: the ranked shapes.
        n_found: how many shapes are within the tolerance.
        tolerance: largest relative difference to N.
        prior: what published models of this size do.
        effect: what the user's own runs say of the shape; None without such runs.
        warnings: what the user must know.
    """

    n: float
    count: str
    shapes: tuple[Shape, ...]
    n_found: int
    tolerance: float
    prior: Prior
    effect: ShapeEffect | None = None
    warnings: tuple[Notice, ...] = ()

    @property
    def best(self) -> Shape:
        """The first one."""
        return self.shapes[0]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.shape``."""
        effect = self.effect
        return envelope("shape") | {
            "n_params": self.n,
            "n_convention": self.count,
            "tolerance": self.tolerance,
            "n_found": self.n_found,
            "shapes": [shape.to_dict() for shape in self.shapes],
            "prior": {
                "aspect_ratio": self.prior.aspect,
                "lo": self.prior.lo,
                "hi": self.prior.hi,
                "models": list(self.prior.near),
                "times_beyond": self.prior.beyond,
            },
            "effect": None if effect is None else effect.to_dict(),
            "seed": None if effect is None else effect.seed,
            "conventions": None,
            "data_hash": None if effect is None else effect.data_hash,
            "n_runs": None if effect is None else effect.n_runs,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per shape."""
        import polars as pl

        return pl.DataFrame(
            [
                vars(shape.arch)
                | {f"n_{name}": value for name, value in shape.counts.items()}
                | {
                    "error": shape.error,
                    "aspect_ratio": shape.aspect,
                    "attention_share": shape.attention_share,
                    "reason": shape.reason,
                }
                for shape in self.shapes
            ]
        )

    def summary(self) -> str:
        """The shapes as a table, and the counts and costs of the first."""
        head = ["L", "d", "heads", "kv", "ff", "N", "off", "d/L", "why"]
        rows = [head]
        for shape in self.shapes:
            arch = shape.arch
            rows.append(
                [
                    str(arch.n_layers),
                    str(arch.d_model),
                    str(arch.n_heads),
                    str(arch.n_kv_heads),
                    str(arch.d_ff),
                    format_quantity(arch.count(self.count), 4),
                    f"{shape.error:+.2%}",
                    f"{shape.aspect:.0f}",
                    shape.reason,
                ]
            )
        prior = self.prior
        lines = [
            f"{format_quantity(self.n)} parameters ({self.count}): {len(self.shapes)} of "
            f"{self.n_found} shapes within {self.tolerance:.1%}",
            *aligned(rows, ">>>>>>>><"),
            f"  published models of this size: d/L {prior.aspect:.0f} ({prior.lo:.0f} to "
            f"{prior.hi:.0f}), {len(prior.near)} within a factor of three in N",
            *self._of_the_first(),
        ]
        if self.effect is not None:
            lines.append(f"  your runs: {self.effect.sentence}")
        return "\n".join([*lines, *(f"  ! {notice.message}" for notice in self.warnings)])

    def _of_the_first(self) -> list[str]:
        best = self.best
        counts = ", ".join(f"{n} {format_quantity(v, 4)}" for n, v in best.counts.items())
        lines = [f"  the first: {counts}"]
        named = {"6nd": "6 N", "palm": "PaLM", "causal": "causal", "chinchilla_f": "Chinchilla F"}
        costs = [
            f"{name} {cost:.3e}"
            for key, name in named.items()
            if (cost := best.flop_per_token[key]) is not None
        ]
        lines.append(f"    FLOP per token: {', '.join(costs)}")
        if best.attention_share is not None:
            lines.append(f"    attention is {best.attention_share:.1%} of PaLM's count")
        arch = best.arch
        parts = {"L": arch.n_layers, "d": arch.d_model, "H": arch.n_heads, "KV": arch.n_kv_heads}
        parts |= {"ff": arch.d_ff, "V": arch.vocab, "T": arch.seq_len}
        parts |= {"E": arch.moe_experts, "K": arch.moe_topk}
        words = [f"{key}={value}" for key, value in parts.items() if value]
        words += [f"{word}={'yes' if getattr(arch, word) else 'no'}" for word in ("tied", "gated")]
        return [*lines, f"    --arch '{' '.join(words)}'"]

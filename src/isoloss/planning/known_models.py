"""Published models that people measure theirs against: sizes and training tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A model somebody trained, or planned in print.

    Attributes:
        name: as people call it.
        params: N, all parameters.
        tokens: D.
        source: paper and place.
    """

    name: str
    params: float
    tokens: float
    source: str

    @property
    def flop(self) -> float:
        """Its compute, 6 N D."""
        return 6.0 * self.params * self.tokens


_TABLE = "Hoffmann et al. 2022, arXiv 2203.15556, table 1"

KNOWN_MODELS = (
    KnownModel("GPT-3", 175e9, 300e9, _TABLE),
    KnownModel("Gopher", 280e9, 300e9, _TABLE),
    KnownModel("MT-NLG", 530e9, 270e9, _TABLE),
    KnownModel("Chinchilla", 70e9, 1.4e12, _TABLE),
    KnownModel("Llama 3 plan", 402e9, 16.55e12, "Llama Team 2024, arXiv 2407.21783"),
    KnownModel("Delphi", 25e9, 600e9, "Marin, April 2026, its largest run; a secondary account"),
)
"""In order of publication. D / N: 1.71, 1.07, 0.51, 20, 41 and 24."""

"""Which shapes did published models take? Layers and widths, with the paper that states them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from isoloss.runs import Architecture

GPT3 = "Brown et al. 2020, arXiv 2005.14165, table 2.1"
CHINCHILLA = "Hoffmann et al. 2022, arXiv 2203.15556, table 4"
PYTHIA = "Biderman et al. 2023, arXiv 2304.01373, table 1"
LLAMA = "Touvron et al. 2023, arXiv 2302.13971, table 2"
LLAMA2 = "Touvron et al. 2023, arXiv 2307.09288, and the published configuration"
LLAMA3 = "Grattafiori et al. 2024, arXiv 2407.21783, table 3"
OLMO = "Groeneveld et al. 2024, arXiv 2402.00838, and the published configuration"
OLMO2 = "OLMo team 2025, arXiv 2501.00656, and the published configuration"
STEP = "Li et al. 2025 (Step Law), arXiv 2503.04715, its table of runs"

# Models within this factor in N count most (standard deviation of the weight in log N).
_REACH = math.log(3.0)
# Published ladders agree with each other no better than this, in log(d / L).
_LEAST_SPREAD = 0.25


@dataclass(frozen=True)
class Published:
    """The shape of a published model.

    Attributes:
        name: of the model.
        n_quoted: parameters as the authors quote them.
        arch: its shape.
        source: where it is stated.
        nonemb: whether ``n_quoted`` leaves embeddings out.
    """

    name: str
    n_quoted: float
    arch: Architecture
    source: str
    nonemb: bool = False

    @property
    def aspect(self) -> float:
        """Width over depth."""
        return self.arch.d_model / self.arch.n_layers


def _plain(
    family: str, source: str, vocab: int, tied: bool, rows: Sequence[tuple[str, float, int, int]]
) -> list[Published]:
    """Models with feed-forward 4 d: name, quoted N, layers, width."""
    return [
        Published(
            f"{family} {name}",
            n,
            Architecture(layers, width, n_heads=1, vocab=vocab, tied=tied),
            source,
        )
        for name, n, layers, width in rows
    ]


def _gated(
    family: str,
    source: str,
    vocab: int,
    rows: Sequence[tuple[str, float, int, int, int, int, int]],
    *,
    tied: bool = False,
) -> list[Published]:
    """Gated models: name, quoted N, layers, width, feed-forward, heads, key heads."""
    return [
        Published(
            f"{family} {name}",
            n,
            Architecture(layers, width, heads, keys, d_ff=ff, vocab=vocab, tied=tied, gated=True),
            source,
        )
        for name, n, layers, width, ff, heads, keys in rows
    ]


PUBLISHED: tuple[Published, ...] = (
    *_plain(
        "GPT-3",
        GPT3,
        50257,
        True,
        [
            ("125M", 125e6, 12, 768),
            ("350M", 350e6, 24, 1024),
            ("760M", 760e6, 24, 1536),
            ("1.3B", 1.3e9, 24, 2048),
            ("2.7B", 2.7e9, 32, 2560),
            ("6.7B", 6.7e9, 32, 4096),
            ("13B", 13.0e9, 40, 5140),
            ("175B", 175e9, 96, 12288),
        ],
    ),
    *_plain("Chinchilla", CHINCHILLA, 32000, True, [("70B", 70e9, 80, 8192)]),
    *_plain("Gopher", CHINCHILLA, 32000, True, [("280B", 280e9, 80, 16384)]),
    *_plain(
        "Pythia",
        PYTHIA,
        50304,
        False,
        [
            ("70M", 70e6, 6, 512),
            ("160M", 160e6, 12, 768),
            ("410M", 410e6, 24, 1024),
            ("1B", 1.0e9, 16, 2048),
            ("1.4B", 1.4e9, 24, 2048),
            ("2.8B", 2.8e9, 32, 2560),
            ("6.9B", 6.9e9, 32, 4096),
            ("12B", 12e9, 36, 5120),
        ],
    ),
    *_gated(
        "Llama",
        LLAMA,
        32000,
        [
            ("7B", 6.7e9, 32, 4096, 11008, 32, 32),
            ("13B", 13.0e9, 40, 5120, 13824, 40, 40),
            ("33B", 32.5e9, 60, 6656, 17920, 52, 52),
            ("65B", 65.2e9, 80, 8192, 22016, 64, 64),
        ],
    ),
    *_gated("Llama 2", LLAMA2, 32000, [("70B", 69e9, 80, 8192, 28672, 64, 8)]),
    *_gated(
        "Llama 3",
        LLAMA3,
        128256,
        [
            ("8B", 8.0e9, 32, 4096, 14336, 32, 8),
            ("70B", 70.6e9, 80, 8192, 28672, 64, 8),
            ("405B", 405e9, 126, 16384, 53248, 128, 8),
        ],
    ),
    *_gated("OLMo", OLMO, 50304, [("1B", 1.2e9, 16, 2048, 8192, 16, 16)], tied=True),
    *_gated("OLMo", OLMO, 50304, [("7B", 6.9e9, 32, 4096, 11008, 32, 32)]),
    *_gated(
        "OLMo 2",
        OLMO2,
        100352,
        [
            ("7B", 7.3e9, 32, 4096, 11008, 32, 32),
            ("13B", 13.7e9, 40, 5120, 13824, 40, 40),
            ("32B", 32.2e9, 64, 5120, 27648, 40, 8),
        ],
    ),
    *(
        Published(
            f"Step Law {layers}x{width}",
            n,
            Architecture(layers, width, heads, d_ff=ff, gated=True),
            STEP,
            nonemb=True,
        )
        for n, layers, width, heads, ff in [
            (214_663_680, 7, 960, 15, 9368),
            (268_304_384, 8, 1024, 16, 9552),
            (429_260_800, 10, 1280, 20, 9472),
            (536_872_960, 13, 1280, 20, 9048),
            (1_073_741_824, 16, 2048, 32, 8192),
        ]
    ),
)


@dataclass(frozen=True)
class Prior:
    """Width over depth in published models of about a size.

    Attributes:
        aspect: their weighted geometric mean.
        lo: one standard deviation below, in the logarithm.
        hi: above.
        spread: that standard deviation.
        near: names of the models within a factor of three in N.
        beyond: how many times N lies outside the sizes of all models; 1 inside.
    """

    aspect: float
    lo: float
    hi: float
    spread: float
    near: tuple[str, ...]
    beyond: float

    def distance(self, aspect: float) -> float:
        """Standard deviations from the mean, in the logarithm."""
        return math.log(aspect / self.aspect) / self.spread


def aspect_prior(n_nonemb: float) -> Prior:
    """What published models of about this many non-embedding parameters do.

    A weighted mean over all of them, the weight falling as a normal curve in log N; beyond the
    smallest and largest model it is the mean at that end.
    """
    sizes = [float(one.arch.n_nonemb) for one in PUBLISHED]
    at = min(max(n_nonemb, min(sizes)), max(sizes))
    weights = [math.exp(-0.5 * (math.log(size / at) / _REACH) ** 2) for size in sizes]
    logs = [math.log(one.aspect) for one in PUBLISHED]
    total = sum(weights)
    mean = sum(w * x for w, x in zip(weights, logs, strict=True)) / total
    variance = sum(w * (x - mean) ** 2 for w, x in zip(weights, logs, strict=True)) / total
    spread = max(_LEAST_SPREAD, math.sqrt(variance))
    near = [one.name for one, size in zip(PUBLISHED, sizes, strict=True) if 1 / 3 <= size / at <= 3]
    return Prior(
        aspect=math.exp(mean),
        lo=math.exp(mean - spread),
        hi=math.exp(mean + spread),
        spread=spread,
        near=tuple(near),
        beyond=max(n_nonemb / at, at / n_nonemb),
    )

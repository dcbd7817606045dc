"""Which utilisation will a larger model reach? A curve MFU(N) through the runs' throughput."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope, pack, read_document, restoring, unpack
from isoloss.errors import EvidenceError
from isoloss.fitting import Notice, Quantity, from_draws
from isoloss.planning.hardware.devices import Device
from isoloss.planning.hardware.saturation import fit_saturation, saturation
from isoloss.planning.hardware.throughput import throughput
from isoloss.runs import Runs, format_quantity
from isoloss.validation.report import Report, aligned

Array = NDArray[np.float64]

DEFAULT = 0.40
DEFAULT_FROM = 1e9
MIN_SIZES = 4
MIN_RANGE = 8.0
_ARRAYS = ("draws", "spreads", "params", "mfu")
_SAME_SIZE = 0.05
LEVEL = 0.9


@dataclass(frozen=True)
class MfuCurve(Report):
    """MFU(N) = ceiling / (1 + (N_half / N)^steepness): it saturates as models grow.

    Attributes:
        ceiling: MFU of very large models.
        half_params: N at which half of the ceiling is reached.
        steepness: how quickly, in powers of N.
        spread: standard deviation of log MFU about the curve.
        draws: (K, 3) refits: log ceiling, log N_half, log steepness.
        spreads: (K,) the spread of each refit.
        params: N of the runs (n,).
        mfu: their MFU (n,).
        device: on which it was measured; empty where it is not said or not one.
        rule: how the MFU of the runs was found: ``given`` or ``derived``.
        conventions: how N and FLOP were counted.
        level: nominal coverage.
        seed: of the draws.
        data_hash: of the runs.
        warnings: what the user must know.
    """

    ceiling: Quantity
    half_params: Quantity
    steepness: Quantity
    spread: float
    draws: Array
    spreads: Array
    params: Array
    mfu: Array
    device: str
    rule: str
    conventions: Mapping[str, str]
    level: float
    seed: int
    data_hash: str
    warnings: tuple[Notice, ...] = ()

    @property
    def n_runs(self) -> int:
        """How many runs it rests on."""
        return len(self.params)

    def at(self, params: float) -> Quantity:
        """The MFU that one more run of this size will reach, at most 1.

        The interval holds both the curve and the spread of runs about it.
        """
        best = np.log([q.estimate for q in (self.ceiling, self.half_params, self.steepness)])
        estimate = float(np.exp(saturation(best[None], np.array([params]))[0, 0]))
        rng = np.random.default_rng(self.seed)
        noise = self.spreads * rng.standard_normal(len(self.draws))
        drawn = np.exp(saturation(self.draws, np.array([params]))[:, 0] + noise)
        return from_draws(estimate, np.minimum(drawn, 1.0), self.level)

    def decades_beyond(self, params: float) -> float:
        """Decades of N beyond the largest run; 0 inside."""
        return max(0.0, float(np.log10(params / self.params.max())))

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.mfu``."""
        return envelope("mfu") | {
            "formula": "MFU = ceiling / (1 + (N_half / N)^steepness)",
            "device": self.device,
            "ceiling": self.ceiling.to_dict(),
            "half_params": self.half_params.to_dict(),
            "steepness": self.steepness.to_dict(),
            "spread_log": self.spread,
            "n_params_lo": float(self.params.min()),
            "n_params_hi": float(self.params.max()),
            "mfu_rule": self.rule,
            "level": self.level,
            "seed": self.seed,
            "conventions": dict(self.conventions),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "warnings": [notice.to_dict() for notice in self.warnings],
            "at": None,
            "state": {name: pack(getattr(self, name)) for name in _ARRAYS},
        }

    @staticmethod
    def load(path: str | Path) -> MfuCurve:
        """Read a curve that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold a curve.
        """
        return _load(path)

    def summary(self) -> str:
        """The curve in a few lines, with what it says of larger models."""
        named = {"ceiling": self.ceiling, "N half": self.half_params, "steepness": self.steepness}
        rows = [[name, _number(q.estimate), _ends(q)] for name, q in named.items()]
        largest = float(self.params.max())
        sizes = [largest, 10 * largest, 100 * largest]
        rows += [
            [f"MFU at {format_quantity(n)}", _number(self.at(n).estimate), _ends(self.at(n))]
            for n in sizes
        ]
        head = f"MFU(N) from {self.n_runs} runs" + (f" on {self.device}" if self.device else "")
        span = f"{format_quantity(float(self.params.min()))} to {format_quantity(largest)}"
        lines = [
            f"{head}, N {span}; runs spread {self.spread:.1%} about it",
            *aligned(rows, "<><", indent=4),
            f"  N: {self.conventions['n']}; FLOP: {self.conventions['flop']}; MFU {self.rule}; "
            f"intervals {self.level:.0%}, of one more run for MFU",
        ]
        return "\n".join([*lines, *(f"  ! {notice.message}" for notice in self.warnings)])


def fit_mfu(
    runs: Runs,
    *,
    device: str | Device | None = None,
    table: str | None = None,
    draws: int = 400,
    level: float = LEVEL,
    seed: int = 0,
) -> MfuCurve:
    """A curve MFU(N) through the throughput of runs, with intervals, or a refusal.

    Args:
        runs: with N, and either ``mfu`` or what it follows from; see ``throughput``.
        device: the hardware, where the runs do not name it.
        table: a file of hardware, as for ``get_device``.
        draws: refits to resampled residuals.
        level: nominal coverage.
        seed: of the draws.

    Raises:
        InputError: the runs say something impossible.
        EvidenceError: they are of fewer than four sizes, or span less than a factor of eight.
    """
    seen = throughput(runs, device, table)
    sizes = _sizes(seen.params)
    reach = float(seen.params.max() / seen.params.min())
    if len(sizes) < MIN_SIZES or reach < MIN_RANGE:
        best = float(seen.mfu[np.argmax(seen.params)])
        raise EvidenceError(
            f"the throughput is of {len(sizes)} size(s) over a factor of {reach:.3g} in N; a curve "
            f"needs at least {MIN_SIZES} over a factor of {MIN_RANGE:g}.",
            code="thin_throughput",
            hint=f"Give one number instead: the largest model reached mfu={best:.3g}.",
        )
    fitted = fit_saturation(seen.params, seen.mfu, draws=draws, seed=seed)
    natural = np.exp(fitted.draws)
    named = [from_draws(float(np.exp(fitted.estimate[i])), natural[:, i], level) for i in range(3)]
    return MfuCurve(
        ceiling=named[0],
        half_params=named[1],
        steepness=named[2],
        spread=fitted.spread,
        draws=fitted.draws,
        spreads=fitted.spreads,
        params=seen.params,
        mfu=seen.mfu,
        device=seen.device,
        rule=seen.rule,
        conventions=runs.conventions.to_dict(),
        level=level,
        seed=seed,
        data_hash=runs.data_hash,
        warnings=tuple(_warnings(seen.n_silent, named[0])),
    )


def _warnings(silent: int, ceiling: Quantity) -> list[Notice]:
    found: list[Notice] = []
    if silent:
        found.append(Notice("silent_runs", f"{silent} runs do not say how long they took."))
    if ceiling.hi > 2 * ceiling.lo:
        message = (
            f"the runs do not show where utilisation levels off: the ceiling is {ceiling.lo:.2g} "
            f"to {ceiling.hi:.2g}; time one larger model for a few steps."
        )
        found.append(Notice("open_ceiling", message))
    return found


def _sizes(params: Array) -> list[float]:
    """The distinct sizes: those within 5 % are one."""
    sizes: list[float] = []
    for value in np.sort(params):
        if not sizes or value > sizes[-1] * (1 + _SAME_SIZE):
            sizes.append(float(value))
    return sizes


def _load(path: str | Path) -> MfuCurve:
    hint = "A curve is written by isoloss mfu RUNS --save FILE."
    document = read_document(path, "mfu", hint)
    with restoring("curve", path, hint, "damaged_mfu"):
        arrays = {name: unpack(packed) for name, packed in document["state"].items()}
        named = [_quantity(document[name]) for name in ("ceiling", "half_params", "steepness")]
        return MfuCurve(
            ceiling=named[0],
            half_params=named[1],
            steepness=named[2],
            draws=arrays["draws"],
            spreads=arrays["spreads"],
            params=arrays["params"],
            mfu=arrays["mfu"],
            spread=float(document["spread_log"]),
            device=str(document["device"]),
            rule=str(document["mfu_rule"]),
            conventions=document["conventions"],
            level=float(document["level"]),
            seed=int(document["seed"]),
            data_hash=str(document["data_hash"]),
            warnings=tuple(Notice(one["code"], one["message"]) for one in document["warnings"]),
        )


def _quantity(stored: Mapping[str, Any]) -> Quantity:
    return Quantity(**{key: float(value) for key, value in stored.items()})


def _number(value: float) -> str:
    return format_quantity(value) if value >= 1e3 else f"{value:.3g}"


def _ends(quantity: Quantity) -> str:
    return f"{_number(quantity.lo)} to {_number(quantity.hi)}"

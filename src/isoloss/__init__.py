"""Scaling laws of language models: fit them to small runs, judge them, plan the big run.

    import isoloss as iso

    runs = iso.read("runs.csv")
    fit = iso.fit(runs, law="chinchilla")
    print(iso.plan(fit, flop=1e24))

Names are loaded when they are first used, so that importing isoloss costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isoloss.version import __version__

if TYPE_CHECKING:
    from isoloss import datasets as datasets
    from isoloss.errors import EvidenceError as EvidenceError
    from isoloss.errors import GateError as GateError
    from isoloss.errors import InputError as InputError
    from isoloss.errors import IsolossError as IsolossError
    from isoloss.fitting import Fit as Fit
    from isoloss.fitting import Huber as Huber
    from isoloss.fitting import Quantile as Quantile
    from isoloss.fitting import Quantity as Quantity
    from isoloss.fitting import Squared as Squared
    from isoloss.fitting import StudentT as StudentT
    from isoloss.fitting import approaches as approaches
    from isoloss.fitting import fit as fit
    from isoloss.fitting import noise_scale as noise_scale
    from isoloss.fitting.repetition import fit_repetition as fit_repetition
    from isoloss.fitting.sweeps import SweepFit as SweepFit
    from isoloss.fitting.sweeps import fit_sweep as fit_sweep
    from isoloss.laws import Law as Law
    from isoloss.laws import Parameter as Parameter
    from isoloss.laws import get_law as get_law
    from isoloss.laws import list_laws as list_laws
    from isoloss.planning import CriticalBatch as CriticalBatch
    from isoloss.planning import HParams as HParams
    from isoloss.planning import Plan as Plan
    from isoloss.planning import batch_from_noise as batch_from_noise
    from isoloss.planning import batch_laws as batch_laws
    from isoloss.planning import critical_batch as critical_batch
    from isoloss.planning import fit_mfu as fit_mfu
    from isoloss.planning import get_device as get_device
    from isoloss.planning import hparams as hparams
    from isoloss.planning import list_devices as list_devices
    from isoloss.planning import memory as memory
    from isoloss.planning import optima as optima
    from isoloss.planning import overtraining as overtraining
    from isoloss.planning import plan as plan
    from isoloss.planning import plan_published as plan_published
    from isoloss.planning import serve as serve
    from isoloss.planning import shape as shape
    from isoloss.planning import trade_off as trade_off
    from isoloss.planning import transfer_lr as transfer_lr
    from isoloss.planning.data import epoch_table as epoch_table
    from isoloss.planning.data import mix_data as mix_data
    from isoloss.planning.data import plan_data as plan_data
    from isoloss.planning.data import plan_pools as plan_pools
    from isoloss.planning.pilot import PilotPlan as PilotPlan
    from isoloss.planning.pilot import pilot as pilot
    from isoloss.report import write_report as write_report
    from isoloss.runs import Points as Points
    from isoloss.runs import Runs as Runs
    from isoloss.runs import read as read
    from isoloss.training.ladder import Ladder as Ladder
    from isoloss.training.train import train as train
    from isoloss.validation import Backtest as Backtest
    from isoloss.validation import backtest as backtest
    from isoloss.validation import compare as compare
    from isoloss.validation import compare_recipes as compare_recipes
    from isoloss.validation import diagnose as diagnose
    from isoloss.validation import forecast as forecast
    from isoloss.validation import identify as identify
    from isoloss.validation import sensitivity as sensitivity

_HOME = {
    "datasets": "",
    "EvidenceError": "errors",
    "GateError": "errors",
    "InputError": "errors",
    "IsolossError": "errors",
    "Fit": "fitting",
    "Huber": "fitting",
    "Quantile": "fitting",
    "Quantity": "fitting",
    "Squared": "fitting",
    "StudentT": "fitting",
    "approaches": "fitting",
    "fit": "fitting",
    "noise_scale": "fitting",
    "SweepFit": "fitting.sweeps",
    "fit_sweep": "fitting.sweeps",
    "fit_repetition": "fitting.repetition",
    "Law": "laws",
    "Parameter": "laws",
    "get_law": "laws",
    "list_laws": "laws",
    "CriticalBatch": "planning",
    "HParams": "planning",
    "Plan": "planning",
    "batch_from_noise": "planning",
    "batch_laws": "planning",
    "critical_batch": "planning",
    "hparams": "planning",
    "PilotPlan": "planning.pilot",
    "pilot": "planning.pilot",
    "plan": "planning",
    "plan_published": "planning",
    "trade_off": "planning",
    "transfer_lr": "planning",
    "epoch_table": "planning.data",
    "mix_data": "planning.data",
    "plan_data": "planning.data",
    "plan_pools": "planning.data",
    "optima": "planning",
    "overtraining": "planning",
    "serve": "planning",
    "fit_mfu": "planning",
    "get_device": "planning",
    "list_devices": "planning",
    "memory": "planning",
    "shape": "planning",
    "write_report": "report",
    "Points": "runs",
    "Runs": "runs",
    "read": "runs",
    "Ladder": "training.ladder",
    "train": "training.train",
    "Backtest": "validation",
    "backtest": "validation",
    "compare": "validation",
    "compare_recipes": "validation",
    "diagnose": "validation",
    "forecast": "validation",
    "identify": "validation",
    "sensitivity": "validation",
}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME[name]
    value = (
        import_module(f"isoloss.{name}")
        if not home
        else getattr(import_module(f"isoloss.{home}"), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

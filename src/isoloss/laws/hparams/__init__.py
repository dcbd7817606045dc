"""Which learning rate, batch and weight decay? Published laws, one small file per family."""

from __future__ import annotations

from isoloss.laws.hparams.catalogue import (
    HPARAM_LAWS,
    find_hparam_law,
    get_hparam_law,
    list_hparam_laws,
)
from isoloss.laws.hparams.law import SETTINGS, Coefficients, HParamLaw, Setting

__all__ = [
    "HPARAM_LAWS",
    "SETTINGS",
    "Coefficients",
    "HParamLaw",
    "Setting",
    "find_hparam_law",
    "get_hparam_law",
    "list_hparam_laws",
]

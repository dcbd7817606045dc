"""The published laws of learning rate, batch and weight decay, by name."""

from __future__ import annotations

import difflib

from isoloss.errors import InputError, Where
from isoloss.laws.hparams.deepseek import DEEPSEEK
from isoloss.laws.hparams.horizon import HORIZON
from isoloss.laws.hparams.kaplan import KAPLAN_FRONTIER, KAPLAN_HPARAMS
from isoloss.laws.hparams.law import HParamLaw
from isoloss.laws.hparams.ling import LING_DENSE, LING_MOE
from isoloss.laws.hparams.minicpm import MINICPM
from isoloss.laws.hparams.porian import PORIAN
from isoloss.laws.hparams.power_lines import POWER_LINES
from isoloss.laws.hparams.skaling import SKALING
from isoloss.laws.hparams.step_law import STEP_LAW

HPARAM_LAWS: dict[str, HParamLaw] = {
    law.name: law
    for law in (
        STEP_LAW,
        HORIZON,
        DEEPSEEK,
        PORIAN,
        KAPLAN_HPARAMS,
        KAPLAN_FRONTIER,
        POWER_LINES,
        LING_MOE,
        LING_DENSE,
        MINICPM,
        SKALING,
    )
}
"""Every law of settings by name, in the order in which they are listed."""

_ALIASES = {alias: law.name for law in HPARAM_LAWS.values() for alias in law.aliases}


def find_hparam_law(name: str) -> HParamLaw | None:
    """The law of settings of that name or alias, in any spelling; None if there is none."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    return HPARAM_LAWS.get(_ALIASES.get(plain, plain))


def get_hparam_law(name: str | HParamLaw) -> HParamLaw:
    """The law of settings that is meant, by name or alias such as ``steplaw``.

    Raises:
        InputError: there is no such law.
    """
    if isinstance(name, HParamLaw):
        return name
    found = find_hparam_law(name)
    if found is not None:
        return found
    close = difflib.get_close_matches(name.lower(), [*HPARAM_LAWS, *_ALIASES], n=2, cutoff=0.5)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    raise InputError(
        f"there is no law of learning rate or batch named {name[:60]!r}.",
        code="unknown_law",
        where=Where(field="law"),
        hint=f"{meant}Known laws: {', '.join(HPARAM_LAWS)}.",
    )


def list_hparam_laws() -> tuple[HParamLaw, ...]:
    """The laws of settings, in the order in which people should meet them."""
    return tuple(HPARAM_LAWS.values())

"""The laws that isoloss knows by name, and the look-up that also takes a formula."""

from __future__ import annotations

import difflib

from isoloss.errors import InputError, Where
from isoloss.laws.chinchilla import CHINCHILLA, CHINCHILLA_NOFLOOR
from isoloss.laws.coupled import COUPLED
from isoloss.laws.farseer import FARSEER
from isoloss.laws.gadre import GADRE
from isoloss.laws.hparams import find_hparam_law, list_hparam_laws
from isoloss.laws.interaction import INTERACTION
from isoloss.laws.kaplan import KAPLAN_LAWS
from isoloss.laws.law import Law, Published, law_from_formula
from isoloss.laws.lovelace import LOVELACE
from isoloss.laws.power import POWER_LAWS
from isoloss.laws.repetition import REPETITION
from isoloss.laws.rosenfeld import ROSENFELD

LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        CHINCHILLA,
        CHINCHILLA_NOFLOOR,
        INTERACTION,
        COUPLED,
        FARSEER,
        REPETITION,
        LOVELACE,
        GADRE,
        ROSENFELD,
        *KAPLAN_LAWS,
        *POWER_LAWS,
    )
}
"""Every built-in law by name, in the order in which they are listed."""

_OPERATORS = "+*/^=("


def get_law(law: str | Law) -> Law:
    """The law that is meant: a built-in one by name, or one's own by formula.

    Args:
        law: a name of the catalogue such as ``chinchilla``; a formula such as
            ``E + A * N**-alpha``; or a law, which is returned as it is.

    Raises:
        InputError: there is no law of that name, or the formula cannot be used.
    """
    if isinstance(law, Law):
        return law
    name = law.strip()
    if name in LAWS:
        return LAWS[name]
    if any(sign in name for sign in _OPERATORS):
        return law_from_formula(name)
    settings = find_hparam_law(name)
    if settings is not None:
        raise InputError(
            f"{settings.name} is a law of {' and '.join(settings.formulas)}, where a law of the "
            "loss is expected.",
            code="unknown_law",
            where=Where(field="law"),
            hint=f"isoloss hparams --n N --d D --law {settings.name} evaluates it.",
        )
    close = difflib.get_close_matches(name.lower(), LAWS, n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    raise InputError(
        f"there is no law named {name[:60]!r}.",
        code="unknown_law",
        where=Where(field="law"),
        hint=f"{meant}Known laws: {', '.join(LAWS)}. A formula such as "
        "'E + A / N**alpha' is accepted too.",
    )


def list_laws() -> tuple[Law, ...]:
    """The built-in laws, in the order in which people should meet them."""
    return tuple(LAWS.values())


def with_inner() -> tuple[Law, ...]:
    """All that is derived: the built-in laws, their inner forms, and the laws of settings."""
    inner = tuple(law.inner.law for law in LAWS.values() if law.inner)
    settings = (one for law in list_hparam_laws() for one in law.formulas.values())
    # Laws of settings share forms: each is derived once.
    return (*LAWS.values(), *inner, *{one.signature: one for one in settings}.values())


def get_published(law: str | Law, key: str | None = None) -> Published:
    """Published coefficients of a law: those of the given key, or the default (first) ones.

    Raises:
        InputError: the law has no published coefficients, or none of that key.
    """
    known = get_law(law)
    if not known.published:
        raise InputError(
            f"law {known.name} has no published coefficients.",
            code="no_published",
            where=Where(field="law"),
            hint="Laws with published coefficients: "
            + ", ".join(one.name for one in LAWS.values() if one.published)
            + ".",
        )
    if key is None:
        return known.published[0]
    for published in known.published:
        if published.key == key:
            return published
    raise InputError(
        f"law {known.name} has no published coefficients named {key[:60]!r}.",
        code="unknown_published",
        where=Where(field="key"),
        hint=f"Known: {', '.join(one.key for one in known.published)}.",
    )

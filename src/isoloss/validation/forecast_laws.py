"""Which laws does a forecast learn from, and does a backtest belong to its runs?"""

from __future__ import annotations

from collections.abc import Sequence

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit
from isoloss.fitting.fit import inputs
from isoloss.laws import Law, get_law
from isoloss.runs import Points
from isoloss.validation.compare import ALL, choose_laws
from isoloss.validation.result import Backtest

VIEWS = ("chinchilla", "coupled", "gadre", "kaplan")
"""Laws of unlike shape, and quick to fit: what they disagree on, nobody knows."""


def laws_to_try(
    points: Points,
    own: str | Law | None,
    laws: str | Sequence[str | Law] | None,
    given: Fit | None,
) -> list[str | Law]:
    """What the backtest tries: the law that forecasts, if it is known, and then the others.

    None at all for a fit with constraints: a backtest of the fit alone takes them over.

    Raises:
        InputError: other laws are asked for beside a fit with constraints.
    """
    if given is not None and given.constraints.names:
        if laws is None:
            return []
        raise InputError(
            "the fit has fixed, tied or bounded parameters, which other laws do not have.",
            code="conflicting_options",
            where=Where(field="laws"),
            hint="Leave the other laws out, or make the backtest first and give it.",
        )
    if laws is None:
        asked: list[str | Law] = [name for name in VIEWS if _usable(points, name)]
    elif laws == ALL:
        asked = list(choose_laws(points, ALL, "tier", None)[0])
    else:
        asked = [laws] if isinstance(laws, str) else list(laws)
    if own is None:
        return asked
    return [own, *(one for one in asked if name_of(one) != name_of(own))]


def name_of(law: str | Law) -> str:
    """The name of a law in a backtest."""
    return law.strip() if isinstance(law, str) else law.name


def _usable(points: Points, law: str | Law) -> bool:
    """Whether runs have the variables of a law."""
    try:
        inputs(points, get_law(law))
    except InputError:
        return False
    return True


def check_same(tested: Backtest, points: Points) -> None:
    """Refuse a backtest from which a forecast on these points cannot learn.

    Raises:
        InputError: it is of other runs, or not over compute tiers.
    """
    same = tested.data_hash == points.data_hash and tested.n_runs == len(points)
    if not same or tested.conventions != points.conventions:
        raise InputError(
            f"the backtest is of other runs ({tested.n_runs} runs, data {tested.data_hash[:12]}) "
            f"than the forecast ({len(points)} runs, data {points.data_hash[:12]}), or counts N, "
            "FLOP or loss in another way.",
            code="other_runs",
            where=Where(field="backtest"),
            hint="Make it again from the same runs: isoloss backtest RUNS --save FILE.",
        )
    if tested.by != "tier":
        raise InputError(
            f"the backtest is by {tested.by}, where one by tier is expected.",
            code="backtest_by",
            where=Where(field="backtest"),
            hint="How wrong a law becomes is learned per decade of compute.",
        )


def choose(tested: Backtest, given: Fit | None, law: str | Law | None) -> str | Law:
    """The law that forecasts."""
    if given is not None:
        if given.law.name not in tested.laws:
            raise _not_tested(given.law.name, tested)
        return given.law.name
    if law is None:
        return tested.best
    if name_of(law) not in tested.laws:
        raise _not_tested(name_of(law), tested)
    return law


def _not_tested(name: str, tested: Backtest) -> InputError:
    return InputError(
        f"the backtest does not have the law {name}.",
        code="not_tested",
        where=Where(field="backtest"),
        hint=f"It has {', '.join(tested.laws)}. Make one with this law among them.",
    )

"""A law of settings: learning rate, batch or weight decay as formulas of what is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from isoloss.errors import InputError, Where
from isoloss.laws.law import Law, Parameter, Published


@dataclass(frozen=True)
class Setting:
    """Something that a training run is given.

    Attributes:
        name: in results, with its unit.
        symbol: in LaTeX.
        meaning: for people.
    """

    name: str
    symbol: str
    meaning: str


SETTINGS: dict[str, Setting] = {
    one.name: one
    for one in (
        Setting("lr", r"\eta", "peak learning rate"),
        Setting("batch_tokens", "B", "batch, tokens"),
        Setting("critical_batch_tokens", "B_{crit}", "critical batch, tokens"),
        Setting("timescale", r"\tau", "AdamW timescale B / (lr * weight decay * D)"),
        Setting("flop_per_token", "M", "FLOP per token of the compute-optimal model"),
        Setting("tokens", "D", "tokens of the compute-optimal model"),
    )
}


@dataclass(frozen=True)
class Coefficients(Published):
    """Published coefficients of a law of settings, and for which recipe they hold.

    Attributes:
        intervals: published intervals of coefficients.
        level: their coverage.
        batch: at which batch the learning rate holds.
        batch_tokens: that batch, where it is one number.
        schedule: for which schedule of the learning rate.
        compute: what C counts; empty for a law without C.
        unconfirmed: coefficients of the form whose value nobody confirmed, and why. They are not
            in ``values``, and what needs them is not evaluated.
    """

    intervals: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    level: float = 0.95
    batch: str = ""
    batch_tokens: float | None = None
    schedule: str = ""
    compute: str = ""
    unconfirmed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class HParamLaw:
    """Settings of a training run as formulas in N, D, C or the loss L.

    Attributes:
        name: as used on the command line.
        title: one line for people.
        formulas: setting -> its formula; names of parameters are unique over all of them.
        published: printed coefficients, the default ones first.
        reference: the paper.
        summary: what the law says, and its traps.
        aliases: other names that are accepted.
    """

    name: str
    title: str
    formulas: Mapping[str, Law]
    published: tuple[Coefficients, ...]
    reference: str
    summary: str
    aliases: tuple[str, ...] = ()

    @property
    def formula(self) -> str:
        """All formulas in one line, ``lr = ...; batch_tokens = ...``."""
        return "; ".join(f"{name} = {law.formula}" for name, law in self.formulas.items())

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of all formulas."""
        return tuple(one for law in self.formulas.values() for one in law.parameters)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of all formulas."""
        return tuple(dict.fromkeys(n for law in self.formulas.values() for n in law.variables))

    def latex(self) -> str:
        """The formulas for print."""
        return r",\quad ".join(
            SETTINGS[name].symbol + law.latex().removeprefix("L")
            for name, law in self.formulas.items()
        )

    def coefficients(self, key: str | None = None) -> Coefficients:
        """Published coefficients by key, the default ones if None.

        Raises:
            InputError: there are none of that key.
        """
        for one in self.published:
            if key is None or one.key == key:
                return one
        raise InputError(
            f"law {self.name} has no published coefficients named {str(key)[:60]!r}.",
            code="unknown_published",
            where=Where(field="key"),
            hint=f"Known: {', '.join(one.key for one in self.published)}.",
        )

    def missing(self, setting: str, key: str | None = None) -> tuple[str, ...]:
        """The coefficients of a setting that nobody confirmed."""
        known = self.coefficients(key).values
        return tuple(name for name in self.formulas[setting].names if name not in known)

    def needs(self, setting: str, x: Mapping[str, float]) -> tuple[str, ...]:
        """The variables of a setting that a point does not have."""
        return tuple(name for name in self.formulas[setting].variables if name not in x)

    def value(self, setting: str, x: Mapping[str, float], key: str | None = None) -> float:
        """A setting at a point; NaN where it has no positive value there or a coefficient lacks.

        Args:
            setting: one of ``formulas``.
            x: positive numbers; N in params, D in tokens, C in FLOP, L in ``loss_unit``.
            key: which coefficients.
        """
        if self.missing(setting, key):
            return math.nan
        found = float(self.formulas[setting].value(self.coefficients(key).values, x))
        return found if found > 0 and math.isfinite(found) else math.nan

    def interval(
        self, setting: str, x: Mapping[str, float], key: str | None = None
    ) -> tuple[float, float]:
        """What the published intervals of the coefficients leave open of a setting at a point.

        The coefficients are taken as independent about the geometric middle of the fitted range,
        where the law is best known; so the interval opens with the distance from there. What the
        runs left open at that middle is not published and not in it.

        Returns:
            Both ends; NaN where no interval of a coefficient or no range was published.
        """
        published, law = self.coefficients(key), self.formulas[setting]
        middle = {name: math.sqrt(low * high) for name, (low, high) in published.range.items()}
        value = self.value(setting, x, key)
        if math.isnan(value) or not set(law.variables) <= set(middle):
            return math.nan, math.nan
        low, high = self._open(setting, x, middle, key)
        return value * low, value * high

    def ratio_interval(
        self,
        setting: str,
        to: Mapping[str, float],
        since: Mapping[str, float],
        key: str | None = None,
    ) -> tuple[float, float]:
        """What the published intervals of the coefficients leave open of ``ratio``.

        Plain factors cancel, so the interval opens with the way between the points alone.

        Returns:
            Both ends; NaN where no interval of a coefficient was published.
        """
        low, high = self._open(setting, to, since, key)
        ratio = self.ratio(setting, to, since, key)
        return ratio * low, ratio * high

    def _open(
        self, setting: str, x: Mapping[str, float], around: Mapping[str, float], key: str | None
    ) -> tuple[float, float]:
        """Factors below and above 1 between which the intervals of coefficients leave a setting.

        At ``around`` the law counts as known; coefficients move on their own.
        """
        published, law = self.coefficients(key), self.formulas[setting]
        given = [name for name in law.names if name in published.intervals]
        if not given:
            return math.nan, math.nan
        here, there = (self._sensitivity(law, published, at) for at in (x, around))
        down = up = 0.0
        for name in given:
            slope, value = here[name] - there[name], published.values[name]
            moves = [slope * (end - value) for end in published.intervals[name]]
            down += min(*moves, 0.0) ** 2
            up += max(*moves, 0.0) ** 2
        return math.exp(-math.sqrt(down)), math.exp(math.sqrt(up))

    def elasticity(
        self, setting: str, x: Mapping[str, float], key: str | None = None
    ) -> dict[str, float]:
        """By which power of N, D, L a setting changes at a point; C counts as N and as D.

        A coefficient that nobody confirmed is a plain factor, so the powers are known without it.
        """
        published, law = self.coefficients(key), self.formulas[setting]
        theta = [np.asarray(published.values.get(name, 1.0)) for name in law.names]
        with np.errstate(all="ignore"):
            value, *slopes = law.compiled.slope(theta, law.log_variables(x))
        powers = {"N": 0.0, "D": 0.0}
        for name, slope in zip(law.variables, slopes, strict=True):
            power = float(slope) / float(value)
            for variable in ("N", "D") if name == "C" else (name,):
                powers[variable] = powers.get(variable, 0.0) + power
        return powers

    def ratio(
        self,
        setting: str,
        to: Mapping[str, float],
        since: Mapping[str, float],
        key: str | None = None,
    ) -> float:
        """By which factor a setting changes from one point to another; NaN where it has no value.

        It needs no coefficient that is a plain factor, so it is known for forms whose constant
        nobody confirmed.
        """
        published, law = self.coefficients(key), self.formulas[setting]
        theta = {name: published.values.get(name, 1.0) for name in law.names}
        above, below = (float(law.value(theta, x)) for x in (to, since))
        return above / below if above > 0 and below > 0 else math.nan

    def outside(self, x: Mapping[str, float], key: str | None = None) -> dict[str, float]:
        """How many times each variable is outside the fitted range; empty if none is."""
        from isoloss.laws.evaluation import distance_outside  # which stands on the catalogue

        return distance_outside(self.coefficients(key), x)

    @staticmethod
    def _sensitivity(law: Law, published: Coefficients, x: Mapping[str, float]) -> dict[str, float]:
        """Change of the log of the setting per unit of each coefficient."""
        theta = [np.asarray(published.values[name]) for name in law.names]
        value, *slopes = law.compiled.gradient(theta, law.log_variables(x))
        return {
            name: float(slope) / float(value) for name, slope in zip(law.names, slopes, strict=True)
        }


def factor(name: str, of: str) -> Parameter:
    """A positive factor of a law of settings."""
    return Parameter(name, of, positive=True)


def power(name: str, of: str) -> Parameter:
    """An exponent of a law of settings."""
    return Parameter(name, of, bounds=(-10.0, 10.0), start=(-1.0, 1.0))

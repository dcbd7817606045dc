"""What do published coefficients say here, and how far is that from where they were fitted?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from isoloss.errors import InputError, Where
from isoloss.laws.catalogue import get_law, get_published
from isoloss.laws.law import VARIABLES, Law, Published


@dataclass(frozen=True)
class Evaluation:
    """The loss by a published law at one point.

    Attributes:
        law: name of the law.
        key: which published coefficients.
        inputs: the variables as used, plain counts; C = 6 N D and U = D are filled in if needed.
        loss: what the law says, in ``loss_unit``.
        loss_unit: unit of the loss.
        n: what N counts (``total``, ``nonemb``, ...).
        outside: how many times each variable is outside the fitted range; empty if none is.
        sentence: the same for people.
        source: paper and place.
        notes: what a user of these coefficients must know.
    """

    law: str
    key: str
    inputs: Mapping[str, float]
    loss: float
    loss_unit: str
    n: str
    outside: Mapping[str, float]
    sentence: str
    source: str
    notes: str

    def summary(self) -> str:
        """Loss, unit and distance from the fitted range in one line."""
        return f"{self.law} ({self.key}): loss {self.loss:.4f} {self.loss_unit}. {self.sentence}"

    def to_dict(self) -> dict[str, object]:
        """All attributes as plain values."""
        return asdict(self)


def evaluate(law: str | Law, key: str | None = None, **inputs: float) -> Evaluation:
    """The loss by published coefficients, and how far outside their range it was asked.

    Args:
        law: a law or its name.
        key: which published coefficients; the law's default ones if None.
        inputs: the law's variables as plain numbers, such as ``N=7e10, D=1.4e12``. Where the law
            wants C or U and they are not given, C = 6 N D and U = D (nothing repeated).

    Raises:
        InputError: a variable is missing, not one of the law's, or not positive and finite; or
            there are no such coefficients.
    """
    known = get_law(law)
    published = get_published(known, key)
    x = _complete(known, inputs)
    loss = float(known.value(published.values, x))
    outside = distance_outside(published, x)
    return Evaluation(
        law=known.name,
        key=published.key,
        inputs={name: x[name] for name in known.variables},
        loss=loss,
        loss_unit=published.loss_unit,
        n=published.n,
        outside=outside,
        sentence=_sentence(published, known.variables, x, outside),
        source=published.source,
        notes=published.notes,
    )


def distance_outside(published: Published, x: Mapping[str, float]) -> dict[str, float]:
    """How many times each variable is outside the range that the coefficients were fitted on.

    Args:
        published: coefficients with their range.
        x: one number per variable; variables without a range are passed over, and a range in C is
            compared with 6 N D where x has no C.

    Returns:
        A factor above 1 for every variable that is outside, ``x / high`` or ``low / x``.
    """
    factors: dict[str, float] = {}
    for name, (low, high) in published.range.items():
        value = _value(name, x)
        if value is not None and not low <= value <= high:
            factors[name] = value / high if value > high else low / value
    return factors


def _value(name: str, x: Mapping[str, float]) -> float | None:
    if name == "C" and "C" not in x and "N" in x and "D" in x:
        return 6.0 * x["N"] * x["D"]
    return x.get(name)


def _complete(law: Law, inputs: Mapping[str, float]) -> dict[str, float]:
    x = {name: float(value) for name, value in inputs.items()}
    for name, value in x.items():
        if name not in VARIABLES and name not in law.variables:
            raise _not_taken(law, name)
        if not (math.isfinite(value) and value > 0):
            raise InputError(
                f"found {value:g} where a positive, finite number is expected.",
                code="not_positive",
                where=Where(field=name),
            )
    if "C" in law.variables and "C" not in x and "N" in x and "D" in x:
        return {"C": 6.0 * x["N"] * x["D"]}
    if "U" in law.variables and "U" not in x and "D" in x:
        x["U"] = x["D"]
    for name in x:
        if name not in law.variables:
            raise _not_taken(law, name)
    return x


def _not_taken(law: Law, name: str) -> InputError:
    return InputError(
        f"law {law.name} has no variable {name[:40]!r}.",
        code="unknown_variable",
        where=Where(field=name[:40]),
        hint=f"It takes {' and '.join(law.variables)}: L = {law.formula}",
    )


def _sentence(
    published: Published,
    variables: tuple[str, ...],
    x: Mapping[str, float],
    outside: Mapping[str, float],
) -> str:
    from isoloss.runs.quantities import format_quantity

    parts: list[str] = []
    for name, factor in outside.items():
        value, (low, high) = _value(name, x), published.range[name]
        assert value is not None
        side = "above" if value > high else "below"
        parts.append(
            f"{name} = {format_quantity(value)} is {factor:.3g} times {side} the fitted range "
            f"({format_quantity(low)} to {format_quantity(high)})."
        )
    inside = [name for name in published.range if name not in outside]
    if inside and not outside:
        parts.append(f"Inside the fitted range of {' and '.join(inside)}.")
    unknown = [name for name in variables if name not in published.range]
    if unknown and "C" not in published.range:
        parts.append(f"The source states no range for {' and '.join(unknown)}.")
    return " ".join(parts)

"""A law is its formula plus named parameters and what was published of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import InputError, Where
from isoloss.laws.derive import Derived, derive, signature
from isoloss.laws.expression import Node, names_in, parse_formula

Array = NDArray[np.float64]
MAX_PARAMETERS = 20

VARIABLES: dict[str, str] = {
    "N": "model size (parameters)",
    "D": "training tokens",
    "C": "training compute (FLOP)",
    "U": "unique training tokens",
    "S": "optimiser steps",
}


@dataclass(frozen=True)
class Parameter:
    """A number of a law that runs decide.

    Attributes:
        name: as in the formula.
        meaning: what it stands for.
        positive: it is a positive scale, fitted through its logarithm.
        bounds: the smallest and largest value that is allowed.
        start: where the search for it may begin (low, high); None lets the formula decide.
        unit: ``loss``, ``params``, ``tokens`` or empty.
    """

    name: str
    meaning: str = ""
    positive: bool = False
    bounds: tuple[float, float] = (-math.inf, math.inf)
    start: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True)
class Published:
    """Coefficients that somebody printed, with all that is needed to use them.

    Attributes:
        key: short name, unique within the law.
        values: one number per parameter.
        source: paper and place.
        confidence: ``V`` read in the paper, its code or data; ``V2`` in a secondary account;
            ``C`` computed from V values.
        n: what N counts (``total``, ``nonemb``, ...).
        loss_unit: unit of the loss.
        range: fitted range per variable.
        notes: what a user of these numbers must know.
    """

    key: str
    values: Mapping[str, float]
    source: str
    confidence: str
    n: str
    loss_unit: str
    range: Mapping[str, tuple[float, float]]
    notes: str = ""


@dataclass(frozen=True)
class Compiled:
    """The functions of a law on arrays; each takes parameters and log variables, in order."""

    value: Callable[[Any, Any], tuple[Any, ...]]
    gradient: Callable[[Any, Any], tuple[Any, ...]]
    curvature: Callable[[Any, Any], tuple[Any, ...]]
    slope: Callable[[Any, Any], tuple[Any, ...]]
    second: tuple[tuple[int, int], ...]
    linear: tuple[str, ...]
    exponents: tuple[str, ...]
    latex: str


@dataclass(frozen=True)
class Inner:
    """The same law in parameters that a search can follow.

    Attributes:
        law: the formula in those parameters.
        centred: variables that it measures relative to their geometric mean over the runs.
        outward: from its parameters and the logarithms of those means to the law's own.
    """

    law: Law
    centred: tuple[str, ...]
    outward: Callable[[Mapping[str, Array], Mapping[str, float]], dict[str, Array]]


Starts = Callable[[Mapping[str, float], Mapping[str, float]], list[dict[str, float]]]


@dataclass(frozen=True)
class Law:
    """A scaling law: loss as a formula in model size, tokens and the like.

    Attributes:
        name: as used on the command line.
        formula: the single source of everything else, e.g. ``E + A / N**alpha + B / D**beta``.
        parameters: in the order of all arrays of parameters.
        title: one line for people.
        reference: the paper that introduced the form.
        where: named parts of the formula, each may use the ones before it.
        variables: the inputs, in order; by default those of N, D, C, U, S that appear.
        published: printed coefficients.
        additive: names of (A, alpha, B, beta) where the loss only rises with
            ``A / N**alpha + B / D**beta``: then the compute-optimal N and D have a closed form.
        inner: the law in parameters that are easier to search, where its own are not.
        simpler: starts made from the fit of a simpler law: its name, and a function from that
            estimate and the typical variables to starts of this law (of ``inner``, if given).
        summary: what the form says and when to use it.
    """

    name: str
    formula: str
    parameters: tuple[Parameter, ...]
    title: str = ""
    reference: str = ""
    where: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    additive: tuple[str, str, str, str] | None = None
    inner: Inner | None = None
    simpler: tuple[str, Starts] | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        """Check that formula, parameters and variables agree."""
        used = dict.fromkeys(
            name for tree in (*self._parts.values(), self._tree) for name in names_in(tree)
        )
        if not self.variables:
            found = tuple(name for name in VARIABLES if name in used and name not in self.where)
            object.__setattr__(self, "variables", found)
        known = {*self.names, *self.variables, *self.where}
        for name in used:
            if name not in known:
                raise _formula_error(self.formula, f"{name!r} is neither parameter nor variable.")
        for name in (*self.names, *self.variables):
            if name not in used:
                raise _formula_error(self.formula, f"{name!r} does not appear in it.")
        if not self.variables:
            some = ", ".join(f"{key} ({what})" for key, what in VARIABLES.items())
            raise _formula_error(self.formula, f"it has no variable. Variables are {some}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def signature(self) -> str:
        """A hash of formula, parameters and variables."""
        return signature(self.formula, self.names, self.variables, self.where)

    @cached_property
    def compiled(self) -> Compiled:
        """The law as functions on arrays (derived once per process)."""
        from isoloss.laws import _generated

        known = _generated.DERIVED.get(self.signature)
        if known is not None:
            return Compiled(**known)
        derived = self.derive()
        scope: dict[str, Any] = {"np": np}
        exec(derived.source, scope)  # text written by derive() from a whitelisted tree
        functions = {key: scope[key] for key in ("value", "gradient", "curvature", "slope")}
        return Compiled(
            **functions,
            second=derived.second,
            linear=derived.linear,
            exponents=derived.exponents,
            latex=derived.latex,
        )

    def derive(self) -> Derived:
        """Derive value, gradient and curvature from the formula, with SymPy."""
        return derive(self._tree, self.names, self.variables, self._parts)

    def latex(self) -> str:
        """The formula for print."""
        return self.compiled.latex

    def value(
        self, theta: Mapping[str, ArrayLike] | ArrayLike, x: Mapping[str, ArrayLike]
    ) -> Array:
        """The loss that the law gives.

        Args:
            theta: parameters by name, or an array whose first axis runs over ``names``.
            x: one positive array or number per variable; shapes broadcast with ``theta``.

        Returns:
            Loss, in the unit of the runs or coefficients that ``theta`` came from.

        Raises:
            InputError: a parameter or a variable is missing, or a variable is not positive.
        """
        with np.errstate(all="ignore"):
            result = self.compiled.value(self._theta(theta), self.log_variables(x))[0]
        return np.asarray(result, dtype=np.float64)

    def log_variables(self, x: Mapping[str, ArrayLike]) -> tuple[Array, ...]:
        """The logarithms of the law's variables, checked to be present and positive."""
        logs: list[Array] = []
        for name in self.variables:
            if name not in x:
                raise InputError(
                    f"law {self.name} needs {name} ({VARIABLES.get(name, 'a column')}).",
                    code="missing_variable",
                    where=Where(field=name),
                    hint=f"The law is L = {self.formula}",
                )
            values = np.asarray(x[name], dtype=np.float64)
            if not np.all(values > 0):
                raise InputError(
                    f"found {values[~(values > 0)].ravel()[0]:g} where a positive "
                    f"{VARIABLES.get(name, 'number')} is expected.",
                    code="not_positive",
                    where=Where(field=name),
                )
            logs.append(np.log(values))
        return tuple(logs)

    def _theta(self, theta: Mapping[str, ArrayLike] | ArrayLike) -> tuple[Array, ...]:
        if isinstance(theta, Mapping):
            missing = [name for name in self.names if name not in theta]
            if missing:
                raise InputError(
                    f"law {self.name} needs a value for {', '.join(missing)}.",
                    code="missing_parameter",
                    where=Where(field=missing[0]),
                )
            return tuple(np.asarray(theta[name], dtype=np.float64) for name in self.names)
        return tuple(np.asarray(theta, dtype=np.float64))

    @cached_property
    def _tree(self) -> Node:
        return parse_formula(self.formula)

    @cached_property
    def _parts(self) -> dict[str, Node]:
        return {name: parse_formula(text) for name, text in self.where.items()}


def law_from_formula(
    formula: str, *, name: str = "user formula", variables: tuple[str, ...] = ()
) -> Law:
    """A law from the user's own text, such as ``E + A*N**-alpha``.

    N, D, C, U and S are variables, as are the names in ``variables``; every other name is a
    parameter. A parameter in an exponent lies in (-3, 3); one that stands alone is a floor of at
    least zero; one that multiplies what changes its sign with the variables, such as ``log(N)``,
    is free; every other is a positive scale.

    Raises:
        InputError: the text is not a formula, or has no variable, no parameter or too many.
    """
    used = names_in(parse_formula(formula))
    inputs = tuple(n for n in used if n in VARIABLES or n in variables)
    names = tuple(n for n in used if n not in inputs)
    if not names:
        raise _formula_error(formula, "it has no parameter to fit.")
    if len(names) > MAX_PARAMETERS:
        raise _formula_error(
            formula, f"it has {len(names)} parameters; at most {MAX_PARAMETERS} can be fitted."
        )
    bare = Law(name, formula, tuple(Parameter(n) for n in names), variables=inputs)
    facts = bare.compiled

    def describe(parameter: str) -> Parameter:
        if parameter in facts.exponents:
            return Parameter(parameter, "exponent", bounds=(-3.0, 3.0), start=(0.05, 1.0))
        if parameter in facts.linear:
            slope = _slope(bare, parameter)
            if np.all(slope == 1.0):
                return Parameter(parameter, "floor", bounds=(0.0, math.inf), unit="loss")
            if not (np.all(slope > 0) or np.all(slope < 0)):
                return Parameter(parameter, "coefficient")
        return Parameter(parameter, "scale", positive=True)

    parameters = tuple(describe(n) for n in names)
    return Law(name, formula, parameters, title="user formula", variables=inputs)


def _slope(law: Law, parameter: str) -> Array:
    """How the law changes with a parameter, at variables below, at and above one."""
    shifts = np.arange(-2.0, 3.0)
    theta = [np.float64(0.5 + 0.01 * i) for i in range(len(law.names))]
    x = [shifts * (1.0 + 0.1 * i) for i in range(len(law.variables))]
    with np.errstate(all="ignore"):
        first = law.compiled.gradient(theta, x)[1 + law.names.index(parameter)]
    return np.broadcast_to(np.asarray(first, dtype=np.float64), shifts.shape)


def _formula_error(formula: str, reason: str) -> InputError:
    return InputError(
        f"the formula {formula[:120]!r} cannot be used: {reason}",
        code="bad_formula",
        where=Where(field="formula"),
        hint="Example: E + A / N**alpha + B / D**beta",
    )

"""A point for every law, and an evaluator of formulas that shares nothing with the derivation."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from isoloss.laws import LAWS, Law
from isoloss.laws.expression import Name, Node, Number, parse_formula

X = {
    "N": np.array([1.2e7, 9.1e8, 7.3e9, 4.0e8, 2.2e10]),
    "D": np.array([3.1e9, 2.4e11, 5.6e10, 7.7e9, 1.3e12]),
    "U": np.array([9.0e9, 2.5e10, 5.6e10, 1.1e8, 4.0e11]),  # plenty, 10 epochs, one epoch, ...
    "C": np.array([2.2e17, 1.3e21, 2.5e21, 1.8e19, 1.7e23]),
    "S": np.array([4.1e3, 9.0e4, 2.5e5, 1.3e4, 8.0e5]),
}

_SUM = {"E": 1.7, "A": 410.0, "B": 900.0, "alpha": 0.34, "beta": 0.31}
THETA: dict[str, dict[str, float]] = {
    "chinchilla": _SUM,
    "chinchilla-nofloor": {key: _SUM[key] for key in ("A", "B", "alpha", "beta")},
    "interaction": {**_SUM, "G": -3.0, "gamma": 0.11, "delta": 0.07},
    "coupled": {**_SUM, "A": 4e4, "B": 9e4, "alpha": 0.6, "beta": 0.5, "k": 0.55},
    "lovelace": {**_SUM, "P": 0.02, "delta": 1.2, "kappa": 0.8},
    "rosenfeld": {**_SUM, "eps0": 9.5},
    "power-n": {"A": 12.0, "alpha": 0.08},
    "power-d": {"A": 12.0, "alpha": 0.09},
    "power-c": {"A": 25.0, "alpha": 0.05},
    "floor-n": {"E": 1.6, "A": 90.0, "alpha": 0.25},
    "floor-d": {"E": 1.6, "A": 200.0, "alpha": 0.28},
    "floor-c": {"E": 1.6, "A": 700.0, "alpha": 0.15},
}


def theta_of(law: Law) -> dict[str, float]:
    """Plausible parameters of a built-in law."""
    if law.name in THETA:
        return THETA[law.name]
    return dict(law.published[0].values)


def inputs_of(law: Law) -> dict[str, np.ndarray]:
    """Five points in the law's variables."""
    return {name: X[name] for name in law.variables}


ALL = list(LAWS.values())

PLAIN: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": min,
    "max": max,
}


def calculate(node: Node, values: Mapping[str, Any], table: Mapping[str, Any] = PLAIN) -> Any:
    """The value of a parsed formula, operation by operation."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return values[node.name]
    return table[node.operation](*(calculate(part, values, table) for part in node.arguments))


def by_formula(law: Law, values: Mapping[str, Any], table: Mapping[str, Any] = PLAIN) -> Any:
    """The value of a law at one point, named parts first."""
    known = dict(values)
    for name, part in law.where.items():
        known[name] = calculate(parse_formula(part), known, table)
    return calculate(parse_formula(law.formula), known, table)

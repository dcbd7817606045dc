"""From a formula's tree to arrays: value, gradient, curvature and LaTeX, by SymPy.

Variables enter through their logarithms (``N = exp(log N)``), because every law of the field is
a sum of powers: ``N**-alpha`` then costs one exponential, and exponents may vary per fit.

The result is the text of Python functions that use NumPy alone. The texts of the built-in laws
are kept in ``_generated.py`` (written by ``python -m isoloss.laws``, checked by a test),
so that using them needs no SymPy; a user's formula is derived when it is first used.
"""

# SymPy has no types: strict checking of its expressions has nothing to go by.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUnknownLambdaType=false
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.errors import InputError, Where
from isoloss.laws.expression import Apply, Name, Node, Number

if TYPE_CHECKING:
    from isoloss.laws.law import Law

VERSION = 1


@dataclass(frozen=True)
class Derived:
    """The derived facts of a formula.

    Attributes:
        source: text of ``value(p, x)``, ``gradient(p, x)``, ``curvature(p, x)`` and
            ``slope(p, x)``, each taking parameters ``p`` and log variables ``x`` in order.
        second: index pairs (i <= j) of the second derivatives that are not identically zero,
            in the order in which ``curvature`` returns them.
        linear: parameters that enter linearly, jointly.
        exponents: parameters that appear in the exponent of a variable.
        latex: the formula for print.
    """

    source: str
    second: tuple[tuple[int, int], ...]
    linear: tuple[str, ...]
    exponents: tuple[str, ...]
    latex: str


def signature(
    formula: str, parameters: Sequence[str], variables: Sequence[str], where: Mapping[str, str]
) -> str:
    """A hash of all that the derivation depends on."""
    parts = [str(VERSION), formula, *parameters, "|", *variables, "|", *map(str, where.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def derive(
    tree: Node,
    parameters: Sequence[str],
    variables: Sequence[str],
    where: Mapping[str, Node],
) -> Derived:
    """Derive value, gradient, curvature and slope of a formula.

    Args:
        tree: the formula.
        parameters: names to differentiate by.
        variables: names of the inputs (N, D, ...).
        where: named parts that the formula or later parts refer to.
    """
    import sympy as sp

    p = [sp.Symbol(f"p{i}", real=True) for i in range(len(parameters))]
    logs = [sp.Symbol(f"x{i}", real=True) for i in range(len(variables))]
    table: dict[str, Any] = dict(zip(parameters, p, strict=True))
    table |= {name: sp.exp(x) for name, x in zip(variables, logs, strict=True)}
    for name, part in where.items():
        table[name] = _build(part, table)
    value = _build(tree, table).replace(sp.Abs, lambda part: sp.Max(part, -part))

    gradient = [_clean(sp.diff(value, a)) for a in p]
    pairs = [(i, j) for i in range(len(p)) for j in range(i, len(p))]
    curvature = {pair: _clean(sp.diff(gradient[pair[0]], p[pair[1]])) for pair in pairs}
    second = tuple(pair for pair in pairs if curvature[pair] != 0)
    slope = [_clean(sp.diff(value, x)) for x in logs]

    blocks = {
        "value": [value],
        "gradient": [value, *gradient],
        "curvature": [value, *gradient, *(curvature[pair] for pair in second)],
        "slope": [value, *slope],
    }
    for block in blocks.values():
        _check_real(block)
    source = "\n\n".join(_function(name, block, p, logs) for name, block in blocks.items())
    return Derived(
        source=source,
        second=second,
        linear=_linear(parameters, second),
        exponents=tuple(
            name for name, a in zip(parameters, p, strict=True) if _is_exponent(value, a, logs)
        ),
        latex=_latex(tree, parameters, variables, where),
    )


def _build(node: Node, table: Mapping[str, Any]) -> Any:
    import sympy as sp

    if isinstance(node, Number):
        whole = node.value == int(node.value) and abs(node.value) < 1e15
        return sp.Integer(int(node.value)) if whole else sp.Float(node.value, 17)
    if isinstance(node, Name):
        return table[node.name]
    arguments = [_build(argument, table) for argument in node.arguments]
    return _apply(node, arguments)


def _apply(node: Apply, arguments: list[Any]) -> Any:
    import sympy as sp

    match node.operation:
        case "+":
            return arguments[0] + arguments[1]
        case "-":
            return arguments[0] - arguments[1]
        case "*":
            return arguments[0] * arguments[1]
        case "/":
            return arguments[0] / arguments[1]
        case "**":
            return arguments[0] ** arguments[1]
        case function:
            known = {"exp": sp.exp, "log": sp.log, "sqrt": sp.sqrt, "abs": sp.Abs}
            known |= {"min": sp.Min, "max": sp.Max}
            return known[function](*arguments)


def _clean(expression: Any) -> Any:
    """Drop the point masses that min and max leave in second derivatives."""
    import sympy as sp

    return expression.replace(sp.DiracDelta, lambda *_: sp.Integer(0))


def _check_real(outputs: Sequence[Any]) -> None:
    """Refuse what has no real, finite value anywhere, such as N / (N - N) or (-2)**A."""
    import sympy as sp

    known = (sp.exp, sp.log, sp.Abs, sp.sign, sp.Min, sp.Max, sp.Heaviside)
    for output in outputs:
        functions = output.atoms(sp.Function, sp.Derivative)
        if output.has(sp.I, sp.nan, sp.zoo, sp.oo) or not all(
            isinstance(f, known) for f in functions
        ):
            raise InputError(
                "the formula or its slope has no real, finite value.",
                code="bad_formula",
                where=Where(field="formula"),
                hint="Look for a division by zero and for a root, power or log of a negative.",
            )


def _linear(parameters: Sequence[str], second: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """The parameters that enter linearly and jointly so: no second derivative among them."""
    chosen: list[int] = []
    for i in range(len(parameters)):
        pairs = [(j, i) for j in (*chosen, i)]
        if not any(pair in second for pair in pairs):
            chosen.append(i)
    return tuple(parameters[i] for i in chosen)


def _is_exponent(value: Any, parameter: Any, logs: Sequence[Any]) -> bool:
    """Whether some power of a variable has the parameter in its exponent."""
    import sympy as sp

    slopes = [sp.diff(power.args[0], x) for power in value.atoms(sp.exp) for x in logs]
    slopes += [power.exp for power in value.atoms(sp.Pow) if power.base.has(*logs)]
    return any(slope.has(parameter) and not slope.has(*logs) for slope in slopes)


def _function(name: str, outputs: Sequence[Any], p: Sequence[Any], logs: Sequence[Any]) -> str:
    import sympy as sp

    exp, log = sp.Function("np.exp"), sp.Function("np.log")

    def plain(expression: Any) -> Any:
        # A general power is exp(b log a): NumPy's exp and log are several times faster than its
        # power, and the derivative shares the logarithm. SymPy would fold it back: hence names.
        if expression.is_Atom:
            return expression
        arguments = [plain(argument) for argument in expression.args]
        if isinstance(expression, sp.exp):
            return exp(*arguments)
        if isinstance(expression, sp.log):
            return log(*arguments)
        if expression.is_Pow and not expression.exp.is_Integer:
            base, exponent = arguments
            return exp(exponent * log(base))
        return expression.func(*arguments)

    shared, results = sp.cse([plain(output) for output in outputs], order="none")
    write = _printer()
    lines = [f"def {name}(p, x):"]
    lines += [f"    {', '.join(map(str, p))}, = p"] if p else []
    lines += [f"    {', '.join(str(x).replace('x', 'v') for x in logs)}, = x"]
    renamed = {x: sp.Symbol(str(x).replace("x", "v")) for x in logs}
    lines += [f"    t{i} = {write(e, shared, renamed)}" for i, (_, e) in enumerate(shared)]
    body = [write(result, shared, renamed) for result in results]
    lines += [f"    return ({', '.join(body)},)"]
    return "\n".join(lines)


def _printer() -> Any:
    from sympy.printing.numpy import NumPyPrinter

    class Printer(NumPyPrinter):
        def _print_Function(self, expr: Any) -> str:
            name = expr.func.__name__
            return f"{name}({', '.join(self._print(argument) for argument in expr.args)})"

        def _print_Heaviside(self, expr: Any) -> str:
            return f"np.heaviside({self._print(expr.args[0])}, 0.5)"

        def _print_Min(self, expr: Any) -> str:
            return self._nest("np.minimum", expr.args)

        def _print_Max(self, expr: Any) -> str:
            return self._nest("np.maximum", expr.args)

        def _nest(self, name: str, arguments: Sequence[Any]) -> str:
            first, *rest = sorted(arguments, key=str)
            if not rest:
                return str(self._print(first))
            return f"{name}({self._print(first)}, {self._nest(name, rest)})"

        def _print_sign(self, expr: Any) -> str:
            return f"np.sign({self._print(expr.args[0])})"

        def _print_Pow(self, expr: Any, rational: bool = False) -> str:
            base, exponent = self._print(expr.base), int(expr.exp)
            if expr.base.is_Atom and abs(exponent) <= 4:
                power = "*".join([base] * abs(exponent))
            else:
                power = f"({base})**{abs(exponent)}" if abs(exponent) > 1 else f"({base})"
            return f"({power})" if exponent > 0 else f"(1.0/({power}))"

    printer = Printer({"fully_qualified_modules": False, "allow_unknown_functions": True})

    def write(
        expression: Any, shared: Sequence[tuple[Any, Any]], renamed: Mapping[Any, Any]
    ) -> str:
        import sympy as sp

        names = {symbol: sp.Symbol(f"t{i}") for i, (symbol, _) in enumerate(shared)}
        return str(printer.doprint(expression.xreplace({**names, **renamed})))

    return write


def _latex(
    tree: Node, parameters: Sequence[str], variables: Sequence[str], where: Mapping[str, Node]
) -> str:
    import sympy as sp

    table: dict[str, Any] = {
        name: sp.Symbol(name, positive=True) for name in (*parameters, *variables, *where)
    }
    symbols = {symbol: sp.latex(symbol) for symbol in table.values()}
    text = f"L = {sp.latex(_build(tree, table), symbol_names=symbols, order='none')}"
    for name, part in where.items():
        part_text = sp.latex(_build(part, table), symbol_names=symbols)
        text += rf",\quad {symbols[table[name]]} = {part_text}"
    return text


def generated_text(laws: Sequence[Law]) -> str:
    """The text of ``_generated.py`` for the given laws."""
    head = (
        '"""Value, gradient and curvature of the built-in laws. Written by '
        '``python -m isoloss.laws``; do not edit."""\n\n# ruff: noqa\n# pyright: basic\n'
        "from typing import Any\n\nimport numpy as np\n\nDERIVED: dict[str, dict[str, Any]] = {}\n"
    )
    blocks: list[str] = []
    for law in laws:
        derived = law.derive()
        facts = {
            "second": derived.second,
            "linear": derived.linear,
            "exponents": derived.exponents,
            "latex": derived.latex,
        }
        blocks.append(
            f"\n\n# {law.name}: {law.formula}\n{derived.source}\n\n\n"
            f"DERIVED[{law.signature!r}] = dict(\n"
            "    value=value, gradient=gradient, curvature=curvature, slope=slope,\n"
            + "".join(f"    {key}={fact!r},\n" for key, fact in facts.items())
            + ")\n"
        )
    return head + "".join(blocks)

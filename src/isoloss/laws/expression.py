"""A formula as text becomes a tree of known operations, and never anything else.

The text is read with Python's grammar but is not evaluated: only numbers, names, ``+ - * / **``,
parentheses and a short list of functions pass. Constant parts are folded here, in floats and
with a bound, so that a giant power cannot occupy the machine later.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass

from isoloss.errors import InputError, Where

MAX_LENGTH = 1000
MAX_DEPTH = 60
MAX_CONSTANT = 1e30
MAX_POWER = 100.0
# Second derivatives grow fast with these two; the laws of the field stay below half of them.
MAX_OPERATIONS = 100
MAX_NESTING = 6
FUNCTIONS = {"exp": 1, "log": 1, "sqrt": 1, "abs": 1, "min": 2, "max": 2}
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_ALLOWED = (
    "numbers, names, + - * / **, parentheses and the functions "
    + ", ".join(sorted(FUNCTIONS))
    + "."
)


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Name:
    """A parameter, a variable or a named part of the formula."""

    name: str


@dataclass(frozen=True)
class Apply:
    """An operator or a function applied to its arguments."""

    operation: str
    arguments: tuple[Node, ...]


Node = Number | Name | Apply


def parse_formula(text: str) -> Node:
    """Read a formula such as ``E + A * N**-alpha`` into a tree.

    ``^`` is accepted for ``**``, and ``L = ...`` in front is dropped.

    Raises:
        InputError: the text is too long, too deep, or holds anything but the allowed parts.
    """
    if len(text) > MAX_LENGTH:
        raise _refuse(f"found {len(text):,} characters; a formula has at most {MAX_LENGTH:,}.")
    source = text.replace("^", "**").replace("\n", " ").strip()
    head, equals, tail = source.partition("=")
    if equals and head.strip().isidentifier():
        source = tail.strip()
    if not source:
        raise _refuse("found an empty formula.")
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "too deep or not text"
        raise _refuse(f"{text[:80]!r} is not a formula ({reason}).") from None
    node = _convert(tree.body, depth=0)
    if _operations(node) > MAX_OPERATIONS:
        raise _refuse(f"the formula has more than {MAX_OPERATIONS} operations.")
    if _nesting(node) > MAX_NESTING:
        raise _refuse(f"functions and powers nest deeper than {MAX_NESTING} levels.")
    return node


def names_in(node: Node) -> tuple[str, ...]:
    """The names of a tree in order of first appearance."""
    if isinstance(node, Name):
        return (node.name,)
    if isinstance(node, Number):
        return ()
    found = [name for argument in node.arguments for name in names_in(argument)]
    return tuple(dict.fromkeys(found))


def _operations(node: Node) -> int:
    if not isinstance(node, Apply):
        return 0
    return 1 + sum(_operations(argument) for argument in node.arguments)


def _nesting(node: Node) -> int:
    if not isinstance(node, Apply):
        return 0
    here = 1 if node.operation not in ("+", "-", "*", "/") else 0
    return here + max(_nesting(argument) for argument in node.arguments)


def _convert(node: ast.expr, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise _refuse(f"the formula nests deeper than {MAX_DEPTH} levels.")
    match node:
        case ast.Constant(value=bool()):
            raise _refuse(f"found {node.value!r} where a number or a name is expected.")
        case ast.Constant(value=int() | float() as value):
            return _number(value)
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise _refuse(f"the function {name!r} is used without its argument.")
            if "__" in name or not name.isascii() or len(name) > 40:
                raise _refuse(f"{name[:40]!r} is not a usable name (letters, digits, single _).")
            return Name(name)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _fold("*", (Number(-1.0), _convert(operand, depth + 1)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            arguments = (_convert(left, depth + 1), _convert(right, depth + 1))
            return _fold(OPERATORS[type(op)], arguments)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            if len(args) != FUNCTIONS[name]:
                raise _refuse(f"{name} takes {FUNCTIONS[name]} argument(s), found {len(args)}.")
            return _fold(name, tuple(_convert(argument, depth + 1) for argument in args))
        case _:
            raise _refuse(f"found {_shown(node)!r}, which a formula may not contain.")


def _shown(node: ast.expr) -> str:
    try:
        return ast.unparse(node)[:60]
    except RecursionError:
        return type(node).__name__.lower()


def _fold(operation: str, arguments: tuple[Node, ...]) -> Node:
    exponent = arguments[-1]
    if operation == "**" and isinstance(exponent, Number) and abs(exponent.value) > MAX_POWER:
        raise _refuse(f"found the power {exponent.value:g}; at most {MAX_POWER:g} is accepted.")
    values = [argument.value for argument in arguments if isinstance(argument, Number)]
    if len(values) < len(arguments):
        return Apply(operation, arguments)
    try:
        return _number(_constant(operation, values))
    except (OverflowError, ZeroDivisionError, ValueError):
        raise _refuse(f"the constant part {operation} of {values} has no finite value.") from None


def _constant(operation: str, values: list[float]) -> float:
    match operation:
        case "+":
            return values[0] + values[1]
        case "-":
            return values[0] - values[1]
        case "*":
            return values[0] * values[1]
        case "/":
            return values[0] / values[1]
        case "**":
            return math.pow(values[0], values[1])
        case "min" | "max":
            return min(values) if operation == "min" else max(values)
        case "abs":
            return abs(values[0])
        case _:
            return {"exp": math.exp, "log": math.log, "sqrt": math.sqrt}[operation](values[0])


def _number(value: float) -> Number:
    number = float(value) if abs(value) <= MAX_CONSTANT else math.inf
    if not math.isfinite(number):
        raise _refuse(f"a constant beyond {MAX_CONSTANT:g} appears; scale the formula instead.")
    return Number(number)


def _refuse(reason: str) -> InputError:
    return InputError(
        reason,
        code="bad_formula",
        where=Where(field="formula"),
        hint=f"A formula may hold {_ALLOWED} Example: E + A / N**alpha + B / D**beta",
    )

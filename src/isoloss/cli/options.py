"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, Token

from isoloss.cli.streams import working, write, write_document, write_error
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.runs import Runs


@contextmanager
def placed(field: str) -> Generator[None, None, None]:
    """Say of an error inside, where it does not say so itself, which word was meant."""
    try:
        yield
    except InputError as error:
        if error.where != Where():
            raise
        raise InputError(
            error.message, code=error.code, where=Where(field=field), hint=error.hint
        ) from None


def place(token: Token) -> Where:
    """Where a value was given: on the command line or in isoloss.toml."""
    if token.source == "cli":
        return Where(field=token.keyword)
    # Cyclopts writes a key of a file in brackets.
    return Where(file=token.source, field=(token.keyword or "").strip("[]"))


def _quantity(_: Any, tokens: Sequence[Token]) -> float:
    from isoloss.runs import parse_quantity

    try:
        return parse_quantity(tokens[0].value)
    except InputError as error:
        raise InputError(
            error.message, code=error.code, where=place(tokens[0]), hint=error.hint
        ) from None


def _whole(least: int, most: int) -> Callable[[Any, Sequence[Token]], int]:
    def convert(_: Any, tokens: Sequence[Token]) -> int:
        text = tokens[0].value
        # 1000 and 1e3 are the same wish.
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not (value.is_integer() and least <= value <= most):
            raise InputError(
                f'found "{text[:40]}" where a whole number from {least} to {most:,} is expected.',
                code="bad_value",
                where=place(tokens[0]),
            )
        return int(value)

    return convert


Amount = Annotated[float, Parameter(converter=_quantity)]
"""A positive amount such as ``70B``, ``1.4T`` or ``1e24``."""

Draws = Annotated[int, Parameter(converter=_whole(1, 10_000_000))]
"""How many refits; more than the largest would take days, so it is a typing error."""

Count = Annotated[int, Parameter(converter=_whole(1, 10_000_000))]
"""A count of at least one."""

Jobs = Annotated[int, Parameter(converter=_whole(1, 1024))]
"""How many threads."""

Devices = Annotated[int, Parameter(converter=_whole(1, 100_000_000))]
"""How many accelerators."""

Port = Annotated[int, Parameter(converter=_whole(0, 65535))]
"""A port to listen on; 0 takes a free one."""

# Beyond 2^53 floats skip whole numbers.
Seed = Annotated[int, Parameter(converter=_whole(0, 2**53))]
"""A seed."""


def pair(item: str, option: str, example: str) -> tuple[str, str]:
    """The two sides of ``name=value``; a name may hold ``=`` itself.

    Args:
        item: as typed.
        option: for messages, for example ``--map``.
        example: for messages, for example ``my_loss=loss``.

    Raises:
        InputError: there is no ``=``, or a side is empty.
    """
    name, _, value = item.rpartition("=")
    if not name.strip() or not value.strip():
        raise InputError(
            f'found "{item[:60]}" where two parts with = between them are expected.',
            code="bad_value",
            where=Where(field=option),
            hint=f"Write it like {option} {example}.",
        )
    return name.strip(), value.strip()


def pairs(items: Sequence[str], option: str, example: str) -> dict[str, str]:
    """The values of an option that is given as ``name=value``, once or several times.

    Raises:
        InputError: an item is no such pair, or a name is given twice.
    """
    found: dict[str, str] = {}
    for item in items:
        name, value = pair(item, option, example)
        if name in found:
            raise InputError(
                f'"{name[:60]}" is given twice.',
                code="repeated_value",
                where=Where(field=option),
                hint="Keep one of the two.",
            )
        found[name] = value
    return found


def number(text: str, option: str) -> float:
    """Any finite number, ``-0.5`` or ``70B``.

    Raises:
        InputError: the text is no number.
    """
    from isoloss.runs import parse_quantity

    sign, digits = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    with placed(option):
        return 0.0 if _is_zero(digits) else sign * parse_quantity(digits)


def amounts(text: str | None, option: str) -> tuple[float, ...] | None:
    """Amounts with commas between them, ``2T,10T``; None where the option is not given.

    Raises:
        InputError: one of them is no number.
    """
    if text is None:
        return None
    return tuple(_amount(part.strip(), option) for part in text.split(","))


def _amount(text: str, option: str) -> float:
    from isoloss.runs import parse_quantity

    with placed(option):
        return 0.0 if _is_zero(text) else parse_quantity(text)


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0.0
    except ValueError:
        return False


@Parameter(name="*")
@dataclass(frozen=True)
class Output:
    """How the answer is written."""

    json: Annotated[bool, Parameter(help="Write one JSON document instead of text.")] = False
    quiet: Annotated[bool, Parameter(help="No notes and no progress on standard error.")] = False

    def give(self, *, text: Callable[[], str], document: Callable[[], Mapping[str, Any]]) -> None:
        """Write the answer, as text or as a document."""
        if self.json:
            write_document(document())
        else:
            write(text())

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        if not self.quiet:
            write_error(text)

    def working(self, what: str) -> AbstractContextManager[None]:
        """Show that something takes a moment."""
        return working(what, quiet=self.quiet)


OUTPUT = Output()


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How a table of runs is read."""

    where: Annotated[
        str | None,
        Parameter(help="Read only rows that meet this SQL condition over the input's columns."),
    ] = None
    n: Annotated[
        str | None,
        Parameter(help="Which count is N: total, nonemb, matmul, active, or a column."),
    ] = None
    loss: Annotated[str | None, Parameter(help="Which column is the loss.")] = None
    map: Annotated[
        list[str] | None,
        Parameter(help="Say what a column is, NAME=CANONICAL, such as my_loss=loss; repeatable."),
    ] = None
    scale: Annotated[
        list[str] | None,
        Parameter(help="Multiply a column, NAME=FACTOR, such as tokens=1e9; repeatable."),
    ] = None
    loss_unit: Annotated[
        str | None, Parameter(help="Unit of the loss: nats/token, bits/byte, ...")
    ] = None
    flop_convention: Annotated[
        str | None,
        Parameter(
            name=["--flop-convention", "--flops"],
            help="How FLOP are counted: 6nd, kaplan, palm, causal, chinchilla_f, given.",
        ),
    ] = None
    arch: Annotated[
        str | None,
        Parameter(help="Shape of all models where the table lacks it: 'L=12 d=768 V=50304'."),
    ] = None
    keep_undecayed: Annotated[
        bool, Parameter(help="Keep runs whose learning rate did not decay.")
    ] = False

    def words(self) -> tuple[str, ...]:
        """The options that were given, as words of a command."""
        found: list[str] = []
        for option in fields(self):
            value: Any = getattr(self, option.name)
            name = f"--{option.name.replace('_', '-')}"
            if value is True:
                found.append(name)
            elif value:
                for one in [value] if isinstance(value, str) else value:
                    found += [name, one]
        return tuple(found)

    def read(self, paths: Sequence[str]) -> Runs:
        """Read runs from files, folders or patterns.

        Raises:
            InputError: no path is given, or the runs cannot be read.
        """
        from isoloss.runs import read

        if not paths:
            raise InputError(
                "no table of runs is given.",
                code="missing_argument",
                where=Where(field="RUNS"),
                hint="Name a file, a folder or a pattern, for example runs.csv.",
            )
        scale = pairs(self.scale or [], "--scale", "tokens=1e9")
        return read(
            *paths,
            where=self.where,
            n=self.n,
            loss=self.loss,
            columns=pairs(self.map or [], "--map", "my_loss=loss"),
            scale={name: number(text, "--scale") for name, text in scale.items()},
            loss_unit=self.loss_unit,
            flop_convention=self.flop_convention,
            architecture=self.arch,
            keep_undecayed=self.keep_undecayed,
        )


READING = Reading()

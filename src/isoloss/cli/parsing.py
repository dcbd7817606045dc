"""From words to a command with its arguments; a mistake becomes a sentence.

Cyclopts matches words and signatures. Commands are registered as text, so that only the one that
runs is imported.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from inspect import BoundArguments

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from isoloss.cli.commands import COMMANDS, GROUPS
from isoloss.cli.config import configured
from isoloss.cli.help import HelpText
from isoloss.cli.options import place
from isoloss.errors import InputError, Where
from isoloss.version import __version__

_CODES: dict[type[CycloptsError], str] = {
    UnknownOptionError: "unknown_option",
    UnknownCommandError: "unknown_command",
    MissingArgumentError: "missing_argument",
    CoercionError: "bad_value",
    UnusedCliTokensError: "unexpected_argument",
    RepeatArgumentError: "repeated_option",
}

_KINDS: dict[type, str] = {int: "whole number", float: "number", bool: "yes or no"}


def parse(tokens: list[str]) -> tuple[Callable[..., int | None], BoundArguments]:
    """The command that is meant and its arguments, defaults of isoloss.toml included.

    Raises:
        InputError: there is no such command or option, or a value is missing or unreadable.
    """
    app = build_app()
    try:
        command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise explain(error, tokens) from None
    return command, bound


def build_app() -> App:
    """All commands, none of them imported yet."""
    app = App(
        name="isoloss",
        version=__version__,
        help_format="plaintext",
        help_formatter=HelpText(),
        default_parameter=Parameter(negative=()),
        config=configured,
    )
    groups = {name: App(name=name) for name in GROUPS}
    for group in groups.values():
        app.command(group)
    for command in COMMANDS:
        parent, _, name = command.name.rpartition(" ")
        groups.get(parent, app).command(command.target, name=name)
    return app


def explain(error: CycloptsError, tokens: list[str]) -> InputError:
    """A mistake in the words as an error with place, value found, expectation and hint."""
    command = " ".join(["isoloss", *(error.command_chain or ())])
    hint = f"{command} --help explains it."
    where = Where()
    match error:
        case UnknownOptionError(token=token):
            where = place(token) if token.keyword else Where(field=token.value)
            known = [name for argument in error.argument_collection for name in argument.names]
            message = f"{command} has no option {where.field}."
            hint = _guess(f"--{(where.field or '').lstrip('-')}", known) + hint
        case UnknownCommandError():
            words = [word for word in tokens if not word.startswith("-")] or tokens
            names = [one.name for one in COMMANDS]
            typed = " ".join(words[: 2 if words[0] in GROUPS else 1])
            message = f'there is no command "{typed[:60]}".'
            hint = f"{_guess(typed, names)}isoloss --help lists them."
        case MissingArgumentError() if error.argument is not None:
            name = error.keyword or error.argument.name
            where = Where(field=name)
            message = f"{command} needs a value for {name}."
            after = tokens[tokens.index(name) + 1 :] if name in tokens else []
            if after and after[0].startswith("-") and not after[0].startswith("--"):
                message = f'found "{after[0][:40]}" where a value of {name} is expected.'
                hint = f"A value that starts with - is written {name}=VALUE. {hint}"
        case CoercionError(token=token) if token is not None:
            where = place(token)
            kind = _KINDS.get(error.target_type, "value") if error.target_type else "value"
            message = f'found "{token.value[:60]}" where a {kind} is expected.'
        case RepeatArgumentError():
            where = place(error.token)
            message = f"{where.field} is given twice."
            hint = "Keep one of the two."
        case UnusedCliTokensError():
            spare = " ".join(error.unused_tokens or [])
            message = f'{command} does not take "{spare[:80]}".'
        case _:
            message = str(error)
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "usage")
    return InputError(message, code=code, where=where, hint=hint)


def _guess(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {close[0]}? " if close else ""

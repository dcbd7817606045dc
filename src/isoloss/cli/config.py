"""Which defaults does the user keep in isoloss.toml? Found upward from the working folder.

One table per command, ``[fit]`` or ``[runs.check]``, holds its options; ``[read]`` holds the
options of reading runs for all commands that read them. Flags override the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from cyclopts import App
    from cyclopts.argument import ArgumentCollection

NAME = "isoloss.toml"
READ = "read"
# Which form an answer takes is part of the question, not of the project.
_NEVER = ("json",)


def configured(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Fill in what isoloss.toml says and the command line does not.

    Raises:
        InputError: the file cannot be read or understood, or sets what it cannot set.
        UnknownOptionError: it holds an option that the command does not have.
    """
    from cyclopts.config import Dict

    path = find(Path.cwd())
    if path is None or not commands:
        return
    document = load(path)
    options = {name: argument for argument in arguments for name in argument.names}
    shared = {
        key: value
        for key, value in _table(document, (READ,), path).items()
        if f"--{key.replace('_', '-')}" in options
    }
    _check_shared(_table(document, (READ,), path), path)
    own = _table(document, commands, path)
    for name in _NEVER:
        if name in own:
            raise InputError(
                "this option belongs on the command line.",
                code="bad_config",
                where=Where(file=str(path), field=name),
                hint=f"Remove it, and type --{name} where you want it.",
            )
    nested = {key for key, value in own.items() if isinstance(value, dict)}
    defaults = shared | {key: value for key, value in own.items() if key not in nested}
    Dict(defaults, use_commands_as_keys=False, source=str(path))(app, commands, arguments)


def find(folder: Path) -> Path | None:
    """The nearest isoloss.toml in a folder or above it."""
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return place / NAME
    return None


def load(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        InputError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    raise InputError(
        f"this cannot be read as TOML: {reason}.",
        code="bad_config",
        where=Where(file=str(path)),
        hint="Mend it or move it away; it gives defaults for options.",
    )


def _table(document: dict[str, Any], keys: tuple[str, ...], path: Path) -> dict[str, Any]:
    """The table at these keys, empty where there is none."""
    table = document
    for depth, key in enumerate(keys, start=1):
        inner = table.get(key, {})
        if not isinstance(inner, dict):
            raise InputError(
                f"found {str(inner)[:60]!r} where a table of options is expected.",
                code="bad_config",
                where=Where(file=str(path), field=".".join(keys[:depth])),
                hint=f"Write it as [{'.'.join(keys[:depth])}] and one line per option.",
            )
        table = cast("dict[str, Any]", inner)
    return table


def _check_shared(table: dict[str, Any], path: Path) -> None:
    """Refuse in ``[read]`` what no command would use, so that a typing error does not pass."""
    from dataclasses import fields

    from isoloss.cli.options import Reading

    known = [field.name for field in fields(Reading)]
    for key in table:
        if key.replace("-", "_") not in known:
            raise InputError(
                "there is no such option of reading runs.",
                code="unknown_option",
                where=Where(file=str(path), field=key),
                hint=f"[{READ}] takes {', '.join(known)}.",
            )

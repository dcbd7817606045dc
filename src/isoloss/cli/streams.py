"""Where do answers and remarks go? Answers to standard output, all else to standard error.

Whatever a stream cannot show is written with escapes: a name in another script must not end a
command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO


class OutputFailure(Exception):
    """Standard output takes nothing, for another reason than a reader who has gone."""


def write(text: str) -> None:
    """Write an answer; a line end is added where there is none.

    Raises:
        OutputFailure: it cannot be written.
        BrokenPipeError: nobody reads it.
    """
    _put(_showable(_ended(text), sys.stdout))


def write_error(text: str) -> None:
    """Write a remark or an error to standard error."""
    sys.stderr.write(_showable(_ended(text), sys.stderr))
    sys.stderr.flush()


def write_document(document: Mapping[str, Any]) -> None:
    """Write one JSON document as the whole answer; raises like ``write``."""
    from isoloss.document import dumps

    text = dumps(document)
    if not _can_show(text, sys.stdout):
        # Outside ASCII there are only letters within strings, where JSON knows these escapes.
        units = text.encode("utf-16-be", "surrogatepass")
        codes = (int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2))
        text = "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)
    _put(text)


@contextmanager
def working(what: str, *, quiet: bool) -> Generator[None, None, None]:
    """Show that something takes a moment, where a person is watching standard error."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what, spinner="line"):
        yield


def silence() -> None:
    """Let what is still to be flushed to standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _put(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailure(error.strerror or str(error)) from error


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _can_show(text: str, stream: TextIO) -> bool:
    try:
        text.encode(_encoding(stream))
    except UnicodeEncodeError:
        return False
    return True


def _showable(text: str, stream: TextIO) -> str:
    encoding = _encoding(stream)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _encoding(stream: TextIO) -> str:
    return stream.encoding or "utf-8"

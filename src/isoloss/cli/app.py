"""The command ``isoloss``: from the words typed to an exit code.

Exit codes: 0 ok, 1 a check failed, 2 usage or input, 3 evidence too thin, 130 stopped by Ctrl-C,
141 the reader of the output went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from isoloss.cli.commands import quick_answer
from isoloss.cli.streams import OutputFailure, silence, write, write_document, write_error
from isoloss.errors import InputError, IsolossError

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and say how it went.

    Args:
        argv: the words after ``isoloss``; by default those of the process.

    Returns:
        The exit code. Nothing that a user can cause raises.
    """
    tokens = list(sys.argv[1:] if argv is None else argv)
    # A stream that the caller closed is None.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or sys.stdout
    try:
        answer = quick_answer(tokens)
        if answer is None:
            return _run(tokens)
        write(answer)
    except KeyboardInterrupt:
        write_error("isoloss: stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        silence()
        return BROKEN_PIPE
    except OutputFailure as failure:
        silence()
        write_error(f"isoloss: the answer cannot be written: {failure}.")
        return InputError.exit_code
    return 0


def _run(tokens: list[str]) -> int:
    from isoloss.cli.parsing import parse

    as_json = "--json" in _options(tokens)
    try:
        command, bound = parse(tokens)
        as_json = as_json or getattr(bound.arguments.get("output"), "json", False)
        return command(*bound.args, **bound.kwargs) or 0
    except IsolossError as error:
        return _report(error, as_json)
    except MemoryError:
        error = InputError(
            "there is not enough memory for this.",
            code="out_of_memory",
            hint="Ask for fewer --draws, or leave runs out with --where.",
        )
        return _report(error, as_json)


def _options(tokens: list[str]) -> list[str]:
    """The words before ``--``, after which nothing is an option."""
    return tokens[: tokens.index("--")] if "--" in tokens else tokens


def _report(error: IsolossError, as_json: bool) -> int:
    """Say an error to people, and to programs where they asked."""
    sentence, *more = str(error).splitlines()
    indent = " " * len("isoloss: ")
    write_error("\n".join([f"isoloss: {sentence}", *(f"{indent}{line}" for line in more)]))
    if as_json:
        from isoloss.cli.documents import document

        write_document(document("error") | error.to_dict())
    return error.exit_code

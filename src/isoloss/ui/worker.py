"""A process that reads, fits and plans for the server, within bounds of memory and files.

It takes JSON messages from its standard input and answers on its standard output; it never takes
or hands over objects that are code. When its input ends, it ends, whatever it is doing.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
from typing import Any, BinaryIO

from isoloss.document import plain
from isoloss.errors import EvidenceError, IsolossError

HEAD = struct.Struct(">Q")
FILE_BYTES = 512 << 20


def main() -> None:
    """Answer messages until there are none."""
    memory, patience = (int(word) for word in sys.argv[1:3])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    limit(memory)
    os.nice(patience)
    asked: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, asked), daemon=True).start()
    from isoloss.ui import tasks

    tasks.prepare()
    while True:
        _answer(asked.get(), answers)


def limit(memory: int) -> None:
    """Bound what this process may take from the machine, where the system can."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        _, hard = resource.getrlimit(kind)
        if kind == resource.RLIMIT_AS and not most:
            continue
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message, whole."""
    data = json.dumps(plain(message), allow_nan=False).encode()
    stream.write(HEAD.pack(len(data)) + data)
    stream.flush()


def _listen(stream: BinaryIO, asked: queue.Queue[dict[str, Any]]) -> None:
    while head := stream.read(HEAD.size):
        asked.put(json.loads(stream.read(HEAD.unpack(head)[0])))
    os._exit(0)


def _answer(message: dict[str, Any], answers: BinaryIO) -> None:
    from isoloss.ui import tasks

    def report(sentence: str) -> None:
        send(answers, {"progress": sentence})

    try:
        found = tasks.TASKS[message["task"]](message["arguments"], report)
        send(answers, {"result": found})
    except IsolossError as error:
        thin = isinstance(error, EvidenceError)
        send(answers, {"error": error.to_dict() | {"exit_code": 3 if thin else 2}})
    except MemoryError:
        send(answers, {"error": OUT_OF_MEMORY})
    except Exception as error:
        # A defect of ours: the process is not trusted any more, and the next one starts afresh.
        kind = type(error).__name__
        print(f"isoloss ui: {message['task']}: {kind}: {error}", file=sys.stderr, flush=True)
        send(
            answers, {"error": DEFECT | {"message": DEFECT["message"] + kind + "."}, "spent": True}
        )


OUT_OF_MEMORY: dict[str, Any] = {
    "code": "out_of_memory",
    "message": "there is not enough memory for this.",
    "where": {"file": None, "row": None, "field": None},
    "hint": "Ask for fewer draws, or leave runs out with a condition.",
    "exit_code": 2,
}
DEFECT: dict[str, Any] = {
    "code": "defect",
    "message": "isoloss failed here, which is a defect of isoloss: ",
    "where": {"file": None, "row": None, "field": None},
    "hint": "The window in which isoloss ui runs says more; please report it.",
    "exit_code": 2,
}


if __name__ == "__main__":
    main()

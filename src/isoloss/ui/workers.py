"""Worker processes as the server sees them: ask, wait within a time, end them when asked to."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from isoloss.errors import EvidenceError, InputError, IsolossError, Where
from isoloss.ui.worker import HEAD

MOST_BYTES = 256 << 20  # of one answer
# Every thread reserves address space, which is bounded: on a machine of many cores it would be
# spent before the first table is read.
_COUNT = str(min(os.cpu_count() or 1, 8))
THREADS = {
    "POLARS_MAX_THREADS": _COUNT,
    "OPENBLAS_NUM_THREADS": _COUNT,
    "OMP_NUM_THREADS": _COUNT,
    "MALLOC_ARENA_MAX": "4",
}


class Worker:
    """One process that answers one question after another; it starts with the first one.

    Args:
        memory: bound of its address space in bytes.
        patience: how far it steps back behind other processes, as in the command ``nice``.
    """

    def __init__(self, memory: int, patience: int = 0) -> None:
        self.memory = memory
        self.patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def call(
        self,
        task: str,
        arguments: dict[str, Any],
        seconds: float,
        progress: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """The answer to one question.

        If the caller is cancelled meanwhile, the process is ended.

        Args:
            task: a name of ``isoloss.ui.tasks.TASKS``.
            arguments: plain values.
            seconds: longest time to wait.
            progress: told what is being done.

        Raises:
            IsolossError: as the task raised it; or the time or the memory was not enough.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(seconds):
                    return await self._ask(task, arguments, progress)
            except IsolossError:
                raise
            except TimeoutError:
                await self._end()
                raise InputError(
                    f"this took longer than {seconds:g} seconds and was stopped.",
                    code="too_slow",
                    hint="Ask for fewer draws or fewer laws, or use the command line, which waits.",
                ) from None
            except (OSError, EOFError, asyncio.IncompleteReadError):
                await self._end()
                raise InputError(
                    "the process that worked on this ended; it may have run out of memory.",
                    code="worker_ended",
                    hint="Is the table what it should be? The command line has no such bound.",
                ) from None
            except BaseException:
                await self._end()
                raise

    @property
    def is_busy(self) -> bool:
        """Whether it works on something."""
        return self._turn.locked()

    async def start(self) -> None:
        """Start the process, so that the first question need not wait."""
        async with self._turn:
            await self._running()

    async def stop(self) -> None:
        """End the process."""
        await self._end()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "isoloss.ui.worker"),
                *(str(self.memory), str(self.patience)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | THREADS,
                start_new_session=True,  # Ctrl-C is for the server, which ends its workers
            )
        return self._process

    async def _ask(
        self, task: str, arguments: dict[str, Any], progress: Callable[[str], None] | None
    ) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        data = json.dumps({"task": task, "arguments": arguments}).encode()
        process.stdin.write(HEAD.pack(len(data)) + data)
        await process.stdin.drain()
        while True:
            (size,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
            if size > MOST_BYTES:
                raise EOFError
            answer = json.loads(await process.stdout.readexactly(size))
            if "progress" in answer:
                if progress is not None:
                    progress(answer["progress"])
                continue
            if answer.get("spent"):
                await self._end()
            if "error" in answer:
                raise error_from(answer["error"])
            return answer["result"]

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
        # The loop closes its end of the pipe only when it is told to.
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()


def error_from(found: dict[str, Any]) -> IsolossError:
    """The error that a worker or a stored document describes."""
    kind = EvidenceError if found.get("exit_code") == EvidenceError.exit_code else InputError
    where = found["where"]
    return kind(
        found["message"],
        code=found["code"],
        where=Where(where["file"], where["row"], where["field"]),
        hint=found["hint"],
    )


def error_document(error: IsolossError) -> dict[str, Any]:
    """An error as plain values, from which ``error_from`` makes it again."""
    return error.to_dict() | {"exit_code": error.exit_code}

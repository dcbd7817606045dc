"""Work that takes a while: it waits in a bounded queue, reports, and can be called off."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from isoloss.document import envelope
from isoloss.errors import InputError, IsolossError
from isoloss.ui.workers import Worker, error_document

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
OPEN = (QUEUED, RUNNING)
REMEMBERED = 256

Work = Callable[[Worker, Callable[[str], None]], Awaitable[None]]


@dataclass
class Job:
    """One piece of work.

    Attributes:
        id: made from what is asked, so that the same question is one job.
        kind: ``fit``, ``backtest`` or ``pilot``.
        title: what is done, for people.
        work: does it.
        state: ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
        message: the step that it is at.
        error: why it failed.
        started: when, in seconds of the machine's clock.
        ended: likewise.
        task: while it runs.
    """

    id: str
    kind: str
    title: str
    work: Work
    state: str = QUEUED
    message: str = "waiting"
    error: dict[str, Any] | None = None
    started: float | None = None
    ended: float | None = None
    task: asyncio.Future[None] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """How long it has been worked on."""
        if self.started is None:
            return 0.0
        return (self.ended or time.monotonic()) - self.started

    def say(self, sentence: str) -> None:
        """Note the step that it is at."""
        self.message = sentence


class Jobs:
    """The queue, and the processes that work it off.

    Args:
        workers: one job runs on each.
        most_waiting: jobs that may wait.
    """

    def __init__(self, workers: list[Worker], most_waiting: int) -> None:
        self.workers = workers
        self.most_waiting = most_waiting
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._runners: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work."""
        self._runners = [asyncio.create_task(self._run(worker)) for worker in self.workers]

    async def stop(self) -> None:
        """Call everything off and end the processes."""
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        for worker in self.workers:
            await worker.stop()

    def submit(self, name: str, kind: str, title: str, work: Work) -> Job:
        """Put a job into the queue; one that waits or runs already is not put there twice.

        Raises:
            InputError: too many jobs wait.
        """
        known = self._jobs.get(name)
        if known is not None and known.state in OPEN:
            return known
        if sum(job.state == QUEUED for job in self._jobs.values()) >= self.most_waiting:
            raise InputError(
                f"{self.most_waiting} jobs are waiting already.",
                code="busy",
                hint="Wait until some are done, or cancel them.",
            )
        job = Job(name, kind, title, work)
        self._jobs.pop(name, None)
        self._jobs[name] = job
        self._queue.put_nowait(job)
        self._forget()
        return job

    def get(self, name: str) -> Job | None:
        """The job of a name, if it is remembered."""
        return self._jobs.get(name)

    def cancel(self, name: str) -> Job | None:
        """Call a job off, whether it waits or runs."""
        job = self._jobs.get(name)
        if job is None or job.state not in OPEN:
            return job
        if job.task is not None:
            job.task.cancel()
        job.state, job.message, job.ended = CANCELLED, "cancelled", time.monotonic()
        return job

    def place(self, job: Job) -> int:
        """How many jobs go before this one."""
        waiting = [one for one in self._jobs.values() if one.state in OPEN]
        return waiting.index(job) if job in waiting else 0

    def document(self, job: Job) -> dict[str, Any]:
        """The document ``isoloss.job``."""
        return envelope("job") | {
            "id": job.id,
            "kind": job.kind,
            "title": job.title,
            "state": job.state,
            "message": job.message,
            "before": self.place(job),
            "seconds": round(job.seconds, 3),
            "error": job.error,
        }

    async def _run(self, worker: Worker) -> None:
        while True:
            job = await self._queue.get()
            if job.state != QUEUED:
                continue
            job.state, job.started = RUNNING, time.monotonic()
            job.task = asyncio.ensure_future(job.work(worker, job.say))
            try:
                await asyncio.wait({job.task})
            finally:  # also where the server ends
                job.task.cancel()
                await asyncio.gather(job.task, return_exceptions=True)
            self._settle(job, job.task)

    def _settle(self, job: Job, task: asyncio.Future[None]) -> None:
        job.task, job.ended = None, time.monotonic()
        if task.cancelled():
            job.state = CANCELLED
            return
        failure = task.exception()
        if failure is None:
            job.state, job.message = DONE, "done"
        elif isinstance(failure, IsolossError):
            job.state, job.message, job.error = FAILED, failure.message, error_document(failure)
        else:
            raise failure

    def _forget(self) -> None:
        for name in [name for name, job in self._jobs.items() if job.state not in OPEN]:
            if len(self._jobs) <= REMEMBERED:
                return
            del self._jobs[name]

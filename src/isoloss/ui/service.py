"""What the pages ask for: a table, a fit, a plan; worked out once, remembered under its content."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from isoloss.errors import InputError, Where
from isoloss.ui.jobs import Job, Jobs
from isoloss.ui.settings import Settings
from isoloss.ui.state import State, amount
from isoloss.ui.store import Document, Result, Store, Table, key_of
from isoloss.ui.workers import Worker

QUICK = 2  # processes for plans and figures
PATIENCE = 2  # of a fit, so that pages and sliders stay quick beside it


@dataclass(frozen=True)
class View:
    """A table as it is read.

    Attributes:
        key: made from table and reading.
        table: where the runs come from.
        check: the document ``isoloss.check``.
        runs: the document ``isoloss.runs``.
    """

    key: str
    table: Table
    check: Document
    runs: Document

    @property
    def data_hash(self) -> str:
        """Of the runs."""
        return self.check["data_hash"]


class Service:
    """Answers to the pages.

    Args:
        settings: with the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self.limits = settings.limits
        self.store = Store(self.limits)
        memory = self.limits.memory_bytes
        # Separate, so that neither a large table nor a long fit keeps a slider waiting.
        self.reader = Worker(memory)
        self.quick = [Worker(memory) for _ in range(QUICK)]
        self.jobs = Jobs([Worker(memory, PATIENCE)], self.limits.queue)
        self._under_way: dict[str, asyncio.Future[Any]] = {}
        self._waiting = 0
        self._warming: asyncio.Future[Any] | None = None

    def start(self) -> None:
        """Begin to work, with processes that are ready."""
        self.jobs.start()
        workers = (self.reader, *self.quick, *self.jobs.workers)
        self._warming = asyncio.gather(*(worker.start() for worker in workers))

    async def stop(self) -> None:
        """End the processes and forget everything."""
        if self._warming is not None:
            await asyncio.gather(self._warming, return_exceptions=True)
        for task in self._under_way.values():
            task.cancel()
        await self.jobs.stop()
        await self.reader.stop()
        for worker in self.quick:
            await worker.stop()
        self.store.close()

    async def view(self, state: State) -> View:
        """The table of a state, read.

        Raises:
            InputError: there is no such table, or it cannot be read.
        """
        if not state.data:
            raise no_table()
        table = self.store.table(state.data)
        key = key_of("view", table.id, asdict(state.reading))
        arguments = {"key": key, "source": table.source, "reading": asdict(state.reading)}

        async def read() -> Document:
            return await self.reader.call("read", arguments, self.limits.read_seconds)

        found = await self._once(key, read)
        return View(key, table, found["check"], found["runs"])

    def fit(self, view: View, state: State, law: str) -> Result | None:
        """The fit of a law, if it was made."""
        return self.store.result(_fit_key(view, state, law))

    def fit_job(self, view: View, state: State, law: str) -> Job | None:
        """The work on it, if there is any."""
        return self.jobs.get(_fit_key(view, state, law))

    def start_fit(self, view: View, state: State, law: str) -> None:
        """Fit a law, if that was not done."""
        arguments = table_arguments(view, state) | {"law": law, "settings": _settings(state)}
        self._start(_fit_key(view, state, law), "fit", f"fit {law}", "fit", arguments)

    def backtest(self, view: View, state: State) -> tuple[Result | None, Job | None]:
        """The backtest of a state, if it was made, and the work on it."""
        key = _backtest_key(view, state)
        return self.store.result(key), self.jobs.get(key)

    def start_backtest(self, view: View, state: State) -> None:
        """Make a backtest, if that was not done."""
        arguments = table_arguments(view, state) | {
            "laws": list(state.law),
            "target": amount(state.target, "target") if state.target else None,
            "settings": _settings(state),
        }
        title = f"backtest of {', '.join(state.law)}"
        self._start(_backtest_key(view, state), "backtest", title, "backtest", arguments)

    def pilot(self, view: View, state: State) -> tuple[Result | None, Job | None]:
        """Which run to add, if that was asked, and the work on it."""
        key = _pilot_key(view, state)
        return self.store.result(key), self.jobs.get(key)

    def start_pilot(self, view: View, state: State) -> None:
        """Ask which run to add, if that was not done."""
        arguments = {
            "fit": self.fit_path(view, state),
            "target": amount(state.target, "target") if state.target else None,
            "budget": amount(state.budget, "budget") if state.budget else None,
        }
        title = f"which run to add, by {state.picked}"
        self._start(_pilot_key(view, state), "pilot", title, "identify", arguments)

    async def plan(self, view: View, state: State) -> Document:
        """The plan of a state.

        Raises:
            IsolossError: there is no fit, or it cannot carry the plan.
        """
        arguments = self.plan_arguments(view, state)
        return (await self.ask("plan", arguments))["document"]

    def plan_arguments(self, view: View, state: State) -> Document:
        """What a worker needs for the plan of a state.

        Raises:
            InputError: there is no fit, or a value is no amount.
        """
        return {
            "fit": self.fit_path(view, state),
            "flop": amount(state.flop, "flop"),
            "u": amount(state.u, "u") if state.u else None,
            "flop_per_token": state.flop_per_token,
            "backtest": self._backtest_path(view, state) if state.tested else None,
        }

    async def report(self, view: View, state: State, form: str) -> str:
        """A report of the plan of a state.

        Raises:
            IsolossError: there is no fit, or it cannot carry the plan.
        """
        tried, _ = self.backtest(view, state)
        arguments = {
            "fit": self.fit_path(view, state),
            "plan": self.plan_arguments(view, state),
            "backtest": None if tried is None else tried.path,
            "table": table_arguments(view, state),
            "form": form,
        }
        return (await self.ask("report", arguments, self.limits.report_seconds))["text"]

    async def published(self, flop: str) -> Document:
        """What the published laws say at a budget."""
        return (await self.ask("published", {"flop": amount(flop, "flop")}))["document"]

    async def ask(self, task: str, arguments: Document, seconds: float | None = None) -> Document:
        """An answer that takes a moment, remembered.

        Raises:
            InputError: too many wait.
        """
        key = key_of(task, arguments)

        async def call() -> Document:
            # Two figures of one page are worked out side by side.
            worker = next((one for one in self.quick if not one.is_busy), self.quick[0])
            return await worker.call(task, arguments, seconds or self.limits.quick_seconds)

        return await self._once(key, call)

    async def _once(self, key: str, work: Callable[[], Awaitable[Document]]) -> Document:
        """The answer of a name, worked out once, however many ask for it at a time."""
        known = self.store.quick(key)
        if known is not None:
            return known
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= self.limits.waiting:
                raise InputError(
                    "too many requests wait already.", code="busy", hint="Try again in a moment."
                )
            task = asyncio.ensure_future(work())
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._note(key, done))
        # One caller who goes away takes nothing from the others.
        return await asyncio.shield(task)

    def _note(self, key: str, done: asyncio.Future[Document]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            self.store.keep_quick(key, done.result())

    def _start(self, key: str, kind: str, title: str, task: str, arguments: Document) -> None:
        if self.store.result(key) is not None:
            return
        path = self.store.path_for(key)

        async def work(worker: Worker, say: Callable[[str], None]) -> None:
            given = arguments | {"into": path}
            found = await worker.call(task, given, self.limits.job_seconds, say)
            self.store.keep(key, Result(found["document"], path))

        self.jobs.submit(key, kind, title, work)

    def fit_path(self, view: View, state: State) -> str:
        """Where the fit that a state picks lies.

        Raises:
            InputError: there is none.
        """
        found = self.fit(view, state, state.picked) if state.picked else None
        if found is None or found.path is None:
            raise InputError(
                f"there is no fit of {state.picked or 'a law'} to these runs on this server.",
                code="unknown_fit",
                where=Where(field="law"),
                hint="Fit it on the page Fit; this address will then show the answer.",
            )
        return found.path

    def _backtest_path(self, view: View, state: State) -> str:
        found, _ = self.backtest(view, state)
        if found is None or found.path is None:
            raise InputError(
                "there is no backtest of these laws and runs on this server.",
                code="unknown_fit",
                where=Where(field="tested"),
                hint="Make it on the page Backtest; this address will then show the answer.",
            )
        return found.path


def no_table() -> InputError:
    """The error where nothing was chosen yet."""
    return InputError(
        "no table of runs is chosen.",
        code="missing_table",
        where=Where(field="data"),
        hint="Give one on the page Runs, or on the command line: isoloss ui runs.csv.",
    )


def table_arguments(view: View, state: State) -> Document:
    """What a worker needs to read the table of a state."""
    return {
        "key": view.key,
        "source": view.table.source,
        "reading": asdict(state.reading),
        "data_hash": view.data_hash,
    }


def _settings(state: State) -> Document:
    return {
        "objective": state.objective,
        "delta": amount(state.delta, "delta") if state.delta else None,
        "ci": state.ci,
        "draws": state.draws,
        "seed": state.seed,
        "by": state.by,
    }


def _fit_key(view: View, state: State, law: str) -> str:
    return key_of("fit", view.key, view.data_hash, law, _settings(state) | {"by": None})


def _backtest_key(view: View, state: State) -> str:
    settings = _settings(state) | {"draws": None}
    return key_of("backtest", view.key, view.data_hash, list(state.law), state.target, settings)


def _pilot_key(view: View, state: State) -> str:
    fit = _fit_key(view, state, state.picked)
    return key_of("pilot", fit, state.target, state.budget)

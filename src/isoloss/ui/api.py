"""The documents behind the pages, the same as the command line prints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isoloss.document import dumps, envelope
from isoloss.errors import InputError, IsolossError
from isoloss.ui.context import service_of, status_of
from isoloss.ui.state import State, state_from
from isoloss.ui.store import Document, Result

Asked = Callable[[Request, State], Awaitable[Document]]


class Json(Response):
    """A document."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The document as strict JSON."""
        return dumps(content).encode()


def error_document(error: IsolossError) -> Document:
    """The document ``isoloss.error``."""
    shared: Document = {"seed": None, "conventions": None, "warnings": []}
    return envelope("error") | shared | error.to_dict()


def error_json(error: IsolossError) -> Json:
    """The same as an answer, with its status."""
    return Json(error_document(error), status_of(error))


def answering(asked: Asked) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that gives a document, or says why not."""

    async def endpoint(request: Request) -> Response:
        try:
            return Json(await asked(request, state_from(request.query_params.multi_items())))
        except IsolossError as error:
            return error_json(error)

    return endpoint


async def check(request: Request, state: State) -> Document:
    """``isoloss.check``: the table, graded."""
    return (await service_of(request).view(state)).check


async def runs(request: Request, state: State) -> Document:
    """``isoloss.runs``: the runs."""
    return (await service_of(request).view(state)).runs


async def fit(request: Request, state: State) -> Document:
    """``isoloss.fit``: the fit of the law that is picked."""
    service = service_of(request)
    view = await service.view(state)
    return _done(service.fit(view, state, state.picked), "fit")


async def backtest(request: Request, state: State) -> Document:
    """``isoloss.backtest``."""
    service = service_of(request)
    return _done(service.backtest(await service.view(state), state)[0], "backtest")


async def pilot(request: Request, state: State) -> Document:
    """``isoloss.identifiability``: what the runs leave open, and which run to add."""
    service = service_of(request)
    return _done(service.pilot(await service.view(state), state)[0], "answer")


async def plan(request: Request, state: State) -> Document:
    """``isoloss.plan``."""
    service = service_of(request)
    return await service.plan(await service.view(state), state)


async def published(request: Request, state: State) -> Document:
    """``isoloss.published_plans``: what the published laws say."""
    return await service_of(request).published(state.flop)


async def job(request: Request, state: State) -> Document:
    """``isoloss.job``: how far a job is."""
    jobs = service_of(request).jobs
    found = jobs.get(request.path_params["name"])
    if found is None:
        raise InputError(
            "this server knows no such job.",
            code="unknown_fit",
            hint="It was given to a server that has ended since. Ask for it again.",
        )
    return jobs.document(found)


def _done(result: Result | None, kind: str) -> Document:
    if result is None:
        raise InputError(
            f"this server has no {kind} for this address.",
            code="unknown_fit",
            hint="Open the page of the same address and ask for it there.",
        )
    return result.document


ROUTES = [
    Route("/api/jobs/{name}", answering(job)),
    *(
        Route(f"/api/{asked.__name__}", answering(asked))
        for asked in (check, runs, fit, backtest, pilot, plan, published)
    ),
]

"""The pages, the documents and the guard before them, as one application."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from isoloss.ui import api, figures, pages, static_files
from isoloss.ui.security import Guard
from isoloss.ui.service import Service
from isoloss.ui.settings import Settings
from isoloss.ui.state import Reading


def make_app(
    settings: Settings, runs: Sequence[str] = (), reading: Reading | None = None
) -> Starlette:
    """The application.

    Args:
        settings: who may ask, and for how much.
        runs: files of the command line, the only paths that are ever read.
        reading: how they are read.
    """

    @asynccontextmanager
    async def living(app: Starlette) -> AsyncGenerator[None]:
        service = Service(settings)
        app.state.service = service
        try:
            if runs:
                service.store.open_paths(runs, reading or Reading())
            service.start()
            yield
        finally:
            await service.stop()

    return Starlette(
        routes=[*pages.ROUTES, *api.ROUTES, *figures.ROUTES, *static_files.ROUTES],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={HTTPException: _plain, 500: _defect},
        lifespan=living,
    )


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code)


async def _defect(request: Request, error: Exception) -> Response:
    return PlainTextResponse(
        "isoloss failed here, which is a defect of isoloss. The window in which isoloss ui runs "
        "says more; please report it.\n",
        500,
    )

"""Style, scripts and the drawing library, all from this machine."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from isoloss.ui import library

FOLDER = Path(__file__).parent / "static"
A_DAY = "private, max-age=86400"


class Fresh(StaticFiles):
    """Files that a browser asks for again, and gets again only where they changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or the answer that it is not there."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


async def plotly(request: Request) -> Response:
    """plotly.js out of the installed package of that name."""
    return FileResponse(
        library.path(), media_type="text/javascript", headers={"cache-control": A_DAY}
    )


async def icon(request: Request) -> Response:
    """The mark of isoloss, where a browser looks for it by itself."""
    return FileResponse(FOLDER / "favicon.svg", headers={"cache-control": A_DAY})


ROUTES: list[BaseRoute] = [
    Route("/favicon.ico", icon),
    Route(f"/static/{library.NAME}", plotly),
    Mount("/static", Fresh(directory=FOLDER)),
]

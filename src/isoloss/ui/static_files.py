"""Style, scripts and the drawing library, all from this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from isoloss.ui.context import PLOTLY

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
        plotly_file(), media_type="text/javascript", headers={"cache-control": A_DAY}
    )


def plotly_file() -> Path:
    """Where the drawing library lies."""
    found = find_spec("plotly")  # without importing it
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


async def icon(request: Request) -> Response:
    """The mark of isoloss, where a browser looks for it by itself."""
    return FileResponse(FOLDER / "favicon.svg", headers={"cache-control": A_DAY})


ROUTES: list[BaseRoute] = [
    Route("/favicon.ico", icon),
    Route(f"/static/{PLOTLY}", plotly),
    Mount("/static", Fresh(directory=FOLDER)),
]

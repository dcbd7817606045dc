"""Figures of a state: as Plotly's JSON for the page, as files for a paper."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isoloss.errors import InputError, IsolossError
from isoloss.ui.api import error_json


async def figure(request: Request) -> Response:
    """A figure."""
    error: IsolossError = InputError("figures are not here yet", code="x")
    return error_json(error)


ROUTES = [Route("/figures/{name}.{kind}", figure)]

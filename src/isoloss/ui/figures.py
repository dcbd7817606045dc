"""Figures and reports of a state: for the page, and as files to keep."""

from __future__ import annotations

import base64
import html
import textwrap
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isoloss.errors import InputError, IsolossError, Where
from isoloss.ui.api import Json, error_document, error_json
from isoloss.ui.context import service_of
from isoloss.ui.drawing import NAMES, TYPES
from isoloss.ui.service import Service, table_arguments
from isoloss.ui.state import State, flop_at, state_from
from isoloss.ui.store import Document

THEMES = ("light", "dark")
REPORTS = {"html": "text/html", "md": "text/markdown", "tex": "application/x-tex"}


async def figure(request: Request) -> Response:
    """A figure; for a page, the reason why there is none is an answer too."""
    name, kind = request.path_params["name"], request.path_params["kind"]
    if name not in NAMES or kind not in TYPES:
        return error_json(_unknown(name))
    try:
        state = state_from(request.query_params.multi_items())
        if "place" in request.query_params:
            state = replace(state, flop=flop_at(request.query_params["place"]))
        theme = request.query_params.get("theme", THEMES[0])
        look = {
            "name": name,
            "kind": kind,
            "theme": theme if theme in THEMES else THEMES[0],
            "narrow": "narrow" in request.query_params,
        }
        service = service_of(request)
        found = await service.ask("draw", look | await _material(service, name, state))
    except IsolossError as error:
        if kind == "json":
            return Json({"problem": error_document(error)})
        if request.headers.get("sec-fetch-dest") == "image":
            return Response(_said(error), media_type=TYPES["svg"])
        return error_json(error)
    body = found["text"].encode() if "text" in found else base64.b64decode(found["base64"])
    saved = {"content-disposition": f'inline; filename="isoloss-{name}.{kind}"'}
    return Response(body, media_type=TYPES[kind], headers=saved)


async def _material(service: Service, name: str, state: State) -> Document:
    """What a figure is made from."""
    view = await service.view(state)
    if name in ("coverage", "pilot"):
        further: list[Any] = []
        if name == "pilot" and state.law:
            result, _ = service.pilot(view, state)
            further = [] if result is None else result.document["next_runs"]
        return {"table": table_arguments(view, state), "further": further}
    if name == "backtest":
        result, _ = service.backtest(view, state)
        if result is None:
            raise InputError("there is no backtest of these runs yet.", code="unknown_fit")
        return {"backtest": result.path}
    plan = service.plan_arguments(view, state) if name in ("isoflop", "iso-loss") else None
    return {"fit": service.fit_path(view, state), "plan": plan}


def _said(error: IsolossError) -> str:
    """Why there is no figure, in its place."""
    lines = textwrap.wrap(f"{error.message} {error.hint or ''}", 90)
    words = "".join(
        f'<text x="0" y="{20 * row + 16}">{html.escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="700" height="{20 * len(lines) + 8}" '
        f'font-family="sans-serif" font-size="14" fill="#55606b">{words}</svg>'
    )


def _unknown(name: str) -> InputError:
    return InputError(
        f"there is no figure {name[:40]!r} of this kind.",
        code="unknown_fit",
        where=Where(field="name"),
        hint=f"Figures: {', '.join(NAMES)}, each as {', '.join(TYPES)}.",
    )


async def report(request: Request) -> Response:
    """The report, as a file to keep: it has styles of its own, which these pages do not allow."""
    form = request.path_params["form"]
    if form not in REPORTS:
        return error_json(_unknown(f"report.{form}"))
    try:
        state = state_from(request.query_params.multi_items())
        service = service_of(request)
        text = await service.report(await service.view(state), state, form)
    except IsolossError as error:
        return error_json(error)
    saved = {"content-disposition": f'attachment; filename="isoloss-report.{form}"'}
    return Response(text, media_type=REPORTS[form], headers=saved)


ROUTES = [Route("/figures/{name}.{kind}", figure), Route("/report.{form}", report)]

"""What every template knows: the page, its state, and the addresses that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from isoloss.errors import EvidenceError, IsolossError
from isoloss.ui import library
from isoloss.ui.commands import command_lines
from isoloss.ui.filters import FILTERS, span
from isoloss.ui.service import Service, View
from isoloss.ui.state import State
from isoloss.version import __version__

TITLES = {
    "runs": "Runs",
    "fit": "Fit",
    "backtest": "Backtest",
    "plan": "Plan",
    "pilot": "Pilot & ladder",
}
STATUS = {"busy": 503, "too_slow": 503, "unknown_table": 404, "unknown_fit": 404}


@dataclass(frozen=True)
class Page:
    """One page with its state.

    Attributes:
        name: a key of ``TITLES``.
        state: what it shows.
        view: the table, if one is chosen and can be read.
        names: the files of the table.
    """

    name: str
    state: State
    view: View | None = None
    names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name for people."""
        return TITLES[self.name]

    def url(self, name: str | None = None, **changes: Any) -> str:
        """The address of a page with this state."""
        query = self.state.query(**changes)
        return f"/{name or self.name}" + (f"?{query}" if query else "")

    def api(self, name: str, **changes: Any) -> str:
        """The address of a document with this state."""
        return self.url(f"api/{name}", **changes)

    @property
    def commands(self) -> list[str]:
        """What to type for the same numbers."""
        return command_lines(self.name, self.state, list(self.names))


@cache
def environment() -> Environment:
    """The templates."""
    made = Environment(
        loader=PackageLoader("isoloss.ui"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)  # pyright: ignore[reportUnknownMemberType]
    made.globals.update(titles=TITLES, span=span, version=__version__)  # pyright: ignore[reportUnknownMemberType]
    made.globals.update(plotly=library.NAME, style_ids=library.style_ids())  # pyright: ignore[reportUnknownMemberType]
    return made


def service_of(request: Request) -> Service:
    """The service behind the pages."""
    return request.app.state.service


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from its template."""
    return HTMLResponse(environment().get_template(template).render(**values), status)


def status_of(error: IsolossError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, EvidenceError):
        return 422
    return STATUS.get(error.code, 400)

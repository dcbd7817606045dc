"""The five pages, whole without any script, and the forms that they send."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from isoloss import datasets
from isoloss.errors import InputError, IsolossError, Where
from isoloss.laws import list_laws
from isoloss.runs import LOSS_UNITS
from isoloss.ui.context import Page, render, service_of, status_of
from isoloss.ui.filters import flop
from isoloss.ui.jobs import Job
from isoloss.ui.service import Service, View
from isoloss.ui.state import PAGES, State, amount, flop_at, plain_flop, state_from
from isoloss.ui.store import Result
from isoloss.ui.uploads import FormRefused, Upload, form_of, uploads_in

FIRST_ROWS = 100
SHOWN_LAW = "chinchilla"
SAMPLE_UNIT = "nats/byte"
SAMPLE_ROWS = "study in ('ladder', 'ci')"
LAW_VARIABLES = {"N", "D", "U"}
REACH = 30.0  # the first budget of a plan, in units of the largest run
DECADES = 3.0  # how far beyond the largest run the slider goes

Shown = Callable[[Request, Service, Page], Awaitable[dict[str, Any]]]


def page(name: str, shown: Shown) -> Callable[[Request], Awaitable[Response]]:
    """A page: its table is read, then it adds what it shows."""

    async def endpoint(request: Request) -> Response:
        service, made, problem = service_of(request), Page(name, State()), None
        values: dict[str, Any] = {}
        try:
            state = state_from(request.query_params.multi_items())
            if "place" in request.query_params:
                state = replace(state, flop=flop_at(request.query_params["place"]))
            made = Page(name, state)
            if state.data:
                table = service.store.table(state.data)
                made = Page(name, state, names=table.names)
                view = await service.view(state)
                made = Page(name, _settled(name, state, view), view, table.names)
            values = await shown(request, service, made)
            made = values.pop("page", made)
        except IsolossError as error:
            problem = error
        tables = service.store.tables()
        common = {"page": made, "problem": problem, "tables": tables, "live": False}
        common |= {"loss_units": LOSS_UNITS, "law_list": _laws(), "rows": [], "shown": False}
        status = 200 if problem is None else status_of(problem)
        template = "problem.html" if problem is not None and name != "runs" else f"{name}.html"
        return render(template, status, **(common | values))

    return endpoint


async def home(request: Request) -> Response:
    """The first page, with the table of the command line."""
    own = service_of(request).store.own
    state = State() if own is None else State(data=own.id, reading=own.reading)
    return RedirectResponse(Page("runs", state).url(), 303)


async def runs(request: Request, service: Service, page: Page) -> dict[str, Any]:
    """Table, problems, coverage."""
    if page.view is None:
        return {}
    rows = page.view.runs["runs"]
    everything = "all" in request.query_params
    return {"rows": rows if everything else rows[:FIRST_ROWS], "shown": True}


async def fit(request: Request, service: Service, page: Page) -> dict[str, Any]:
    """Laws to choose, and what each says."""
    cards: list[dict[str, Any]] = []
    if page.view is not None:
        for law in page.state.law:
            result = service.fit(page.view, page.state, law)
            cards.append(_card(service, law, result, service.fit_job(page.view, page.state, law)))
    return {"cards": cards, "live": _is_live(cards)}


async def backtest(request: Request, service: Service, page: Page) -> dict[str, Any]:
    """Whether the small runs would have predicted the large ones."""
    card = None
    if page.view is not None and page.state.law:
        card = _card(service, "backtest", *service.backtest(page.view, page.state))
    return {"card": card, "live": _is_live([card])}


async def plan(request: Request, service: Service, page: Page) -> dict[str, Any]:
    """The decision, and what it hangs on."""
    view, state = page.view, page.state
    values: dict[str, Any] = {"plan": None, "published": None, "missing": False}
    values |= {"slider": None, "is_tested": None}
    if not state.flop:
        return values
    if view is None or not state.law:
        return values | {"published": await service.published(state.flop)}
    if service.fit(view, state, state.picked) is None:
        job = service.fit_job(view, state, state.picked)
        card = _card(service, state.picked, None, job)
        return values | {"missing": True, "card": card, "live": _is_live([card])}
    values |= {"slider": _slider(view, state), "is_tested": service.backtest(view, state)[0]}
    try:
        return values | {"plan": await service.plan(view, state), "refusal": None}
    except IsolossError as error:
        return values | {"refusal": error}


async def card(request: Request) -> Response:
    """The decision alone, for the slider."""
    service = service_of(request)
    try:
        state = state_from(request.query_params.multi_items())
        if "place" in request.query_params:
            state = replace(state, flop=flop_at(request.query_params["place"]))
        view = await service.view(state)
        shown = Page("plan", state, view, view.table.names)
        values: dict[str, Any] = {"plan": None, "refusal": None}
        try:
            values["plan"] = await service.plan(view, state)
        except IsolossError as error:
            values["refusal"] = error
    except IsolossError as error:
        return render("error.html", status_of(error), problem=error)
    return render("card.html", page=shown, **values)


async def pilot(request: Request, service: Service, page: Page) -> dict[str, Any]:
    """Which run to add, and the runs that are there."""
    view, state = page.view, page.state
    values: dict[str, Any] = {"card": None, "missing": False}
    if view is None or not state.law:
        return values
    if service.fit(view, state, state.picked) is None:
        made = _card(service, state.picked, None, service.fit_job(view, state, state.picked))
        return values | {"missing": True, "card": made, "live": _is_live([made])}
    made = _card(service, "pilot", *service.pilot(view, state))
    return values | {"card": made, "live": _is_live([made])}


async def take_runs(request: Request) -> Response:
    """Uploaded tables."""

    async def take(form: FormData, service: Service) -> str:
        table = service.store.add(await uploads_in(form, "file"))
        state = state_from(_texts(form))
        return Page("runs", State(data=table.id, reading=state.reading)).url()

    return await _answer_form(request, "runs", take)


async def take_sample(request: Request) -> Response:
    """The shipped runs, for a first look."""

    async def take(form: FormData, service: Service) -> str:
        path = datasets.path("small_ladder")
        table = service.store.add([Upload(path.name, path.read_bytes())])
        reading = replace(State().reading, loss_unit=SAMPLE_UNIT, where=SAMPLE_ROWS)
        return Page("runs", State(data=table.id, reading=reading)).url()

    return await _answer_form(request, "runs", take)


async def start_fits(request: Request) -> Response:
    """Fits of the chosen laws."""

    async def begin(form: FormData, service: Service) -> str:
        state = _chosen(form)
        view = await service.view(state)
        for law in state.law:
            service.start_fit(view, state, law)
        return Page(_page_in(form, "fit"), state).url()

    return await _answer_form(request, "fit", begin)


async def start_backtest(request: Request) -> Response:
    """A backtest of the chosen laws."""

    async def begin(form: FormData, service: Service) -> str:
        state = _chosen(form)
        service.start_backtest(await service.view(state), state)
        return Page("backtest", state).url()

    return await _answer_form(request, "backtest", begin)


async def start_pilot(request: Request) -> Response:
    """The search for the run that says most."""

    async def begin(form: FormData, service: Service) -> str:
        state = _chosen(form)
        service.start_pilot(await service.view(state), state)
        return Page("pilot", state).url()

    return await _answer_form(request, "pilot", begin)


async def cancel(request: Request) -> Response:
    """Call a job off."""

    async def call_off(form: FormData, service: Service) -> str:
        service.jobs.cancel(request.path_params["name"])
        return Page(_page_in(form, "fit"), state_from(_texts(form))).url()

    return await _answer_form(request, "fit", call_off)


async def _answer_form(
    request: Request, name: str, act: Callable[[FormData, Service], Awaitable[str]]
) -> Response:
    """Do what a form asks and go on to the page that shows it."""
    service = service_of(request)
    try:
        async with form_of(request, service.limits) as form:
            return RedirectResponse(await act(form, service), 303)
    except FormRefused as refused:
        error: IsolossError | FormRefused = refused
        status = refused.status
    except IsolossError as found:
        error, status = found, status_of(found)
    values = {"page": Page(name, State()), "tables": service.store.tables(), "live": False}
    return render("problem.html", status, problem=error, **values)


def _chosen(form: FormData) -> State:
    """The state that a form describes, with at least one law.

    Raises:
        InputError: no law is chosen, or a value cannot be used.
    """
    state = state_from(_texts(form))
    if not state.law:
        raise InputError(
            "no law is chosen.",
            code="missing_law",
            where=Where(field="law"),
            hint="Choose one or more laws, or write a formula such as E + A*N**-alpha.",
        )
    return state


def _texts(form: FormData) -> list[tuple[str, str]]:
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def _page_in(form: FormData, usual: str) -> str:
    chosen = form.get("page")
    return chosen if isinstance(chosen, str) and chosen in PAGES else usual


def _settled(name: str, state: State, view: View) -> State:
    """The state with the budget that a plan starts from: thirty times the largest run."""
    if name == "plan" and not state.flop:
        tiers = view.check["coverage"]
        largest = tiers[-1].get("flop_hi") if tiers else None
        if largest:
            return replace(state, flop=plain_flop(REACH * largest))
    return state


def _slider(view: View, state: State) -> dict[str, Any] | None:
    """The ends of the slider and its place, in decimal logarithms of FLOP."""
    tiers = view.check["coverage"]
    if not tiers or not tiers[-1].get("flop_hi"):
        return None
    lo = math.floor(math.log10(tiers[0]["flop_lo"]) * 10) / 10
    hi = math.ceil((math.log10(tiers[-1]["flop_hi"]) + DECADES) * 10) / 10
    budget = amount(state.flop, "flop")
    at = min(max(math.log10(budget), lo), hi)
    return {"lo": f"{lo:.1f}", "hi": f"{hi:.1f}", "at": f"{at:.2f}", "said": flop(budget)}


def _card(service: Service, name: str, result: Result | None, job: Job | None) -> dict[str, Any]:
    """What is known of one piece of work."""
    return {
        "name": name,
        "found": None if result is None else result.document,
        "job": None if job is None or result is not None else service.jobs.document(job),
    }


def _is_live(cards: Sequence[dict[str, Any] | None]) -> bool:
    return any(
        card is not None
        and card["job"] is not None
        and card["job"]["state"] in ("queued", "running")
        for card in cards
    )


def _laws() -> list[Any]:
    """The laws that describe runs by size and tokens, for the chooser."""
    return [law for law in list_laws() if set(law.variables) <= LAW_VARIABLES]


ROUTES = [
    Route("/", home),
    Route("/runs", page("runs", runs)),
    Route("/fit", page("fit", fit)),
    Route("/backtest", page("backtest", backtest)),
    Route("/plan", page("plan", plan)),
    Route("/pilot", page("pilot", pilot)),
    Route("/plan/card", card),
    Route("/runs", take_runs, methods=["POST"]),
    Route("/sample", take_sample, methods=["POST"]),
    Route("/jobs/{name}/cancel", cancel, methods=["POST"]),
    Route("/fit", start_fits, methods=["POST"]),
    Route("/backtest", start_backtest, methods=["POST"]),
    Route("/pilot", start_pilot, methods=["POST"]),
]

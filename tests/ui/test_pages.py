"""Pages without a script: whole, true to the command line, and found again under their address."""

from __future__ import annotations

import html
import json
import re
import shlex
from importlib.resources import files
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator

from isoloss.cli.app import main
from isoloss.ui.commands import command_lines, quoted
from isoloss.ui.state import Reading, State, flop_at, state_from
from tests.ui.server import serving

STATE = {"law": ["chinchilla", "coupled"], "draws": "50", "flop": "3e13"}


@pytest.fixture(scope="module")
def fitted(server, query) -> dict:
    """The state of two fits that are made."""
    state = query | STATE
    page = server.wait_for(server.send("/fit", state).goes_to).text
    assert page.count('data-testid="parameters"') == 2
    return state


@pytest.fixture
def folder(tmp_path, csv, monkeypatch):
    """Where the commands of a page are typed."""
    (tmp_path / "sweep.csv").write_bytes(csv)
    monkeypatch.chdir(tmp_path)


def typed(capsys, words: list[str]) -> dict:
    main([*words, "--json"])
    return json.loads(capsys.readouterr().out)


def commands(page: str) -> list[list[str]]:
    found = re.search(r'data-testid="command"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found
    return [shlex.split(html.unescape(line))[1:] for line in found[1].splitlines()]


def address(path: str, state: dict) -> str:
    return f"{path}?{urlencode(state, doseq=True)}"


def test_the_table_is_what_the_command_says(server, query, capsys, folder) -> None:
    page = server.ask(address("/runs", query)).text
    (words,) = commands(page)
    assert typed(capsys, words) == server.ask(address("/api/check", query)).document
    listed = typed(capsys, [*words[:1], "list", *words[2:]])
    assert listed == server.ask(address("/api/runs", query)).document
    assert 'data-testid="kpi-runs">126<' in page


def test_fits_and_plan_are_what_the_commands_say(server, fitted, capsys, folder) -> None:
    page = server.ask(address("/fit", fitted)).text
    for words, law in zip(commands(page), fitted["law"], strict=True):
        document = server.ask(address("/api/fit", fitted | {"pick": law})).document
        assert typed(capsys, words) == document
        assert document["law"] == law
    page = server.ask(address("/plan", fitted)).text
    first, second = commands(page)
    main(first)
    capsys.readouterr()
    plans = typed(capsys, second), server.ask(address("/api/plan", fitted)).document
    for plan in plans:  # the command line adds how it was typed
        plan["command"] = plan["card"]["command"] = ""
    assert plans[0] == plans[1]


def test_backtest_and_next_run_are_what_the_commands_say(server, fitted, capsys, folder) -> None:
    asked = fitted | {"target": "1e13", "law": "chinchilla"}
    page = server.wait_for(server.send("/backtest", asked).goes_to).text
    assert 'data-testid="verdict"' in page
    (words,) = commands(page)
    assert typed(capsys, words) == server.ask(address("/api/backtest", asked)).document
    asked |= {"budget": "1e12"}
    page = server.wait_for(server.send("/pilot", asked).goes_to).text
    assert "What the runs leave open" in page
    first, second = commands(page)
    main(first)
    capsys.readouterr()
    document = server.ask(address("/api/pilot", asked)).document
    assert typed(capsys, second)["identifiability"] == document
    assert ('data-testid="next-runs"' in page) == bool(document["next_runs"])


def test_a_plan_can_count_its_backtest(server, fitted, capsys, folder) -> None:
    asked = fitted | {"law": "chinchilla", "target": "1e13", "tested": "1", "seed": "3"}
    server.wait_for(server.send("/fit", asked).goes_to)
    before = server.ask(address("/api/plan", asked))
    assert (before.status, before.document["where"]["field"]) == (404, "tested")
    server.wait_for(server.send("/backtest", asked).goes_to)
    plain = server.ask(address("/api/plan", asked | {"tested": ""})).document
    counted = server.ask(address("/api/plan", asked)).document
    assert counted["loss"] != plain["loss"]
    page = server.ask(address("/plan", asked)).text
    assert 'data-testid="tested"' in page
    *first, last = commands(page)
    for words in first:
        main(words)
    capsys.readouterr()
    typed_plan = typed(capsys, last)
    for plan in (typed_plan, counted):
        plan["command"] = plan["card"]["command"] = ""
    assert typed_plan == counted


def test_a_plan_without_runs_compares_published_laws(server, capsys) -> None:
    page = server.ask("/plan?flop=1e24").text
    (words,) = commands(page)
    assert typed(capsys, words) == server.ask("/api/published?flop=1e24").document
    assert 'data-testid="published"' in page


def test_a_refusal_is_an_answer(server, query) -> None:
    """A law in N alone cannot weigh size against tokens."""
    state = query | {"law": "floor-n", "draws": "20", "flop": "1e13"}
    server.wait_for(server.send("/fit", state).goes_to)
    answer = server.ask(address("/api/plan", state))
    assert answer.status == 422
    assert answer.document["schema"] == "isoloss.error"
    page = server.ask(address("/plan", state))
    assert page.status == 200
    assert 'data-testid="error"' in page.text
    assert answer.document["message"][1:] in html.unescape(page.text)


@pytest.mark.parametrize("page", ["runs", "fit", "backtest", "plan", "pilot"])
def test_an_address_of_another_server_is_answered_kindly(csv, query, page) -> None:
    with serving() as fresh:
        gone = fresh.ask(address(f"/{page}", query | STATE))
        assert gone.status == 404
        assert "Give the file again" in gone.text
        # The same file under the same name brings the address back.
        fresh.upload("sweep.csv", csv)
        there = fresh.ask(address(f"/{page}", query | STATE))
        assert there.status == 200
        if page == "plan":
            assert 'data-testid="fit-here"' in there.text


def test_a_job_fits_its_schema(server, fitted) -> None:
    schema = json.loads((files("isoloss") / "schemas" / "job.json").read_text(encoding="utf-8"))
    asked = fitted | {"seed": "5", "law": "farseer", "draws": "500"}
    path = server.send("/fit", asked).goes_to
    name = re.search(r'data-job="(\w+)"', server.ask(path).text)
    assert name
    document = server.ask(f"/api/jobs/{name[1]}").document
    Draft202012Validator(schema).validate(document)
    assert document["title"] == "fit farseer"
    server.send(f"/jobs/{name[1]}/cancel", asked)
    Draft202012Validator(schema).validate(server.ask(f"/api/jobs/{name[1]}").document)
    assert server.ask("/api/jobs/nothing").status == 404


@pytest.mark.parametrize(
    "name", ["coverage", "pilot", "residuals", "parameters", "isoflop", "iso-loss"]
)
def test_figures_are_data_for_the_page_and_files_for_a_paper(server, fitted, name) -> None:
    found = server.ask(address(f"/figures/{name}.json", fitted)).document
    assert found["data"]
    assert found["caption"]
    dark = server.ask(address(f"/figures/{name}.json", fitted | {"theme": "dark"})).document
    assert dark["layout"]["paper_bgcolor"] != found["layout"]["paper_bgcolor"]
    svg = server.ask(address(f"/figures/{name}.svg", fitted))
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.text.rstrip().endswith("</svg>")
    pdf = server.ask(address(f"/figures/{name}.pdf", fitted))
    assert pdf.body.startswith(b"%PDF")


def test_a_figure_that_cannot_be_says_why(server, query) -> None:
    found = server.ask(address("/figures/iso-loss.json", query)).document
    assert found["problem"]["code"] == "unknown_fit"
    path = address("/figures/iso-loss.svg", query)
    assert server.ask(path).status == 404
    # In the place of a picture stands the sentence.
    drawn = server.ask(path, headers={"Sec-Fetch-Dest": "image"})
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "there is no fit" in drawn.text
    assert server.ask(address("/figures/nothing.svg", query)).status == 404
    assert server.ask(address("/figures/iso-loss.exe", query)).status == 404


def test_an_address_holds_the_state() -> None:
    state = State(
        data="abc",
        reading=Reading(where="a = 'b' & c", map="x=loss", keep_undecayed="1"),
        law=("chinchilla", "E + A/N**a"),
        draws=50,
        flop="1e24",
        flop_per_token="runs",
    )
    from urllib.parse import parse_qsl

    assert state_from(parse_qsl(state.query())) == state
    assert State().query() == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("draws", "0"),
        ("draws", "1e9"),
        ("draws", "many"),
        ("seed", "-1"),
        ("ci", "tarot"),
        ("objective", "mean"),
        ("by", "column:x"),
        ("flop_per_token", "free"),
        ("where", "x" * 1001),
        ("law", "a" * 2000),
        ("where", "a\x00b"),
    ],
)
def test_what_no_state_can_hold(server, query, name, value) -> None:
    answer = server.ask(address("/api/check", query | {name: value}))
    assert answer.status == 400
    assert answer.document["where"]["field"] == name


@pytest.mark.parametrize("place", ["", "x", "-1", "41", "nan", "inf", "1e5"])
def test_a_place_of_the_slider_is_bounded(server, fitted, place) -> None:
    assert server.ask(address("/plan/card", fitted | {"place": place})).status == 400


def test_places_of_the_slider() -> None:
    assert [flop_at(place) for place in ("0", "13.48", "24")] == ["1e0", "3.02e13", "1e24"]


@pytest.mark.parametrize("word", ["a b", "it's", "x = 'a'", '$HOME "q"', "`id`'", "a!'b", ""])
def test_words_survive_a_shell(word) -> None:
    assert shlex.split(quoted(word)) == [word]


def test_commands_leave_out_what_is_usual() -> None:
    state = State(law=("chinchilla", "coupled"), flop="1e24", pick="coupled")
    first, second = command_lines("plan", state, ["runs.csv"])
    assert first == "isoloss fit runs.csv --law coupled --save fit.json"
    assert second == "isoloss plan 1e24 --fit fit.json"
    assert command_lines("fit", State(), ["runs.csv"]) == []
    assert command_lines("backtest", state, ["a.csv"]) == [
        "isoloss backtest a.csv --law chinchilla,coupled"
    ]

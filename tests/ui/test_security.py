"""Who may ask, and what an answer may do: tests of docs/decisions/server-security.md."""

from __future__ import annotations

import re

import pytest

from isoloss.ui.security import CSP
from isoloss.ui.server import address, settings_for
from isoloss.ui.settings import Settings
from tests.ui.server import Server, serving

PAGES = ("/runs", "/fit", "/backtest", "/plan", "/pilot")


def answers(server: Server, headers: dict[str, str], path: str = "/runs", method: str = "GET"):
    return server.ask(path, method, b"" if method == "POST" else None, headers).status


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8417", "127.0.0.1.evil.example", "169.254.169.254", "[::2]:80",
     "localhost.evil.example:8417", "0.0.0.0", "127.0.0.1@evil.example", " ", "192.168.1.7:8417"],
)  # fmt: skip
def test_another_name_is_refused(server, host) -> None:
    for path in ("/runs", "/api/check", "/static/app.css", "/"):
        assert answers(server, {"Host": host}, path) == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "LOCALHOST", "[::1]:8417"])
def test_its_own_names_are_known(server, host) -> None:
    assert answers(server, {"Host": host}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "SELF"},
    ],
)
def test_another_site_can_change_nothing(server, headers) -> None:
    sent = {name: server.origin if value == "SELF" else value for name, value in headers.items()}
    for path in ("/runs", "/sample", "/fit", "/backtest", "/pilot", "/jobs/x/cancel"):
        assert answers(server, sent, path, "POST") == 403


def test_these_pages_can(server) -> None:
    for sent in ({}, {"Sec-Fetch-Site": "", "Origin": server.origin}):
        assert server.ask("/sample", "POST", b"", sent | FORM).status == 303


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_another_site_can_load_no_part(server) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    followed = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    framed = followed | {"Sec-Fetch-Dest": "iframe"}
    assert answers(server, embedded, "/api/check") == 403
    assert answers(server, framed, "/runs") == 403
    assert answers(server, followed, "/runs") == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(server, method) -> None:
    assert answers(server, {}, "/runs", method) == 405


@pytest.mark.parametrize(
    "path", [*PAGES, "/static/app.js", "/api/check", "/nothing", "/favicon.ico"]
)
def test_every_answer_says_what_it_may_do(server, path) -> None:
    headers = server.ask(path).headers
    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control")]
    assert "server" not in headers


def test_the_policy_names_no_other_place_and_no_inline_script() -> None:
    rules = {rule.split()[0]: rule.split()[1:] for rule in CSP.split("; ")}
    assert rules["default-src"] == rules["script-src"] == rules["style-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == ["'none'"]
    assert not re.search(r"https?:|\*|unsafe-eval", CSP)
    inline = [name for name, values in rules.items() if "'unsafe-inline'" in values]
    assert inline == ["style-src-attr"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_inline_script_or_style(server, path) -> None:
    page = server.ask(path).text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page) == []
    assert re.findall(r"(?:src|href|action)=\"(?:https?:)?//", page) == []


TRAVERSALS = [
    "/static/../settings.py",
    "/static/..%2f..%2fsettings.py",
    "/static/%2e%2e/settings.py",
    "/static/....//settings.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/..\\settings.py",
    "/static/app.css%00.py",
    "/figures/../../../etc/passwd.json",
    "/figures/..%2f..%2fetc%2fpasswd.svg",
    "/api/jobs/..%2f..%2fetc%2fpasswd",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_way_leads_out_of_the_static_folder(server, path) -> None:
    answer = server.ask(path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"class Settings" not in answer.body


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../etc/passwd", "file:///etc/passwd", "*", "C:\\x.csv", "%00"]
)
def test_no_path_from_an_address_is_opened(server, name) -> None:
    for page in (*PAGES, "/api/check", "/api/plan", "/figures/coverage.svg"):
        answer = server.ask(f"{page}?data={name}&law=chinchilla&flop=1e20&pick={name}")
        assert answer.status in (400, 404)
        assert b"root:" not in answer.body


QUERIES = [
    "study in (select a from read_csv('/etc/passwd'))",
    "study in /* ' */ (select a from read_csv('/etc/passwd')) /* ' */",
    "study = 'x' -- ' \n or study in (select a from read_csv('/etc/passwd')) -- '",
    "study in ($$ ' $$) or study in (select a from read_csv('/etc/passwd')) or study in ($$ ' $$)",
    "`'` = 'x' or study in (select a from read_csv('/etc/passwd')) or `'` = 'x'",
]


@pytest.mark.parametrize("where", QUERIES)
def test_a_condition_reads_no_file(server, query, where) -> None:
    from urllib.parse import urlencode

    answer = server.ask(f"/api/check?{urlencode(query | {'where': where})}")
    assert answer.status == 400
    assert answer.document["code"] == "bad_where"
    assert "root:" not in answer.text


def test_even_an_open_door_would_lead_nowhere(tmp_path, csv) -> None:
    """While an upload is read, the process itself cannot open files."""
    import polars as pl

    from isoloss.ui.tasks import no_files

    path = tmp_path / "secret.csv"
    path.write_bytes(csv)
    frame = pl.DataFrame({"x": ["ladder"]})

    def refusal() -> str:
        with pytest.raises((pl.exceptions.PolarsError, OSError)) as caught:
            frame.filter(pl.sql_expr(f"x in (select nothing from read_csv('{path}'))"))
        return str(caught.value)

    assert "study" in refusal()  # it read the header of that file
    with no_files():
        shut = refusal()
    assert "os error 24" in shut
    assert "study" not in shut
    assert "study" in refusal()


def test_a_long_address_is_refused(server) -> None:
    assert answers(server, {}, "/runs?where=" + "x" * 20_000) == 414
    assert answers(server, {}, "/runs?data=a&where=" + "x" * 5_000) == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_needs_no_token(host) -> None:
    assert settings_for(host, 8417).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_any_other_address_needs_one(host) -> None:
    settings = settings_for(host, 8417)
    assert len(settings.token or "") >= 40
    assert (settings.token or "") in address(settings, 8417)
    assert settings_for(host, 8417).token != settings.token


def test_names_that_an_open_server_knows() -> None:
    opened = Settings("0.0.0.0", token="t", names=("lab-7",))
    assert opened.knows("192.168.1.7")
    assert opened.knows("lab-7")
    assert not opened.knows("evil.example")


class TestToken:
    """The server open to the network, asked through loopback."""

    def test_token_cookie_and_refusals(self) -> None:
        with serving("--host", "0.0.0.0") as server:
            token = server.address.partition("token=")[2]
            assert len(token) >= 40
            for path in ("/", "/runs", "/api/check", "/static/app.css", f"/runs?token={token}x"):
                assert server.ask(path).status == 401
            assert answers(server, {}, f"/sample?token={token}", "POST") == 401
            shown = server.ask(f"/runs?flop=1e20&token={token}")
            assert shown.goes_to == "/runs?flop=1e20"
            cookie = shown.headers["set-cookie"]
            assert "httponly" in cookie.lower()
            assert "samesite=strict" in cookie.lower()
            known = {"Cookie": cookie.partition(";")[0]}
            assert answers(server, known) == 200
            assert answers(server, {"Cookie": known["Cookie"][:-1]}) == 401
            assert answers(server, {"Authorization": f"Bearer {token}"}) == 200
            assert answers(server, {"Authorization": "Bearer "}) == 401
            assert answers(server, known | {"Host": "evil.example"}) == 421
            assert answers(server, known | {"Sec-Fetch-Site": "cross-site"}, "/fit", "POST") == 403

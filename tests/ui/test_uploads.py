"""What a browser may send: names, sizes, times and forms that are none."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.ui.uploads import ENDINGS, safe_name
from tests.ui.server import BOUNDARY, MULTIPART, multipart, serving


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sweep.csv", "sweep.csv"),
        ("../../etc/passwd", "passwd.csv"),
        ("..\\..\\windows\\system.ini", "system.ini.csv"),
        ("/etc/cron.d/runs.csv", "runs.csv"),
        ("runs.csv\x00.exe", "runs.csv_.exe.csv"),
        ("<script>alert(1)</script>.csv", "script_.csv"),
        ("~root.PARQUET", "root.parquet"),
        ("...", "runs.csv"),
        ("", "runs.csv"),
        (".csv", "csv.csv"),
        ("-rf.csv", "rf.csv"),
        ("läufe 7.jsonl", "läufe_7.jsonl"),
        ("http://elsewhere/x.csv", "x.csv"),
        ("a" * 500 + ".csv", "a" * 80 + ".csv"),
    ],
)
def test_a_name_is_a_label(name: str, shown: str) -> None:
    assert safe_name(name) == shown


@given(st.text(max_size=60))
def test_any_name_has_no_folder_and_a_known_ending(name: str) -> None:
    shown = safe_name(name)
    assert not set(shown) & set("/\\:\x00\r\n\"'<>&| ")
    assert shown[0] not in ".-"
    assert shown.endswith(ENDINGS)
    assert len(shown) <= 90


HOSTILE = (
    "../../../../tmp/isoloss-escaped.csv",
    "/etc/passwd",
    "..%2f..%2fx.csv",
    "a\u202egsv.csv",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_opens_and_writes_nothing(server, csv, name) -> None:
    page = server.ask(server.upload(name, csv).goes_to)
    assert page.status == 200
    assert "root:" not in page.text
    assert safe_name(name) in page.text
    assert "isoloss-escaped.csv" not in page.text or "../" not in page.text


def test_what_is_in_a_table_is_text_on_the_page(server) -> None:
    row = "<img src=x onerror=alert(1)>,1e8,1e9,6e17,3.0"
    data = f"name,params,tokens,flops,loss\n{row}\nb,2e8,1e9,1.2e18,2.9\n".encode()
    page = server.ask(server.upload("x.csv", data).goes_to)
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text
    assert "<img src=x" not in page.text


def test_the_same_table_has_the_same_address(server, csv) -> None:
    first, second = (server.upload("sweep.csv", csv).goes_to for _ in range(2))
    assert first == second
    assert server.upload("other.csv", csv).goes_to != first


EDGE = BOUNDARY.encode()
BODIES = {
    "empty": b"",
    "no boundary line": b"name,params\n1,2\n",
    "cut off": multipart("a.csv", b"x" * 1000)[:-400],
    "no name": b"\r\n".join(
        (b"--" + EDGE, b"Content-Disposition: form-data", b"", b"x", b"--" + EDGE + b"--")
    ),
    "no disposition": f"--{BOUNDARY}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
    "header without end": f"--{BOUNDARY}\r\n".encode() + b"A: " + b"b" * 100_000,
    "nulls": b"\x00" * 10_000,
    "nothing in it": multipart("a.csv", b""),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_form_that_is_none_is_refused_kindly(server, what) -> None:
    answer = server.ask("/runs", "POST", BODIES[what], MULTIPART)
    assert answer.status == 400
    assert 'data-testid="error"' in answer.text
    assert server.ask("/runs").status == 200


@pytest.mark.parametrize(
    "kind",
    ["application/json", "text/plain", "", "multipart/form-data", "multipart/form-data; boundary="],
)
def test_another_kind_of_body_is_refused(server, csv, kind) -> None:
    answer = server.ask("/runs", "POST", multipart("a.csv", csv), {"Content-Type": kind})
    assert answer.status in (400, 415)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n",
        b"\x1f\x8b" + b"\x00" * 50,
        b"a,b\n1,2\n",
        b"[[[[[" * 5000,
        b"PAR1" + b"\xff" * 80,
    ],
)
def test_a_file_that_is_no_table_is_an_answer(server, data) -> None:
    page = server.ask(server.upload("a.csv", data).goes_to)
    assert page.status == 400
    assert "a.csv" in page.text
    assert "Traceback" not in page.text


@pytest.fixture(scope="module")
def small():
    """A server with small limits, so that they are reached at once."""
    limits = {
        "upload_bytes": 100_000,
        "upload_files": 2,
        "upload_fields": 5,
        "field_bytes": 2_000,
        "upload_seconds": 1.5,
        "idle_seconds": 0.7,
        "read_seconds": 5,
        "tables": 2,
    }
    with serving(limits=limits) as found:
        yield found


def test_a_declared_size_is_refused_before_it_comes(small) -> None:
    head = {**MULTIPART, "Content-Length": "10000000000"}
    assert small.ask("/runs", "POST", b"x", head).status == 413


def test_an_undeclared_size_is_counted(small) -> None:
    with socket.create_connection(("127.0.0.1", small.port), timeout=20) as wire:
        wire.sendall(_head(small, "Transfer-Encoding: chunked"))
        begin = multipart("a.csv", b"").split(b"\r\n--")[0]
        wire.sendall(f"{len(begin):x}\r\n".encode() + begin + b"\r\n")
        answer = b""
        try:
            for _ in range(400):
                wire.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:  # it stopped listening
            pass
        answer = _read(wire)
    assert b" 413 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("pause", [0.05, 5.0])
def test_a_slow_upload_is_cut_off(small, pause) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", small.port), timeout=20) as wire:
        wire.sendall(_head(small, "Content-Length: 50000") + multipart("a.csv", b"")[:60])
        wire.settimeout(pause)
        answer = b""
        while time.monotonic() < begun + 15 and not answer:
            try:
                answer = wire.recv(4096)
            except TimeoutError:
                wire.sendall(b"x")
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert time.monotonic() - begun < 6


def test_too_many_parts_and_too_long_fields(small) -> None:
    many = {f"f{i}": "x" for i in range(30)}
    assert small.upload("a.csv", b"x", **many).status == 400
    assert small.upload("a.csv", b"x", where="y" * 5_000).status == 400
    body = multipart("a.csv", b"x")
    body = body[: body.rindex(b"--" + BOUNDARY.encode())] * 5 + body
    assert small.ask("/runs", "POST", body, MULTIPART).status == 400


def test_the_oldest_table_makes_room(small) -> None:
    table = "name,params,tokens,flops,loss\nb,2e8,1e9,1.2e18,2.9\n"
    first, *_, last = (
        small.upload(f"t{i}.csv", (table + "," * i).encode()).goes_to for i in range(4)
    )
    gone = small.ask(first)
    assert gone.status == 404
    assert "Give the file again" in gone.text
    assert small.ask(last).status == 200


def _head(server, length: str) -> bytes:
    return (
        f"POST /runs HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\n{length}\r\n\r\n"
    ).encode()


def _read(wire: socket.socket) -> bytes:
    try:
        return wire.recv(4096)
    except OSError:
        return b""

"""The command that serves the pages: what it refuses before it listens. tests/ui has the rest."""

from __future__ import annotations

import socket


def test_a_table_that_cannot_be_read_is_said_at_once(run):
    result = run("ui", "missing.csv")
    assert result.code == 2
    assert "missing.csv" in result.err


def test_a_port_that_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("ui", "--port", taken.getsockname()[1])
    assert result.code == 2
    assert "cannot be had" in result.err
    assert "--port 8418" in result.err


def test_an_address_that_is_not_ours(run):
    result = run("ui", "--host", "203.0.113.7", "--port", "0")
    assert result.code == 2
    assert "203.0.113.7" in result.err


def test_a_port_that_is_none(run):
    assert run("ui", "--port", "70000").code == 2
    assert run("ui", "--port", "web").code == 2

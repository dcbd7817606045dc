"""What reaches standard output and standard error, also when they cannot take it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from isoloss.cli import app, streams

ISOLOSS = [sys.executable, "-m", "isoloss"]


def test_a_reader_that_goes_away_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        done = subprocess.run(
            [*ISOLOSS, "laws"], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == app.BROKEN_PIPE
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_disk_is_a_message():
    with open("/dev/full", "w") as stdout:
        done = subprocess.run(
            [*ISOLOSS, "laws"], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "isoloss: the answer cannot be written: No space left on device.\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes streams")
def test_closed_streams_are_no_error():
    command = f"{sys.executable} -m isoloss laws show nope >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 2


def test_ctrl_c_ends_quietly(run, monkeypatch):
    def interrupted(tokens):
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "_run", interrupted)
    result = run("laws")
    assert result.code == 130
    assert result.err == "isoloss: stopped.\n"


def test_no_memory_is_a_message(run, monkeypatch, ladder):
    def exhausted(*paths, **options):
        raise MemoryError

    monkeypatch.setattr("isoloss.runs.read", exhausted)
    result = run("runs", "check", ladder, "--json")
    assert result.code == 2
    assert result.document["code"] == "out_of_memory"


class Ascii(io.TextIOWrapper):
    """A stream as a terminal in the C locale has it."""

    def __init__(self):
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="ascii", newline="\n")

    @property
    def text(self):
        self.flush()
        return self.bytes.getvalue().decode("ascii")


@pytest.mark.parametrize("name", ["größe", "模型", "\U0001f600", "\udc80"])
def test_any_name_can_be_shown(monkeypatch, name):
    stdout = Ascii()
    monkeypatch.setattr(sys, "stdout", stdout)
    streams.write(name)
    assert stdout.text.isascii()
    stdout = Ascii()
    monkeypatch.setattr(sys, "stdout", stdout)
    streams.write_document({"name": name})
    assert json.loads(stdout.text) == {"name": name}


def test_error_goes_to_standard_error_and_document_to_standard_output(run):
    plain = run("laws", "show", "chinchila")
    assert plain.code == 2
    assert plain.out == ""
    assert plain.err.startswith('isoloss: "law": there is no law named')
    assert "\n         Did you mean chinchilla" in plain.err
    document = run("laws", "show", "chinchila", "--json")
    assert document.code == 2
    assert document.err == plain.err
    assert document.document["schema"] == "isoloss.error"


def test_quiet_leaves_the_answer_alone(run, ladder):
    quiet = run("fit", ladder, "--ci", "none", "--quiet")
    assert quiet.err == ""
    assert quiet.out.startswith("chinchilla")


def test_progress_only_where_a_person_watches(monkeypatch, capsys):
    with streams.working("fitting", quiet=False):
        pass
    assert capsys.readouterr().err == ""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    watched = Terminal()
    monkeypatch.setattr(sys, "stderr", watched)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    with streams.working("fitting", quiet=False):
        pass
    assert "fitting" in watched.getvalue()
    silent = Terminal()
    monkeypatch.setattr(sys, "stderr", silent)
    with streams.working("fitting", quiet=True):
        pass
    assert silent.getvalue() == ""

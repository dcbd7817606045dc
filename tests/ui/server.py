"""The real server as a process, and a client that sends exactly what a test wants."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

BOUNDARY = "isoloss-test-boundary"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def goes_to(self) -> str:
        """Where a redirect leads."""
        assert self.status == 303, (self.status, self.text[:2000])
        return self.headers["location"]


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 60,
    ) -> Answer:
        """One request, with the headers of a page of this server unless others are given."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Sec-Fetch-Site": "same-origin"}
        sent |= dict(headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(
                method, path, body, {name: value for name, value in sent.items() if value}
            )
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, names, found.read())
        finally:
            connection.close()

    def send(self, path: str, fields: Mapping[str, Any] | Sequence[tuple[str, str]]) -> Answer:
        """A form without files."""
        body = urlencode(fields, doseq=True).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask(path, "POST", body, kind)

    def upload(self, name: str, data: bytes, **fields: str) -> Answer:
        """A file as the form of the page Runs sends it."""
        return self.ask("/runs", "POST", multipart(name, data, fields), MULTIPART)

    def wait_for(self, path: str, seconds: float = 60) -> Answer:
        """A page once its work is done."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answer = self.ask(path)
            if "data-live" not in answer.text:
                return answer
            time.sleep(0.1)
        raise AssertionError(f"not done after {seconds} s: {path}")

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return [int(word) for word in found.stdout.split()]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it, and say with which exit code it went."""
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def multipart(name: str, data: bytes, fields: Mapping[str, str] | None = None) -> bytes:
    """The body of a form with one file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in (fields or {}).items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), data, f"\r\n--{BOUNDARY}--\r\n".encode()])


@contextmanager
def serving(*words: str, limits: Mapping[str, Any] | None = None) -> Iterator[Server]:
    """A server of its own process; with other limits it is started without the command line."""
    program = ["-m", "isoloss", "ui", "--port", "0", *words]
    if limits is not None:
        program = ["-c", _WITH_LIMITS, json.dumps(dict(limits))]
    process = subprocess.Popen(
        [sys.executable, *program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + process.stderr.read()
        yield Server(process, found[0])
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
        process.stderr.close()


_WITH_LIMITS = """
import json, sys
from isoloss.ui.server import serve
from isoloss.ui.settings import Limits, Settings
from isoloss.ui.state import Reading
settings = Settings("127.0.0.1", 0, limits=Limits(**json.loads(sys.argv[1])))
serve(settings, [], Reading(), lambda said: print(said, file=sys.stderr, flush=True))
"""

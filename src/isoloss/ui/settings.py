"""Where does the server listen, and how much may a browser ask of it?"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORT = 8417
MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What bounds a request, a worker process and the server's memory.

    Attributes:
        upload_bytes: of one upload, all files together; counted as they arrive.
        upload_files: files in one upload.
        upload_fields: other fields in one form.
        field_bytes: of one such field.
        upload_seconds: from the first to the last byte of a form.
        idle_seconds: longest pause within a form.
        read_seconds: to read a table.
        quick_seconds: to answer at once: a plan, a figure.
        report_seconds: to write a report with its figures.
        job_seconds: of one fit or backtest.
        memory_bytes: address space of a worker process.
        queue: jobs that wait at most.
        waiting: quick requests that wait at most.
        tables: uploaded tables that are kept.
        table_bytes: of all of them together.
        results: fits, backtests and reports that are kept.
        quick_results: plans and figures that are kept.
    """

    upload_bytes: int = 64 * MIB
    upload_files: int = 8
    upload_fields: int = 40
    field_bytes: int = 20_000
    upload_seconds: float = 60.0
    idle_seconds: float = 10.0
    read_seconds: float = 30.0
    quick_seconds: float = 20.0
    report_seconds: float = 90.0
    job_seconds: float = 300.0
    memory_bytes: int = 4096 * MIB
    queue: int = 16
    waiting: int = 64
    tables: int = 32
    table_bytes: int = 512 * MIB
    results: int = 256
    quick_results: int = 128


@dataclass(frozen=True)
class Settings:
    """Where the server listens and who may ask.

    Attributes:
        host: the address to bind.
        port: the port to bind.
        token: what a browser must show once; None on loopback.
        names: further names by which the server may be called.
        limits: bounds.
    """

    host: str = LOOPBACK[0]
    port: int = DEFAULT_PORT
    token: str | None = None
    names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    def knows(self, name: str) -> bool:
        """Whether a ``Host`` header may carry this name (without its port).

        Another site that lets its own name point here (DNS rebinding) sends its own name. A bare
        address cannot be rebound, so any is known where the server is open to the network.
        """
        if name in LOOPBACK or name == self.host or name in self.names:
            return True
        return not self.is_local and _is_address(name)


def is_loopback(host: str) -> bool:
    """Whether an address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names() -> tuple[str, ...]:
    """The names by which others on the network may call this machine."""
    return tuple({socket.gethostname().lower(), socket.getfqdn().lower()})


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

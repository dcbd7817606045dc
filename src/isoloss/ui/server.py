"""The server as a process: where it listens, what it prints, how it ends."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

import uvicorn

from isoloss.errors import InputError, Where
from isoloss.ui.app import make_app
from isoloss.ui.settings import Settings, is_loopback, own_names
from isoloss.ui.state import Reading

GRACE = 3  # seconds for requests under way when the server ends
CONNECTIONS = 256


def settings_for(host: str, port: int) -> Settings:
    """Where to listen; beyond this machine only with a token."""
    if is_loopback(host):
        return Settings(host, port)
    return Settings(host, port, secrets.token_urlsafe(32), own_names())


def serve(
    settings: Settings,
    runs: Sequence[str],
    reading: Reading,
    said: Callable[[str], None],
) -> None:
    """Serve the pages until Ctrl-C.

    Args:
        settings: where to listen.
        runs: files of the command line.
        reading: how they are read.
        said: told the address once the server listens.

    Raises:
        InputError: the address cannot be had.
    """
    sock = _bind(settings)
    config = uvicorn.Config(
        make_app(settings, runs, reading),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        http="h11",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACE,
    )
    with sock, suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        sock.listen()
        said(address(settings, sock.getsockname()[1]))
        uvicorn.Server(config).run(sockets=[sock])


def address(settings: Settings, port: int) -> str:
    """What to open in a browser, with the token where there is one."""
    name = settings.host
    if name in ("0.0.0.0", "::"):
        name = socket.gethostname().lower()
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={settings.token}" if settings.token else "")


def _bind(settings: Settings) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, proto, _, place = found[0]
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise InputError(
            f"{settings.host} port {settings.port} cannot be had ({error.strerror or error}).",
            code="no_address",
            where=Where(field="--port"),
            hint="Is isoloss ui running already? Choose another port with --port 8418.",
        ) from None
    return sock

"""``isoloss ui``: runs, fits and plans as local web pages."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

from isoloss.cli.options import READING, Port, Reading
from isoloss.cli.streams import write_error

if TYPE_CHECKING:
    from isoloss.ui.state import Reading as PageReading


def ui(
    *runs: str,
    host: str = "127.0.0.1",
    port: Port = 8417,
    browser: bool = False,
    reading: Reading = READING,
) -> None:
    """Show runs, fits, backtests and plans as web pages on this machine, until Ctrl-C.

    Only this machine can reach the pages. With another --host they ask for a token, which stands
    in the address that is printed.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines. More can be given on the
            pages.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        browser: Open the pages in the browser.
        reading: How the tables are read; the pages can change it.
    """
    from isoloss.ui.server import serve, settings_for

    if runs:
        reading.read(runs)  # what cannot be read is said here rather than on a page
    settings = settings_for(host, port)

    def said(address: str) -> None:
        write_error(f"isoloss ui: {address}\nCtrl-C ends it.")
        if settings.token is not None:
            write_error("Whoever has this address can use the pages; they are not encrypted.")
        if browser:
            webbrowser.open(address)

    serve(settings, runs, _for_pages(reading), said)


def _for_pages(reading: Reading) -> PageReading:
    """The same options as an address of a page has them."""
    from isoloss.ui.state import Reading as PageReading

    return PageReading(
        where=reading.where or "",
        n=reading.n or "",
        loss=reading.loss or "",
        loss_unit=reading.loss_unit or "",
        map=",".join(reading.map or []),
        scale=",".join(reading.scale or []),
        flop_convention=reading.flop_convention or "",
        arch=reading.arch or "",
        keep_undecayed="1" if reading.keep_undecayed else "",
    )

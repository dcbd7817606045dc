"""The live table of a ladder in work, where a person is watching standard error."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from isoloss.training.ladder import Ladder
    from isoloss.training.progress import Progress

EVERY_SECONDS = 2.0


@contextmanager
def live_table(
    ladder: Ladder, *, quiet: bool, peak_flop_per_s: float = math.nan
) -> Generator[Callable[[Ladder], None], None, None]:
    """Lend a function that shows how far a ladder is, at most every two seconds."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live

    from isoloss.training.progress import progress

    last = 0.0
    with Live(
        _table(progress(ladder, peak_flop_per_s)), console=Console(stderr=True), auto_refresh=False
    ) as live:

        def watch(ladder: Ladder) -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY_SECONDS:
                last = time.monotonic()
                live.update(_table(progress(ladder, peak_flop_per_s)), refresh=True)

        yield watch


def _table(found: Progress) -> Table:
    from rich.table import Table

    left = found.worker_seconds_left
    told = "" if left != left else f", about {left:.0f} worker s left"
    table = Table(
        title=f"{found.name}: {found.finished} of {found.total} runs{told}",
        title_justify="left",
        box=None,
    )
    for name in ("run", "step", "training loss", "tokens/s", "of the peak"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for one in found.active:
        table.add_row(
            one.run_id,
            f"{one.step} / {one.steps}",
            f"{one.loss:.3f}",
            f"{one.tokens_per_s:,.0f}",
            "" if one.mfu != one.mfu else f"{one.mfu:.0%}",
        )
    return table

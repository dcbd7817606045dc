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
    ladder: Ladder, *, quiet: bool, workers: int | None = None
) -> Generator[Callable[[Ladder], None], None, None]:
    """Lend a function that shows how far a ladder is, at most every two seconds.

    Args:
        ladder: the ladder.
        quiet: show nothing.
        workers: how many there are, where that is known.
    """
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live

    from isoloss.training.progress import progress

    last = 0.0
    with Live(
        _table(progress(ladder), workers),
        console=Console(stderr=True),
        auto_refresh=False,
    ) as live:

        def watch(ladder: Ladder) -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY_SECONDS:
                last = time.monotonic()
                live.update(_table(progress(ladder), workers), refresh=True)

        yield watch


def _table(found: Progress, workers: int | None = None) -> Table:
    from rich.table import Table

    from isoloss.training.progress import time_text

    left = _left(found, workers)
    table = Table(
        title=f"{found.name}: {found.finished} of {found.total} runs{left}",
        title_justify="left",
        box=None,
    )
    for name in ("run", "step", "training loss", "tokens/s", "of the peak", "left"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for one in found.active:
        table.add_row(
            one.run_id,
            f"{one.step} / {one.steps}",
            _cell(one.loss, ".3f"),
            _cell(one.tokens_per_s, ",.0f"),
            _cell(one.mfu, ".0%"),
            "" if math.isnan(one.seconds_left) else time_text(one.seconds_left),
        )
    return table


def _left(found: Progress, workers: int | None) -> str:
    from isoloss.training.progress import time_text

    left = found.worker_seconds_left
    if math.isnan(left):
        return ""
    if workers is None:
        return f", about {time_text(left)} of one worker left"
    # The last runs share no work: it takes no less than the longest of those begun.
    longest = [one.seconds_left for one in found.active if not math.isnan(one.seconds_left)]
    return f", about {time_text(max(left / workers, *longest, 0.0))} left"


def _cell(value: float, how: str) -> str:
    return "" if math.isnan(value) else format(value, how)

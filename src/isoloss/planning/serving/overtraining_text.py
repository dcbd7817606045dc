"""The over-training curve as text and as a card."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from isoloss.laws.compute import format_flop
from isoloss.planning.card import Card, command_of, line, shown
from isoloss.planning.serving.overtraining_result import Mark, Overtraining
from isoloss.planning.serving.text import (
    PYTHON_ONLY,
    count_of,
    evidence_line,
    percent_of,
    plain_of,
    rate_options,
    source_options,
)
from isoloss.validation.report import aligned

_COLUMNS = ("run", "N", "D", "D/N", "over D*/N*", "N/N*", "extra compute", "pays from")


def summarise(found: Overtraining) -> str:
    """The marks as an aligned table."""
    return "\n".join(_lines(found))


def title(found: Overtraining) -> str:
    """What the runs are measured against, in a few words."""
    best = found.optimum
    return (
        f"runs of loss {best['loss'].estimate:.4g} by {found.facts['law']}, against the "
        f"compute-optimal one of {format_flop(best['flop'].estimate)} FLOP"
    )


def _lines(found: Overtraining) -> Iterator[str]:
    yield f"{title(found)}   L = {found.facts['formula']}"
    rows = (*found.marks, *(() if found.here is None else (found.here,)))
    yield from aligned([_COLUMNS, *map(_cells, rows)], align="<" + ">" * 7, indent=4)
    yield "  published models, each against the optimum of its own loss under this law"
    yield from aligned([_COLUMNS, *map(_cells, found.known)], align="<" + ">" * 7, indent=4)
    card = found.card()
    yield from (f"  = {sentence}" for sentence in card.why)
    yield f"  {card.evidence}"
    yield from (f"  ! {notice.message}" for notice in card.warnings)
    yield from (f"  - {notice.message}" for notice in card.would_change)
    yield f"  again: {card.command}"


def _cells(mark: Mark) -> tuple[str, ...]:
    pays = mark.break_even_tokens.estimate
    return (
        mark.label,
        count_of(mark.n_params),
        count_of(mark.tokens),
        f"{mark.tokens_per_param.estimate:.3g}",
        plain_of(mark.ratio_multiple, 3),
        plain_of(mark.size_ratio, 3),
        percent_of(mark.overhead),
        "-" if math.isnan(pays) else shown(pays),
    )


def card_of(found: Overtraining) -> Card:
    """The run that was asked about, or the most over-trained mark, as a decision card."""
    mark = found.here or found.marks[-1]
    return Card(
        title=f"{mark.label}: {title(found)}",
        answer=(
            line("N/N*", mark.size_ratio),
            line("D/N", mark.tokens_per_param, "tokens/param"),
            line("over D*/N*", mark.ratio_multiple),
            line("extra compute", mark.overhead, "share of the optimum's"),
            line("pays from", mark.break_even_tokens, "served tokens"),
            line("N*", found.optimum["n_params"], "params"),
            line("D*", found.optimum["tokens"], "tokens"),
        ),
        level=found.facts["level"],
        why=(_sentence(mark), *_saturation(found)),
        would_change=found.notes,
        warnings=found.warnings,
        evidence=evidence_line(found.facts, found.decades_beyond_data),
        command=found.command or _command(found),
    )


def _sentence(mark: Mark) -> str:
    size, more = mark.size_ratio.estimate, mark.overhead.estimate
    if size >= 1:
        return (
            f"{mark.label} is {size:.3g} times the compute-optimal size of its loss: it takes "
            f"{more:.1%} more compute to train, and serving it costs more too."
        )
    return (
        f"{mark.label} is {size:.3g} times the compute-optimal size of its loss: {more:.1%} more "
        f"compute to train, made up for after {shown(mark.break_even_tokens.estimate)} served "
        "tokens."
    )


def _saturation(found: Overtraining) -> tuple[str, ...]:
    lost = found.curve.size_ratio[~np.isfinite(found.curve.overhead)]
    if not lost.size:
        return ()
    return (f"below {lost.max():.2g} times N* no number of tokens reaches this loss.",)


def _command(found: Overtraining) -> str:
    """What to type for this curve; the files are not known here."""
    given: dict[str, object] = {}
    words = () if found.flop is None else (found.flop,)
    if found.here is not None:
        given = {"n": found.here.n_params.estimate, "d": found.here.tokens.estimate}
    rates = rate_options(found.terms)
    if rates is None:
        return PYTHON_ONLY
    return command_of("overtraining", *words, **source_options(found.facts), **given, **rates)

"""``isoloss sweep``: the best learning rate and batch from the user's own sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from isoloss.cli.fit import THIN_EVIDENCE
from isoloss.cli.options import OUTPUT, READING, Draws, Output, Reading, Seed, number
from isoloss.cli.targets import check_target
from isoloss.cli.text import columns, footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting.sweeps import SweepFit
    from isoloss.planning.settings import Judged

FEW_LAWS = 6
"""Published laws shown as text; the document has all."""


def sweep(
    *runs: str,
    within: str = "auto",
    skew: str = "auto",
    cluster: str = "cell",
    draws: Draws = 1000,
    level: float = 0.9,
    seed: Seed = 0,
    no_batch_n: bool = False,
    least_squares: bool = False,
    save: str | None = None,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> int:
    """Find the best learning rate and batch of a sweep, and their law over N and D.

    A cell holds the runs of one N and D. Each has its optimum, what it costs to be 2 times off,
    and what to train next; the law is judged on cells that it was not fitted to. Exits with 3 if
    the cells carry no law.

    Args:
        runs: Files, folders or patterns with columns for lr, batch, N, D and loss.
        within: Runs within this share of the best loss of their cell count, such as 0.01; auto
            chooses it by cells left out; all takes all runs alike.
        skew: Whether cells share cubic terms: auto, yes or no.
        cluster: What is left out at a time for intervals: cell, size or none.
        draws: Draws of the intervals.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws: same seed, same digits.
        no_batch_n: The best batch does not depend on N.
        least_squares: Plain least squares: outliers count fully.
        save: Write the fit to this JSON file, for isoloss hparams --fit.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.planning.settings import judge_published

    if save is not None:
        check_target(save, "isoloss.sweep_fit", runs)
    share = share_of(within)
    found = fit_runs(
        runs,
        reading,
        within=share,
        skew=_yes_or_no(skew),
        cluster=cluster,
        draws=draws,
        level=level,
        seed=seed,
        batch_n=not no_batch_n,
        robust=not least_squares,
    )
    judged = judge_published(found)
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: report(found, judged, save), document=lambda: document(found, judged))
    return 0 if found.status == "ok" else THIN_EVIDENCE


def fit_runs(runs: Sequence[str], reading: Reading, **options: Any) -> SweepFit:
    """The fit of a sweep that is read from files, with the findings about its runs.

    Raises:
        InputError: the runs cannot be read, or an option is unusable.
        EvidenceError: they are too few.
    """
    from dataclasses import replace

    from isoloss.fitting.findings import notices_about
    from isoloss.fitting.sweeps import fit_sweep

    table = reading.read(runs)
    found = fit_sweep(table, **options)
    # A sweep is meant to hold bad settings: high losses are what it is for.
    about = [n for n in notices_about(table) if n.code not in ("high_loss", "too_few_budgets")]
    return replace(found, warnings=(*found.warnings, *about))


def share_of(text: str) -> float | Literal["auto"] | None:
    """The width that is meant by ``auto``, ``all``, ``0.01`` or ``1%``.

    Raises:
        InputError: it is none of these.
    """
    if text == "auto":
        return "auto"
    if text == "all":
        return None
    value = number(text.removesuffix("%"), "--within") / (100 if text.endswith("%") else 1)
    if not 0 < value <= 1:
        raise InputError(
            f'found "{text[:40]}" where a share of the loss is expected.',
            code="bad_within",
            where=Where(field="--within"),
            hint="Write it like 0.01 or 1%, or auto, or all.",
        )
    return value


def _yes_or_no(text: str) -> bool | Literal["auto"]:
    known: dict[str, bool | Literal["auto"]] = {"auto": "auto", "yes": True, "no": False}
    if text not in known:
        raise InputError(
            f'found "{text[:40]}" where auto, yes or no is expected.',
            code="bad_skew",
            where=Where(field="--skew"),
        )
    return known[text]


def document(found: SweepFit, judged: Sequence[Judged]) -> dict[str, Any]:
    """The fit with what published laws would have cost on it."""
    published = [
        {"law": one.law, "filled": dict(one.filled), "regret": one.regret.to_dict()}
        for one in judged
    ]
    return found.to_dict() | {"published": published}


def report(found: SweepFit, judged: Sequence[Judged], saved: str | None = None) -> str:
    """The fit as text, published laws on the same cells, and what to type next."""
    lines = [found.summary()]
    if judged:
        lines.append("  published laws on these cells (mean regret between runs, at nearest run):")
        rows = [
            (
                one.law,
                f"{100 * one.regret.interpolated.mean():.2g} %",
                f"{100 * one.regret.nearest.mean():.2g} %",
                f"{', '.join(one.filled)} of the best run" if one.filled else "",
            )
            for one in judged[:FEW_LAWS]
        ]
        lines.append(columns(rows, indent=4))
    lines.append(footer(found.runs.data_hash, found.seed))
    if saved is not None:
        lines += [f"  -> {saved}", f"  next: isoloss hparams --n N --d D --fit {saved}"]
    return "\n".join(lines)

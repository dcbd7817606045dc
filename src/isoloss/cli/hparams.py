"""``isoloss hparams``: learning rate and batch by every law, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoloss.cli.options import OUTPUT, Amount, Count, Output, Reading
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning import HParams
    from isoloss.planning.settings import SweepAdviser


def hparams(
    *,
    n: Amount | None = None,
    arch: str | None = None,
    d: Amount | None = None,
    law: list[str] | None = None,
    loss: Amount | None = None,
    batch: Amount | None = None,
    flop: Amount | None = None,
    seq: Count = 2048,
    runs: list[str] | None = None,
    fit: str | None = None,
    where: str | None = None,
    map: list[str] | None = None,
    scale: list[str] | None = None,
    output: Output = OUTPUT,
) -> None:
    """Say which learning rate and batch the published laws advise for N and D.

    All laws stand side by side, with how far each is asked outside its range, how far they lie
    apart, and what they disagree about: isoloss hparams --n 7B --d 1.4T. A law from your own sweep
    comes first where one is given with --runs or --fit.

    Args:
        n: Model size, such as 7B.
        arch: The shape instead of N, such as 'L=32 d=4096 V=32000'; each law gets its own count.
        d: Training tokens, such as 1.4T.
        law: Only this law, such as step-law; repeatable. isoloss laws lists them.
        loss: The loss to be reached in nats per token, for laws in it.
        batch: The batch that is wanted in tokens, such as 4M; rates are carried to it.
        flop: C as the laws in C count it, M D; 6 N D by default.
        seq: Tokens per sequence, to say batches in sequences.
        runs: Your own sweep of lr and batch, to fit a law to; repeatable.
        fit: The fit of a sweep that isoloss sweep --save wrote.
        where: Read only rows of the sweep that meet this SQL condition.
        map: Say what a column of the sweep is, NAME=CANONICAL, such as my_loss=loss; repeatable.
        scale: Multiply a column of the sweep, NAME=FACTOR, such as tokens=1e9; repeatable.
        output: How the answer is written.
    """
    from isoloss.planning import hparams as advise
    from isoloss.runs import parse_architecture

    if n is not None and arch is not None:
        raise InputError(
            "a size and a shape are both given.",
            code="conflicting_options",
            where=Where(field="--arch"),
            hint="Keep one of --n and --arch.",
        )
    model = n if arch is None else parse_architecture(arch)
    if model is None or d is None:
        raise InputError(
            "it is not said for which model and how many tokens.",
            code="missing_argument",
            where=Where(field="--n" if model is None else "--d"),
            hint="For example: isoloss hparams --n 7B --d 1.4T.",
        )
    fitted = own_laws(runs or [], fit, Reading(where=where, map=map, scale=scale))
    found = advise(model, d, law=law, loss=loss, batch=batch, flop=flop, seq_len=seq, fitted=fitted)
    output.give(text=lambda: report(found, fitted), document=lambda: document(found, fitted))


def own_laws(runs: list[str], fit: str | None, reading: Reading) -> list[SweepAdviser]:
    """The law of the user's own sweep, where one is given.

    Raises:
        InputError: both are given, or options for reading without runs.
        EvidenceError: the sweep carries no law.
    """
    if fit is not None and runs:
        raise InputError(
            "a sweep and the fit of a sweep are both given.",
            code="conflicting_options",
            where=Where(field="--fit"),
            hint="Keep one of --runs and --fit.",
        )
    if not runs and reading != Reading():
        raise InputError(
            "options for reading are given, and there is no sweep to read.",
            code="conflicting_options",
            where=Where(field="--runs"),
            hint="Name the sweep with --runs SWEEP.csv.",
        )
    if not runs and fit is None:
        return []
    from isoloss.cli.sweep import fit_runs
    from isoloss.fitting.sweeps import SweepFit
    from isoloss.planning.settings import SweepAdviser

    own = SweepFit.load(fit) if fit is not None else fit_runs(runs, reading)
    own.need_law()
    return [SweepAdviser(own, fit or ", ".join(runs))]


def document(found: HParams, fitted: list[SweepAdviser]) -> dict[str, Any]:
    """The laws, with the runs and the seed behind a fitted one."""
    made = found.to_dict()
    for own in fitted:
        runs = {"data_hash": own.fit.runs.data_hash, "n_runs": own.fit.n_runs}
        made |= {"seed": own.fit.seed, **runs}
    return made


def report(found: HParams, fitted: list[SweepAdviser]) -> str:
    """The laws as text, with the runs behind a fitted one and the version."""
    made = [(own.fit.runs.data_hash, own.fit.seed) for own in fitted] or [(None, None)]
    return f"{found.summary()}\n{footer(*made[0])}"

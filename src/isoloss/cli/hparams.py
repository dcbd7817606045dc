"""``isoloss hparams``: learning rate and batch by every law, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.options import OUTPUT, Amount, Count, Output
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning import HParams


def hparams(
    *,
    n: Amount | None = None,
    d: Amount | None = None,
    law: list[str] | None = None,
    loss: Amount | None = None,
    batch: Amount | None = None,
    flop: Amount | None = None,
    seq: Count = 2048,
    output: Output = OUTPUT,
) -> None:
    """Say which learning rate and batch the published laws advise for N and D.

    All laws stand side by side, with how far each is asked outside its range, how far they lie
    apart, and what they disagree about: isoloss hparams --n 7B --d 1.4T.

    Args:
        n: Model size, such as 7B.
        d: Training tokens, such as 1.4T.
        law: Only this law, such as step-law; repeatable. isoloss laws lists them.
        loss: The loss to be reached in nats per token, for laws in it.
        batch: The batch that is wanted in tokens, such as 4M; rates are carried to it.
        flop: C as the laws in C count it, M D; 6 N D by default.
        seq: Tokens per sequence, to say batches in sequences.
        output: How the answer is written.
    """
    from isoloss.planning import hparams as advise

    if n is None or d is None:
        raise InputError(
            "it is not said for which model and how many tokens.",
            code="missing_argument",
            where=Where(field="--n" if n is None else "--d"),
            hint="For example: isoloss hparams --n 7B --d 1.4T.",
        )
    found = advise(n, d, law=law, loss=loss, batch=batch, flop=flop, seq_len=seq)
    output.give(text=lambda: report(found), document=found.to_dict)


def report(found: HParams) -> str:
    """The laws as text, with the version."""
    return f"{found.summary()}\n{footer(None, None)}"

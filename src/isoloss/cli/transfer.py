"""``isoloss transfer``: a tuned learning rate carried to another run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.options import OUTPUT, Amount, Output
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning import Transfer


def transfer(
    *,
    lr: Amount | None = None,
    n: Amount | None = None,
    d: Amount | None = None,
    batch: Amount | None = None,
    to_n: Amount | None = None,
    to_d: Amount | None = None,
    to_batch: Amount | None = None,
    width: Amount | None = None,
    to_width: Amount | None = None,
    layers: Amount | None = None,
    to_layers: Amount | None = None,
    loss: Amount | None = None,
    to_loss: Amount | None = None,
    schedule: str | None = None,
    to_schedule: str | None = None,
    weight_decay: Amount | None = None,
    critical_batch: Amount | None = None,
    combine: list[str] | None = None,
    output: Output = OUTPUT,
) -> None:
    """Carry a learning rate that you tuned to another size, other tokens or another batch.

    By each published law, by width (muP), by the batch and by the number of steps, with what each
    assumes and what it says nothing of. What is not said of the wanted run stays:
    isoloss transfer --lr 3e-3 --n 100M --d 2B --to-n 1B --to-d 20B.

    Args:
        lr: The tuned peak learning rate.
        n: Size of the tuned model.
        d: Tokens of the tuned run.
        batch: Its batch in tokens.
        to_n: Size of the wanted model.
        to_d: Tokens of the wanted run.
        to_batch: Its batch in tokens.
        width: Width of the tuned model, for muP.
        to_width: Width of the wanted model.
        layers: Layers of the tuned model, for muP in depth.
        to_layers: Layers of the wanted model.
        loss: Loss of the tuned run in nats per token, for laws in it.
        to_loss: Loss that the wanted run is to reach.
        schedule: Schedule of the tuned learning rate, in words.
        to_schedule: Schedule of the wanted one.
        weight_decay: Tuned weight decay of AdamW.
        critical_batch: Critical batch in tokens, for the rule that knows it.
        combine: Apply these rules one after the other: mup-width,step-rule.
        output: How the answer is written.
    """
    from isoloss.planning import transfer_lr

    for name, value in (("--lr", lr), ("--n", n), ("--d", d)):
        if value is None:
            raise InputError(
                "the tuned run is not described.",
                code="missing_argument",
                where=Where(field=name),
                hint="For example: isoloss transfer --lr 3e-3 --n 100M --d 2B --to-d 20B.",
            )
    assert lr is not None
    assert n is not None
    assert d is not None
    names = [name.strip() for item in combine or [] for name in item.split(",")]
    found = transfer_lr(
        lr,
        n,
        d,
        to_n=to_n,
        to_d=to_d,
        batch=batch,
        to_batch=to_batch,
        width=width,
        to_width=to_width,
        layers=layers,
        to_layers=to_layers,
        loss=loss,
        to_loss=to_loss,
        schedule=schedule,
        to_schedule=to_schedule,
        weight_decay=weight_decay,
        critical_batch=critical_batch,
        combine=names,
    )
    output.give(text=lambda: report(found), document=found.to_dict)


def report(found: Transfer) -> str:
    """The rules as text, with the version."""
    return f"{found.summary()}\n{footer(None, None)}"

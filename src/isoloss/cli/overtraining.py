"""``isoloss overtraining``: what another size costs at the same loss, and where a run stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import OUTPUT, Amount, Output, amounts, placed
from isoloss.cli.rates import SERVING, ServingOptions
from isoloss.cli.source import SOURCE, Source
from isoloss.cli.text import footer

if TYPE_CHECKING:
    from isoloss.planning.serving import Overtraining


def overtraining(
    budget: str | None = None,
    /,
    *,
    n: Amount | None = None,
    d: Amount | None = None,
    multiples: str = "1,5,20",
    source: Source = SOURCE,
    means: MeansOptions = MEANS,
    serving: ServingOptions = SERVING,
    output: Output = OUTPUT,
) -> None:
    """Say what another size costs at the same loss, and where a run stands.

    isoloss overtraining 1e24 --fit fit.json measures sizes against the compute-optimal run of a
    budget; isoloss overtraining --n 8B --d 15T --fit fit.json places one run: how far it is from
    the optimum of its own loss, and after how many served tokens that pays.

    Args:
        budget: Training compute in FLOP whose compute-optimal run sets the loss.
        n: Size of a run, such as 8B, with --d.
        d: Its training tokens, such as 15T.
        multiples: Multiples of the compute-optimal tokens per param to show.
        source: From what is planned.
        means: With what is trained.
        serving: With what is served.
        output: How the answer is written.
    """
    from isoloss.laws.compute import parse_flop
    from isoloss.planning.card import command_of
    from isoloss.planning.serving import overtraining as place

    with placed("BUDGET"):
        flop = None if budget is None else parse_flop(budget)
    chosen = amounts(multiples, "--multiples") or ()
    found, keywords = source.read()
    train, serve_on = serving.rates(means.means())
    curve = place(
        found,
        flop,
        n_params=n,
        tokens=d,
        multiples=chosen,
        train=train,
        serving=serve_on,
        **keywords,
    )
    words = () if budget is None else (budget,)
    other = None if multiples == "1,5,20" else multiples
    given = {"n": n, "d": d, "multiples": other, **source.again()}
    curve = replace(
        curve, command=command_of("overtraining", *words, **given, **serving.again(means))
    )
    output.give(text=lambda: report(curve), document=curve.to_dict)


def report(curve: Overtraining) -> str:
    """The curve as text, with what is needed to find it again."""
    return f"{curve.summary()}\n{footer(curve.facts['data_hash'], curve.facts['seed'])}"

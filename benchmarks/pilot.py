"""Do designed pilots keep what they promise? Simulated pilots, fitted and held against the truth.

    python benchmarks/pilot.py [--draws 200] [--case 0] [--narrow loss]

Each case has a truth, a law that is fitted, and a budget. The design is made at the truth where
both are the same law, and at the fitted law's best copy of the truth where they are not. Printed
per design: its runs, its largest budget as a share of the pilot's, half the width of the 90 %
interval that was expected (in log, the law right), 1.645 standard deviations of the refitted
answers (also by their median deviation), their median error, the median and the 90th percentile of
the absolute error, and the share of refits without an answer.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from isoloss.fitting import Fit, Huber, fit
from isoloss.fitting.problem import Coordinates, coordinates
from isoloss.laws import get_law
from isoloss.laws.compute import FlopRule
from isoloss.planning.pilot.belief import Belief, from_published, from_shipped
from isoloss.planning.pilot.cells import Cells, Limits, cells
from isoloss.planning.pilot.design import best_design, plain_designs
from isoloss.planning.pilot.question import Question, answers, ask
from isoloss.planning.pilot.sizes import Recipe, sizes
from isoloss.runs import Conventions, Points

Z = 1.645


def points_of(on_offer: Cells, chosen: np.ndarray, loss: np.ndarray) -> Points:
    """Simulated runs as a fit takes them."""
    return Points(
        run_id=tuple(f"r{i}" for i in range(len(chosen))),
        params=on_offer.params[chosen],
        tokens=on_offer.tokens[chosen],
        flop=on_offer.flop[chosen],
        loss=loss,
        unique_tokens=on_offer.tokens[chosen],
        tier=on_offer.group[chosen],
        columns={},
        codes={},
        conventions=Conventions(n="matmul", flop="palm", loss_unit="nats/token"),
        data_hash="simulated",
    )


def simulate(
    truth: Belief,
    held: Belief,
    question: Question,
    true_answer: float,
    on_offer: Cells,
    chosen: np.ndarray,
    noise: float,
    draws: int,
) -> dict[str, float]:
    """Refitted answers of one design, in log of the true one."""
    rng = np.random.default_rng(0)
    exact = truth.loss(on_offer.params[chosen], on_offer.tokens[chosen])
    found = []
    for _ in range(draws):
        loss = exact * np.exp(rng.normal(0, noise, len(chosen)))
        refit = fit(points_of(on_offer, chosen, loss), held.law, objective=Huber(), ci="none")
        value = answers(held, question, refit.theta[None], FlopRule())[0]
        found.append(np.log(value / true_answer))
    error = np.array(found)
    kept = error[np.isfinite(error)]
    return {
        "spread": Z * float(np.std(kept)),
        "robust": Z * 1.4826 * float(np.median(np.abs(kept - np.median(kept)))),
        "bias": float(np.median(kept)),
        "median": float(np.median(np.abs(kept))),
        "p90": float(np.quantile(np.abs(kept), 0.9)),
        "lost": 1 - len(kept) / draws,
    }


def best_copy(truth: Belief, law: str, on_offer: Cells) -> Belief:
    """Another law as near to the truth as it gets over the runs on offer, as what is believed."""
    every = np.arange(len(on_offer.params))
    loss = truth.loss(on_offer.params, on_offer.tokens)
    near = fit(points_of(on_offer, every, loss), law, ci="none")
    return replace(truth, law=near.law, theta=near.theta, where=_where(law), free=_free(near))


def _where(law: str) -> Coordinates:
    return coordinates(get_law(law))


def _free(near: Fit) -> np.ndarray:
    where = _where(near.law.name)
    phi = where.phi(near.theta)
    return (phi > where.lower) & (phi < where.upper)


def case(
    name: str,
    truth: Belief,
    law: str,
    recipe: Recipe,
    budget: float,
    draws: int,
    narrows: tuple[str, ...],
) -> None:
    """One truth, one fitted law, all designs, with and without drift, for the loss and N*."""
    limits = Limits(tokens=11.6e6 if recipe.vocab == 256 else np.inf)
    on_offer = cells(truth, recipe, sizes(recipe, truth.n), limits, budget)
    held = truth if law == truth.law.name else best_copy(truth, law, on_offer)
    target = 10 * budget
    for narrow in narrows:
        right = ask(truth, narrow, target).value
        done = set()
        for drift in (0.0, 0.005, 0.02):
            question = ask(held, narrow, target, drift=drift)
            design = best_design(held, question, on_offer, limits, budget)
            kinds = [(f"designed, drift {drift:.1%}", design.chosen)]
            kinds += [
                (p.name, p.chosen) for p in plain_designs(held, question, on_offer, limits, budget)
            ]
            for label, chosen in kinds:
                if label in done:
                    continue
                done.add(label)
                rows = question.rows(
                    held,
                    on_offer.params[chosen],
                    on_offer.tokens[chosen],
                    on_offer.flop[chosen],
                    drift=False,
                )
                half = Z * question.standard_error(rows @ rows.T)
                told = simulate(truth, held, question, right, on_offer, chosen, truth.noise, draws)
                top = on_offer.budgets[on_offer.group[chosen]].max() / budget
                print(
                    f"| {name} | {narrow} | {label} | {len(chosen)} | {top:.2f} | {half:.1%} | "
                    f"{told['spread']:.1%} | {told['robust']:.1%} | {told['bias']:+.1%} | "
                    f"{told['median']:.1%} | {told['p90']:.1%} | {told['lost']:.0%} |",
                    flush=True,
                )


def main() -> None:
    """All cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--case", type=int, choices=(0, 1, 2), help="only this one")
    parser.add_argument("--narrow", choices=("loss", "size"), action="append")
    asked = parser.parse_args()
    head = [
        "case",
        "narrowed",
        "design",
        "runs",
        "top",
        "expected",
        "spread",
        "robust",
        "bias",
        "median",
        "p90",
        "lost",
    ]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    large = Recipe(32_000, 2048, 131_072)
    byte = replace(from_shipped("chinchilla"), noise=0.005)
    coupled = replace(from_shipped("coupled"), noise=0.005)
    real = from_published("chinchilla")
    cases = [
        ("bytes, law right", byte, "chinchilla", Recipe(), 1e13),
        ("bytes, truth coupled", coupled, "chinchilla", Recipe(), 1e13),
        ("1e21, law right", real, "chinchilla", large, 1e21),
    ]
    for number, one in enumerate(cases):
        if asked.case in (None, number):
            case(*one, asked.draws, tuple(asked.narrow or ("loss", "size")))


if __name__ == "__main__":
    main()

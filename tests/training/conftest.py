"""A small corpus and small runs, made once per session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

try:
    import torch
except ModuleNotFoundError:
    torch = None

REASON = "training needs PyTorch (extra train): make test-train"


class NeedsTorch(pytest.Module):
    """A module of tests that cannot be imported here."""

    def collect(self):
        pytest.skip(REASON, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector):
    return NeedsTorch.from_parent(parent, path=module_path) if torch is None else None


TEXT = """
law of loss falls with size data and compute small runs say what large ones will reach
a model reads tokens in batches then steps down along its gradient until the rate is zero
"""
WORDS = TEXT.split()


def write_texts(folder: Path, count: int = 60, words: int = 200, seed: int = 0) -> Path:
    """Documents of random words, different from each other."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        text = " ".join(rng.choice(WORDS, words))
        (folder / f"{i:03d}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="session")
def corpus(texts: Path, tmp_path_factory: pytest.TempPathFactory):
    from isoloss.training.corpora import build_corpus

    home = tmp_path_factory.mktemp("corpora")
    return build_corpus({"text": str(texts)}, home, validation=0.1)


@pytest.fixture(autouse=True)
def one_thread():
    assert torch is not None
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

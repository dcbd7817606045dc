"""The pages about runs say what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss import datasets
from isoloss.errors import InputError
from isoloss.runs import COLUMNS, read

DOCS = Path(__file__).resolve().parents[2] / "docs"

SWEEP = """name,Model Size,tokens,val_loss,learning_rate,batch_size,seq_len,seed
s1,12.6M,0.25,4.182,2e-3,128,1024,0
s2,12.6M,1.0,3.871,2e-3,128,1024,0
s2b,12.6M,1.0,3.879,2e-3,128,1024,1
m1,51M,1.0,3.644,1e-3,256,1024,0
m2,51M,4.0,3.402,1e-3,256,1024,0
l1,124M,2.5,3.318,6e-4,256,1024,0
l2,124M,10,3.117,6e-4,512,1024,0
l2-hot,124M,10,nan,6e-3,512,1024,0
"""


def test_every_column_and_alias_is_listed():
    page = (DOCS / "reference" / "columns.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(lines) == len(COLUMNS)
    for column, line in zip(COLUMNS, lines, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[:2] == [f"`{column.name}`", column.meaning]
        listed = [name.strip("`* ") for name in cells[3].split(",") if name.strip()]
        assert listed == list(column.aliases)


def test_output_in_the_guide(tmp_path, monkeypatch):
    guide = (DOCS / "how-to" / "read-runs.md").read_text(encoding="utf-8")
    (tmp_path / "sweep.csv").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        read("sweep.csv")
    assert str(caught.value) in guide
    assert read("sweep.csv", scale={"tokens": 1e9}, loss_unit="nats/token").summary() in guide
    tiers = datasets.small_ladder().where("study = 'ladder'").coverage()
    shown = str(tiers.select("tier", "runs", "sizes", "best_params", "interior"))
    assert shown.split("\n", 1)[1] in guide

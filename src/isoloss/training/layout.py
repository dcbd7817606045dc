"""What the files of a ladder are called."""

from __future__ import annotations

PLAN = "ladder.json"
CORPORA = "corpora"
RUNS = "runs.parquet"
CURVES = "curves.parquet"
ROW = "row.json"
CURVE = "metrics.jsonl"
ATTEMPTS = "attempts"
TRUNKS = "trunks"
PEAK = "peak.json"
POPULATION = "population.json"
RESULT = "result.jsonl"
LOG = "trainer.log"

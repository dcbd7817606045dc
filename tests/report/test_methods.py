"""The methods section answers the whole checklist, and says what is not known."""

from __future__ import annotations

import polars as pl
import pytest

from isoloss.fitting import fit
from isoloss.report import checklist
from isoloss.report.methods import GROUPS
from isoloss.runs import read
from tests.figures.conftest import sweep

# Sections of the checklist of Li et al. 2025 (arXiv 2502.18969), with a word of each answer.
WANTED = {
    "What is asked?": "lowest loss",
    "Which form has the law?": "E + A / N**alpha",
    "Which parameters are fitted?": "5 of 5: E, A, B, alpha, beta",
    "What does N count?": "total",
    "What does D count?": "repeated",
    "How is compute counted?": "C as",
    "In which unit is the loss?": "nats/token",
    "How many runs?": "41 in 6 compute tiers; 1 more are excluded",
    "Over which range?": "D/N",
    "Training data": "Not in these files",
    "Tokenizer": "tokenizer",
    "Data on which the loss is measured": "eval_set",
    "Optimiser of the runs": "optimizer",
    "Learning-rate schedule": "lr_schedule",
    "Learning rate, batch, warm-up, seeds": "batch_tokens",
    "Which checkpoint of a run counts?": "One point per run",
    "What is minimised?": "Huber(0.001)",
    "How are runs weighed?": "alike",
    "By which optimiser, from where?": "starts",
    "Did it converge?": "Status ok",
    "What is held, tied or bounded?": "Nothing",
    "How well does it fit?": "rms",
    "Is there structure in the residuals?": "",
    "How are intervals made?": "90 % by bootstrap over compute tiers, 60 draws",
    "Was it tested on runs that it had not seen?": "cuts by tier",
    "How far does the answer extrapolate?": "decades",
    "From which data?": "SHA-256",
    "With which seed?": "0",
    "With which software?": "numpy",
}


@pytest.fixture(scope="module")
def answers(found, runs, answer, tested):
    from isoloss.validation import diagnose

    return checklist(found, runs, answer, tested, diagnose(found))


def test_every_question_is_answered_in_order(answers):
    assert [one.question for one in answers] == list(WANTED)
    for one in answers:
        assert WANTED[one.question] in one.answer
        assert one.answer.strip().endswith(".")
    order = [GROUPS.index(one.group) for one in answers]
    assert order == sorted(order)
    assert set(order) == set(range(len(GROUPS)))


def test_what_is_not_known_is_open(answers):
    open_ones = {one.question for one in answers if not one.known}
    assert "Tokenizer" in open_ones
    assert "How many runs?" not in open_ones


def test_columns_of_the_table_close_questions():
    frame = sweep().frame.select("n_total", "tokens", "flop", "loss")
    told_table = read(
        frame.with_columns(tokenizer=pl.lit("gpt2"), dataset=pl.lit("C4"), lr=pl.lit(3e-4))
    )
    told = checklist(fit(told_table, ci="none"), told_table)
    by_question = {one.question: one for one in told}
    assert by_question["Tokenizer"].answer == "gpt2."
    assert by_question["Training data"].known
    assert by_question["Learning rate, batch, warm-up, seeds"].known


def test_without_backtest_runs_and_intervals():
    bare = fit(sweep(), ci="none", fixed={"E": 1.8}, bounds={"alpha": (0.1, 0.9)})
    by_question = {one.question: one for one in checklist(bare)}
    assert not by_question["How are intervals made?"].known
    assert not by_question["Was it tested on runs that it had not seen?"].known
    assert by_question["What is held, tied or bounded?"].answer.startswith(
        "E = 1.8; 0.1 ≤ alpha ≤ 0.9."
    )
    assert by_question["Which parameters are fitted?"].answer == "4 of 5: A, B, alpha, beta."

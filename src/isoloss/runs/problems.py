"""What should the user know about a table of runs before trusting a fit to it?"""

from __future__ import annotations

import numpy as np
import polars as pl

from isoloss.runs.columns import BY_NAME
from isoloss.runs.conventions import Conventions
from isoloss.runs.coverage import MIN_BUDGETS, coverage
from isoloss.runs.grading import EXCLUDED, Problem, undecayed
from isoloss.runs.quantities import format_quantity

# Tokens and steps * batch may differ by warm-up of the batch or rounding, not by more.
_TOKENS_TOLERANCE = 0.05
# Below, the warm-up and the first descent are most of a run (measured on the shipped ladders).
FEWEST_STEPS = 300
# Between the FLOP conventions, C / 6ND goes from 0.5 to 5 (interesting shapes included).
_FLOP_RATIO = (0.4, 5.0)
_HIGH_LOSS = 1.25
_LARGEST_LOSS = 16.0
_MAX_BINS = 128


def find_problems(frame: pl.DataFrame, conventions: Conventions) -> tuple[Problem, ...]:
    """All findings about a graded table, errors first.

    Args:
        frame: canonical columns with ``status`` and ``reason``, and the user's own columns.
        conventions: which count is N.
    """
    ok = frame.filter(pl.col("status") == "ok")
    found = [
        *_excluded(frame),
        *_mixed(ok),
        *_odd_losses(ok),
        *_unique_above_tokens(ok),
        *_tokens_against_steps(ok),
        *_flop_against_6nd(ok, conventions),
        *_high_losses(ok, conventions),
        *_not_decayed(ok),
        *_bent(ok),
        *_coverage(ok, conventions),
    ]
    order = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(found, key=lambda problem: order[problem.severity]))


def _excluded(frame: pl.DataFrame) -> list[Problem]:
    """Excluded runs, by kind of reason."""
    excluded = frame.filter(pl.col("status") == EXCLUDED).select(
        "run_id", kind=pl.col("reason").str.split(":").list.first()
    )
    codes = {
        "no loss": "no_loss",
        "learning rate not decayed at the end": "not_decayed",
        "diverged": "diverged",
        "unfinished": "unfinished",
        "duplicate": "duplicate",
    }
    problems: list[Problem] = []
    for (kind,), group in excluded.group_by("kind", maintain_order=True):
        code = codes.get(str(kind), "missing_value" if "missing" in str(kind) else "excluded")
        runs = "1 run" if group.height == 1 else f"{group.height} runs"
        problems.append(
            Problem(code, "warning", f"{runs} excluded: {kind}", tuple(group["run_id"].to_list()))
        )
    return problems


def _mixed(ok: pl.DataFrame) -> list[Problem]:
    """Losses that must not meet in one fit."""
    problems: list[Problem] = []
    for name in ("loss_unit", "tokenizer", "eval_set"):
        if name not in ok.columns:
            continue
        values = ok[name].drop_nulls().unique().sort().to_list()
        if len(values) > 1:
            shown = ", ".join(map(str, values[:5]))
            column = _name_in_input(ok, name)
            message = (
                f"{len(values)} values of {name} ({shown}): losses do not compare across them, "
                f"so fit one at a time with --where \"{column} = '{values[0]}'\""
            )
            problems.append(Problem(f"mixed_{name}", "error", message))
    if "flop_convention" in ok.columns:
        values = ok["flop_convention"].drop_nulls().unique().sort().to_list()
        if len(values) > 1:
            message = f"FLOP are counted in {len(values)} ways ({', '.join(values)})"
            problems.append(Problem("mixed_flop_convention", "warning", message))
    return problems


def _odd_losses(ok: pl.DataFrame) -> list[Problem]:
    """Losses that may be perplexities or percentages."""
    if ok.height == 0 or not (ok["loss"] > _LARGEST_LOSS).any():
        return []
    high = ok["loss"] > _LARGEST_LOSS
    message = (
        f"{high.sum()} runs have a loss above {_LARGEST_LOSS:.0f}, more than guessing among 10 "
        "million tokens costs: is it a perplexity? Then take its logarithm"
    )
    return [Problem("odd_loss", "warning", message, _ids(ok, high))]


def _name_in_input(ok: pl.DataFrame, name: str) -> str:
    """The user's own name of a canonical text column, which is what ``--where`` knows."""
    for own, dtype in ok.schema.items():
        if own not in BY_NAME and dtype == pl.String and ok[own].equals(ok[name], null_equal=True):
            return own
    return name


def _unique_above_tokens(ok: pl.DataFrame) -> list[Problem]:
    if not {"tokens", "unique_tokens"} <= set(ok.columns):
        return []
    above = (ok["unique_tokens"] > 1.001 * ok["tokens"]).fill_null(False)
    if not above.any():
        return []
    message = (
        f"{above.sum()} runs have more unique tokens than tokens; unique_tokens are those that the "
        "run saw, not the size of the corpus"
    )
    return [Problem("unique_exceeds_tokens", "warning", message, _ids(ok, above))]


def _tokens_against_steps(ok: pl.DataFrame) -> list[Problem]:
    if not {"tokens", "steps", "batch_tokens"} <= set(ok.columns):
        return []
    ratio = ok["tokens"] / (ok["steps"] * ok["batch_tokens"])
    off = ((ratio - 1).abs() > _TOKENS_TOLERANCE).fill_null(False)
    if not off.any():
        return []
    worst = ratio.filter(off).to_numpy()
    low, high = float(worst.min()), float(worst.max())
    message = (
        f"{off.sum()} runs: tokens are {low:.3g} to {high:.3g} times steps x batch_tokens; is the "
        "batch in sequences, or does one of the columns belong to another stage?"
    )
    return [Problem("implausible_tokens", "warning", message, _ids(ok, off))]


def _flop_against_6nd(ok: pl.DataFrame, conventions: Conventions) -> list[Problem]:
    n = conventions.n_column
    if not {n, "tokens", "flop"} <= set(ok.columns):
        return []
    ratio = ok["flop"] / (6.0 * ok[n] * ok["tokens"])
    low, high = _FLOP_RATIO
    off = ((ratio < low) | (ratio > high)).fill_null(False)
    if not off.any():
        return []
    worst = ratio.filter(off).to_numpy()
    message = (
        f"{off.sum()} runs: flop is {worst.min():.3g} to {worst.max():.3g} times 6 N D; check the "
        "units, which N is meant, and whether recomputation was counted"
    )
    return [Problem("flop_far_from_6nd", "warning", message, _ids(ok, off))]


def _high_losses(ok: pl.DataFrame, conventions: Conventions) -> list[Problem]:
    """Runs far above a run with no more parameters and no more tokens: diverged, or overfitted."""
    n = conventions.n_column
    if ok.height < 3 or not {n, "tokens"} <= set(ok.columns):
        return []
    rows, n_rows = _bins(ok[n].to_numpy())
    columns, n_columns = _bins(ok["tokens"].to_numpy())
    loss = ok["loss"].to_numpy()
    best = np.full((n_rows, n_columns), np.inf)
    np.minimum.at(best, (rows, columns), loss)
    best = np.minimum.accumulate(np.minimum.accumulate(best, axis=0), axis=1)
    ratio = loss / best[rows, columns]
    high = pl.Series(ratio > _HIGH_LOSS)
    if not high.any():
        return []
    message = (
        f"{high.sum()} runs have a loss 1.25 to {ratio.max():.3g} times that of a run that is no "
        "larger and no longer: diverged, badly tuned or overfitted? Exclude them if so"
    )
    return [Problem("high_loss", "warning", message, _ids(ok, high))]


def _bins(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Bin number of each value, one bin per distinct value up to a limit."""
    edges = np.unique(values)
    if len(edges) > _MAX_BINS:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, _MAX_BINS + 1)[:-1]))
    return np.searchsorted(edges, values, side="right") - 1, len(edges)


def _not_decayed(ok: pl.DataFrame) -> list[Problem]:
    high = undecayed(ok)
    if high is None or ok.height == 0:
        return []
    kept = ok.select(high).to_series()
    if not kept.any():
        return []
    message = (
        f"{kept.sum()} runs end at a high learning rate: their losses compare with each other, but "
        "lie above what decayed runs reach"
    )
    return [Problem("undecayed_kept", "warning", message, _ids(ok, kept))]


def _bent(ok: pl.DataFrame) -> list[Problem]:
    """Runs that are known to bend away from any law of N and D: very short ones, and one layer."""
    marks = {
        "short_runs": (
            "steps",
            pl.col("steps") < FEWEST_STEPS,
            f"fewer than {FEWEST_STEPS} steps",
        ),
        "one_layer": ("n_layers", pl.col("n_layers") == 1, "one layer"),
    }
    problems: list[Problem] = []
    for code, (name, condition, what) in marks.items():
        if name not in ok.columns:
            continue
        bent = ok.select(condition.fill_null(False)).to_series()
        # Where all runs are like that, they may still follow a law of their own.
        if bent.any() and not bent.all():
            have = "1 run has" if bent.sum() == 1 else f"{bent.sum()} runs have"
            message = f"{have} {what}: such runs bend away from laws of N and D"
            problems.append(Problem(code, "info", message, _ids(ok, bent)))
    return problems


def _coverage(ok: pl.DataFrame, conventions: Conventions) -> list[Problem]:
    tiers = coverage(ok, conventions)
    if tiers.height == 0:
        return [Problem("no_runs", "error", "no run is left to fit to")]
    n_runs = ok.height
    problems: list[Problem] = []
    if tiers.height < MIN_BUDGETS and "flop" in ok.columns:
        message = (
            f"{tiers.height} compute budgets; a law needs at least {MIN_BUDGETS}, spread over a "
            "decade or more"
        )
        problems.append(Problem("too_few_budgets", "warning", message))
    parts = [f"{n_runs} runs in {tiers.height} compute tiers"]
    if "flop_lo" in tiers.columns:
        flop = ok["flop"].to_numpy()
        parts[0] += f", {np.log10(flop.max() / flop.min()):.1f} decades of FLOP"
    if "params_lo" in tiers.columns:
        params = ok[conventions.n_column].to_numpy()
        parts.append(f"N {format_quantity(params.min())} to {format_quantity(params.max())}")
        swept = tiers.filter(pl.col("sizes") >= 3)
        inside = swept.filter(pl.col("interior")).height
        parts.append(f"best N inside the sizes tried in {inside} of {swept.height} tiers")
    problems.append(Problem("coverage", "info", "; ".join(parts)))
    return problems


def _ids(frame: pl.DataFrame, mask: pl.Series) -> tuple[str, ...]:
    return tuple(frame["run_id"].filter(mask).to_list())

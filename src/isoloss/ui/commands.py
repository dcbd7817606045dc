"""The command lines that give the same numbers as a page."""

from __future__ import annotations

import re
import shlex

from isoloss.ui.state import State

_PLAIN = State()
_SPECIAL = re.compile(r'["$`\\!]')
# The backtest has its own number of refits.
BACKTEST_DRAWS = 200


def command_lines(page: str, state: State, sources: list[str]) -> list[str]:
    """What to type for a page.

    Args:
        page: ``runs``, ``fit``, ``backtest``, ``plan`` or ``pilot``.
        state: what the page shows.
        sources: the files of the table, as named on this machine.
    """
    table = [*sources, *state.reading.words()]
    if page == "plan" and not (sources and state.law):
        return [_line("plan", state.flop, "--published")] if state.flop else []
    if not sources:
        return []
    match page:
        case "runs":
            return [_line("runs", "check", *table)]
        case "fit":
            return [_fit(table, state, law) for law in state.law]
        case "backtest":
            return [_backtest(table, state)] if state.law else []
        case "plan":
            words = ["--u", state.u] if state.u else []
            if state.flop_per_token != _PLAIN.flop_per_token:
                words += ["--flop-per-token", state.flop_per_token]
            lines = [_fit(table, state, state.picked)]
            if state.tested:
                lines.append(f"{_backtest(table, state)} --save backtest.json")
                words += ["--backtest", "backtest.json"]
            return [*lines, _line("plan", state.flop, "--fit", "fit.json", *words)]
        case _:
            if not state.law:
                return []
            words = ["--target", state.target] if state.target else []
            words += ["--budget", state.budget] if state.budget else []
            return [_fit(table, state, state.picked), _line("diagnose", "fit.json", *words)]


def _fit(table: list[str], state: State, law: str) -> str:
    return _line("fit", *table, "--law", law, *_settings(state), "--save", "fit.json")


def _backtest(table: list[str], state: State) -> str:
    words = [word for word in (("--target", state.target) if state.target else ())]
    if state.by != _PLAIN.by:
        words += ["--by", state.by]
    chosen = _settings(state, draws=False)
    return _line("backtest", *table, "--law", ",".join(state.law), *words, *chosen)


def _settings(state: State, *, draws: bool = True) -> list[str]:
    words: list[str] = []
    for name in ("objective", "delta", "ci", *(("draws",) if draws else ()), "seed"):
        value = getattr(state, name)
        if value != getattr(_PLAIN, name):
            words += [f"--{name}", str(value)]
    return words


def _line(*words: str) -> str:
    return " ".join(["isoloss", *map(quoted, words)])


def quoted(word: str) -> str:
    """A word as a shell takes it; with single quotes inside, double ones around it read best."""
    if "'" in word and not _SPECIAL.search(word):
        return f'"{word}"'
    return shlex.quote(word)

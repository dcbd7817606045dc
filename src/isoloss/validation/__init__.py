"""Should it be believed? Backtests, drift of the answer, and verdicts."""

from isoloss.validation.backtest import backtest
from isoloss.validation.result import Backtest
from isoloss.validation.verdict import Finding

__all__ = ["Backtest", "Finding", "backtest"]

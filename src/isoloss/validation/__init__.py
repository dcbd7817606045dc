"""Should it be believed? Backtests, drift of the answer, and verdicts."""

"""Hand it over: one file with the answer, its figures, every warning and how it was made.

``write_report("report.html", fit, plan, backtest, runs)`` writes it; ``render`` gives the text.
"""

from __future__ import annotations

from isoloss.report.content import Content, collect
from isoloss.report.methods import Answered, checklist
from isoloss.report.writing import render, write_report

__all__ = ["Answered", "Content", "checklist", "collect", "render", "write_report"]

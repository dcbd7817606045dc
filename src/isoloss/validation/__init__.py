"""Should it be believed? Backtests, comparison of laws and recipes, diagnostics, sensitivity."""

from isoloss.validation.backtest import backtest
from isoloss.validation.compare import compare
from isoloss.validation.comparison import Comparison
from isoloss.validation.criteria import Criteria, criteria, likelihood_ratio
from isoloss.validation.diagnosis import Diagnosis
from isoloss.validation.diagnostics import diagnose
from isoloss.validation.forest import Sensitivity
from isoloss.validation.identifiability import identify, profile_curve
from isoloss.validation.identification import Identifiability
from isoloss.validation.recipe_comparison import RecipeComparison
from isoloss.validation.recipes import compare_recipes, multiplier_at
from isoloss.validation.result import Backtest
from isoloss.validation.sensitivity import sensitivity
from isoloss.validation.stacking import Stack, stack
from isoloss.validation.verdict import Finding

__all__ = [
    "Backtest",
    "Comparison",
    "Criteria",
    "Diagnosis",
    "Finding",
    "Identifiability",
    "RecipeComparison",
    "Sensitivity",
    "Stack",
    "backtest",
    "compare",
    "compare_recipes",
    "criteria",
    "diagnose",
    "identify",
    "likelihood_ratio",
    "multiplier_at",
    "profile_curve",
    "sensitivity",
    "stack",
]

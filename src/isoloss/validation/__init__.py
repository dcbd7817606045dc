"""Should it be believed? Backtests, comparison of laws and recipes, diagnostics, sensitivity."""

from isoloss.validation.backtest import backtest
from isoloss.validation.compare import compare
from isoloss.validation.comparison import Comparison
from isoloss.validation.criteria import Criteria, criteria, likelihood_ratio
from isoloss.validation.diagnosis import Diagnosis
from isoloss.validation.diagnostics import diagnose
from isoloss.validation.discrepancy import past_coverage
from isoloss.validation.forecast import forecast
from isoloss.validation.forecast_result import Forecast
from isoloss.validation.forest import Sensitivity
from isoloss.validation.identifiability import identify, profile_curve
from isoloss.validation.identification import Identifiability
from isoloss.validation.noise import Noise, noise
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
    "Forecast",
    "Identifiability",
    "Noise",
    "RecipeComparison",
    "Sensitivity",
    "Stack",
    "backtest",
    "compare",
    "compare_recipes",
    "criteria",
    "diagnose",
    "forecast",
    "identify",
    "likelihood_ratio",
    "multiplier_at",
    "noise",
    "past_coverage",
    "profile_curve",
    "sensitivity",
    "stack",
]

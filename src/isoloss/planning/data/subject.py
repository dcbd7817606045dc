"""By which law are data planned? A fit of the user's runs, or published coefficients, alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit
from isoloss.laws import Law, Published, get_law, get_published
from isoloss.laws.compute import FlopRule, flop_rule
from isoloss.laws.optimum import Surface, allocate
from isoloss.planning.data.trust import Trust, judge
from isoloss.planning.plan import search_bounds
from isoloss.planning.published import LEVEL, published_bounds

Array = NDArray[np.float64]
NEEDED = {"N", "D", "U"}
MIN_EPOCHS = 1.5
HALVINGS = 60


@dataclass(frozen=True)
class Subject:
    """A law in N, D and U with its parameters, and what they came from.

    Attributes:
        law: the law.
        theta: the estimate (P,).
        draws: possible parameters (K, P); none for published coefficients.
        rule: FLOP per token.
        level: nominal coverage of intervals.
        fit: the fit, or None.
        published: the coefficients, or None.
    """

    law: Law
    theta: Array
    draws: Array
    rule: FlopRule
    level: float
    fit: Fit | None
    published: Published | None

    @property
    def name(self) -> str:
        """The law, with the key of published coefficients."""
        return self.law.name if self.published is None else f"{self.law.name}:{self.published.key}"

    @property
    def saturates(self) -> bool:
        """Whether it is the repetition law, in which what repetition adds levels off."""
        return "RD" in self.law.names

    @property
    def source(self) -> str:
        """Of published coefficients; empty for a fit."""
        return "" if self.published is None else f"{self.published.key}: {self.published.source}"

    @property
    def conventions(self) -> dict[str, str]:
        """What N, C and the loss mean."""
        if self.published is not None:
            named = self.published
            return {"n": named.n, "flop": "6nd", "loss_unit": named.loss_unit}
        assert self.fit is not None
        found = self.fit.points.conventions.to_dict()
        return found | {"flop": "6nd"} if self.rule.name == "6nd" else found

    @property
    def most_epochs(self) -> float:
        """How often the runs behind it read their data at most; infinite where nobody says."""
        if self.fit is None:
            return float("inf")
        return float(np.max(self.fit.points.tokens / self.fit.points.unique_tokens))

    def trust(self, params: float, tokens: float, unique_tokens: float, size: float) -> Trust:
        """Whether a run lies where the law has held; ``size`` is N_opt of its unique tokens."""
        most = float("inf")
        if self.fit is not None:
            # N_opt grows about as U does, so crowding stands for oversize.
            crowding = float(np.max(self.fit.points.params / self.fit.points.unique_tokens))
            most = max(1.0, crowding * unique_tokens / size)
        return judge(
            tokens / unique_tokens,
            params / size,
            saturates=self.saturates,
            most_epochs=self.most_epochs,
            most_oversize=most,
        )

    def surface(self, unique_tokens: float | None) -> Surface:
        """The law with what ties N, D and C."""
        return Surface(self.law, self.rule, unique_tokens)

    def bounds(self, flop: float) -> tuple[float, float]:
        """The N among which an optimum is looked for."""
        return published_bounds(flop) if self.fit is None else search_bounds(self.fit, flop)

    def value(self, params: float, tokens: float, unique_tokens: float) -> float:
        """The loss of a run by the estimate."""
        x = {"N": params, "D": tokens, "U": min(unique_tokens, tokens)}
        return float(self.law.value(self.theta, x))

    def parameter(self, name: str) -> tuple[float, Array]:
        """A parameter: its estimate, and its draws (K,)."""
        at = self.law.names.index(name)
        return float(self.theta[at]), self.draws[:, at]

    def size_for(self, unique_tokens: float) -> float:
        """The size that is compute-optimal for one epoch of these tokens: N_opt(U)."""
        flop = self.compute_for(unique_tokens)
        return self._fresh(flop)[0]

    def compute_for(self, unique_tokens: float) -> float:
        """The compute whose optimum reads these tokens once."""
        low, high = np.log(unique_tokens) - 10.0, 2.0 * np.log(unique_tokens) + 20.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            more = self._fresh(float(np.exp(middle)))[1] > unique_tokens
            low, high = (low, middle) if more else (middle, high)
        return float(np.exp(0.5 * (low + high)))

    def _fresh(self, flop: float) -> tuple[float, float]:
        found = allocate(self.surface(None), self.theta[:, None], flop, self.bounds(flop))
        return float(found.params[0]), float(found.tokens[0])


def subject(
    source: Fit | Law | str, *, key: str | None = None, flop_per_token: str = "6nd"
) -> Subject:
    """The law that is meant.

    Args:
        source: a fit, or a law with published coefficients, or its name.
        key: which published coefficients; the law's default ones if None.
        flop_per_token: ``6nd`` for C = 6 N D, or ``runs`` for what the runs cost per token.

    Raises:
        InputError: there is no such law, or there are no such coefficients.
        EvidenceError: the law is not in N, D and U, or its runs never repeat.
    """
    if isinstance(source, Fit):
        require_unique(source.law)
        require_repetition(source)
        rule = flop_rule(flop_per_token, source.points)
        return Subject(source.law, source.theta, source.draws, rule, source.level, source, None)
    if flop_per_token != "6nd":
        raise InputError(
            "only runs can say what they cost per token, and there are none.",
            code="conflicting_options",
            where=Where(field="flop_per_token"),
            hint="Leave it out, or give a fit.",
        )
    law = get_law(source)
    require_unique(law)
    published = get_published(law, key)
    theta = np.array([published.values[name] for name in law.names])
    draws = np.empty((0, len(theta)))
    return Subject(law, theta, draws, FlopRule(), LEVEL, None, published)


def require_unique(law: Law) -> None:
    """Refuse a law to which a repeated token is as good as a new one.

    Raises:
        EvidenceError: it is not a law in N, D and U.
    """
    if set(law.variables) != NEEDED:
        raise EvidenceError(
            f"law {law.name} is in {', '.join(law.variables)}; what repeated data are worth needs "
            "a law in N, D and U (unique tokens).",
            code="law_without_unique_tokens",
            hint="Fit repetition, or lovelace if the loss of some runs rises again, to runs that "
            "repeat data; or plan by --law repetition --published.",
        )


def require_repetition(fit: Fit) -> None:
    """Refuse runs that cannot say what a repeated token is worth.

    Raises:
        EvidenceError: no run reads its data more than 1.5 times, and the parameters of repetition
            are fitted.
    """
    own = set(fit.law.names) & {"RD", "RN", "P", "delta", "kappa"}
    epochs = float(np.max(fit.points.tokens / fit.points.unique_tokens))
    if epochs >= MIN_EPOCHS or own <= set(fit.constraints.fixed):
        return
    raise EvidenceError(
        f"no run reads its data more than {epochs:.2g} times, so nothing says what a repeated "
        "token is worth.",
        code="no_repetition",
        hint="Add runs that read 4 and 16 epochs (a column unique_tokens says so), or hold "
        f"{', '.join(sorted(own))} at published values with --fix.",
    )

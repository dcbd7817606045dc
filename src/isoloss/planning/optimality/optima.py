"""What does 'optimal' mean, and what does each meaning train? The verb ``iso.optima``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.fitting import Fit, Notice, Quantity
from isoloss.laws import Law
from isoloss.laws.compute import format_flop
from isoloss.laws.optimum import allocate
from isoloss.planning.basis import Basis, basis_of
from isoloss.planning.card import shown
from isoloss.planning.equal_loss import params_at_flop
from isoloss.planning.hardware import Budget
from isoloss.planning.optimality.frontier import Frontier
from isoloss.planning.optimality.limits import BF16_BYTES, HOURS_PER_DAY, Limits
from isoloss.planning.optimality.result import Choice, Optima
from isoloss.planning.optimality.strategies import Strategy, strategies
from isoloss.planning.serving.lifetime import TRAINING_TOKENS_PER_SERVED, lowest_loss
from isoloss.planning.serving.terms import Speed, Terms, flop_of
from isoloss.runs import format_quantity, parse_quantity

Array = NDArray[np.float64]
Amount = float | str | None


def optima(
    source: Fit | Law | str,
    flop: float | str | Budget,
    *,
    n_params: Amount = None,
    tokens: Amount = None,
    memory_bytes: Amount = None,
    bytes_per_param: float = BF16_BYTES,
    served: Amount = None,
    deadline_days: float | None = None,
    devices: int | None = None,
    money: Amount = None,
    train: Speed | None = None,
    serving: Speed | None = None,
    key: str | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> Optima:
    """What each type of optimality, and each rule that people use, trains with one budget.

    Args:
        source: a fit of a law in N and D; or a law with published coefficients, or its name.
        flop: the budget: FLOP, or device-hours or money where ``train`` is a ``Rate``.
        n_params: a given size: data-optimal.
        tokens: given training tokens: parameter-optimal.
        memory_bytes: memory that the weights must fit into: parameter-optimal.
        bytes_per_param: what a weight takes there.
        served: tokens that the model will serve: inference-optimal.
        deadline_days: days within which it must be trained: time-optimal.
        devices: how many devices train it.
        money: what may be spent on training and serving: money-optimal.
        train: speed and price of the training devices.
        serving: those of the serving devices; the training ones by default.
        key: with a law, which published coefficients.
        unique_tokens: distinct tokens there are, for laws in U.
        flop_per_token: ``6nd``, or ``runs`` for what the runs of a fit cost per token.

    Raises:
        InputError: an argument is unusable, or limits contradict each other: the one that binds
            is named.
        EvidenceError: the runs cannot answer.
    """
    basis = basis_of(source, key=key, unique_tokens=unique_tokens, flop_per_token=flop_per_token)
    terms = Terms(train, serving)
    budget = flop_of(flop, train, devices)
    limits = Limits(
        flop=budget,
        n_params=_count(n_params),
        tokens=_count(tokens),
        memory_bytes=_count(memory_bytes),
        bytes_per_param=bytes_per_param,
        served_tokens=_count(served),
        deadline_days=deadline_days,
        devices=devices,
        money=_count(money),
    )
    limits.check(basis.surface.rule, terms)
    bench = _Bench(basis, terms, limits)
    rules = [_strategy(bench, one) for one in strategies(budget, basis.surface.rule)]
    best = float(bench.best_params[0]), float(bench.best_tokens[0])
    return Optima(
        flop=budget,
        limits=vars(limits),
        rows=(*_criteria(bench), *sorted(rules, key=lambda row: row.regret.estimate)),
        not_asked=tuple(_not_asked(limits, terms)),
        terms=terms.to_dict(),
        decades_beyond_data=basis.decades_beyond(budget),
        facts=basis.facts,
        warnings=basis.warnings(budget, *best),
        notes=tuple(_notes(basis, rules)),
    )


def _count(amount: Amount) -> float | None:
    return None if amount is None else parse_quantity(amount)


@dataclass(frozen=True)
class _Bench:
    """A basis at one budget, against which choices are measured."""

    basis: Basis
    terms: Terms
    limits: Limits

    @cached_property
    def _best(self) -> tuple[Array, Array]:
        found = self.basis.optimum(self.limits.flop)
        return found.params, found.tokens

    @property
    def best_params(self) -> Array:
        """N* of the budget (1 + K,)."""
        return self._best[0]

    @property
    def best_tokens(self) -> Array:
        """D* of the budget (1 + K,)."""
        return self._best[1]

    @cached_property
    def best_loss(self) -> Array:
        """Its loss (1 + K,)."""
        return self.basis.loss(self.best_params, self.best_tokens)

    @cached_property
    def frontier(self) -> Frontier:
        """Compute that compute-optimal runs need for a loss."""
        return Frontier(self.basis, self.limits.flop)

    def optimum(self, flop: float) -> tuple[Array, Array]:
        """The compute-optimal run of another budget (1 + K,)."""
        basis = self.basis
        found = allocate(basis.surface, basis.columns, flop, basis.bounds(flop))
        return found.params, found.tokens

    def per_token(self, params: Array) -> Array:
        """FLOP per training token."""
        with np.errstate(all="ignore"):
            return self.basis.surface.rule.per_token(params)

    def choice(
        self,
        name: str,
        rule: str,
        binds: str,
        params: Array,
        tokens: Array,
        *,
        kind: str = "criterion",
        n_convention: str = "",
        source: str = "",
    ) -> Choice:
        """The numbers of a way to spend the budget; arrays (1 + K,) or single numbers."""
        basis, terms, limits = self.basis, self.terms, self.limits
        shape = basis.columns.shape[1:]
        n, d = np.broadcast_to(params, shape), np.broadcast_to(tokens, shape)
        loss = basis.loss(n, d)
        with np.errstate(all="ignore"):
            flop = self.per_token(n) * d
            served = self.per_token(n) * TRAINING_TOKENS_PER_SERVED * (limits.served_tokens or 0)
            # Rounding must not make anything look better than the best.
            regret = loss / self.best_loss - 1.0
            regret = np.where(np.abs(regret) < 1e-12, 0.0, regret)
            needed = self.frontier.flop_needed(n, d, loss) / flop
        q = basis.quantity
        return Choice(
            name=name,
            kind=kind,
            rule=rule,
            binds=binds,
            n_params=q(n),
            tokens=q(d),
            tokens_per_param=q(d / n),
            loss=q(loss),
            regret=q(regret),
            flop=q(flop),
            flop_needed=q(needed),
            lifetime_flop=None if limits.served_tokens is None else q(flop + served),
            days=self._days(flop),
            money=q(terms.amount(flop, served)) if terms.unit == "money" else None,
            n_convention=n_convention,
            source=source,
        )

    def _days(self, flop: Array) -> Quantity | None:
        if self.terms.train is None or self.limits.devices is None:
            return None
        per_day = self.terms.train.flop_per_device_hour * HOURS_PER_DAY * self.limits.devices
        return self.basis.quantity(flop / per_day)


def _criteria(bench: _Bench) -> Iterator[Choice]:
    """The types of optimality that can be answered with what is given."""
    limits, flop = bench.limits, bench.limits.flop
    yield bench.choice(
        "compute-optimal",
        "lowest loss for the training compute",
        "budget",
        bench.best_params,
        bench.best_tokens,
    )
    if limits.n_params is not None:
        params = np.asarray(limits.n_params)
        rule = f"all the tokens that the budget pays for at N = {format_quantity(limits.n_params)}"
        tokens = flop / bench.per_token(params)
        yield bench.choice("data-optimal", rule, "size", params, tokens)
    if limits.tokens is not None:
        tokens = np.asarray(limits.tokens)
        rule = f"the size that the budget pays for on {format_quantity(limits.tokens)} tokens"
        params = params_at_flop(bench.basis.surface, np.asarray(flop / limits.tokens))
        yield bench.choice("parameter-optimal (data)", rule, "tokens", params, tokens)
    if limits.n_params is not None and limits.tokens is not None:
        n, d = np.asarray(limits.n_params), np.asarray(limits.tokens)
        yield bench.choice("as given", "that size on those tokens", "size", n, d)
    if limits.largest is not None:
        yield _in_memory(bench, limits.largest)
    if limits.served_tokens is not None:
        yield _served(bench, limits.served_tokens)
    in_time = limits.deadline_flop(bench.terms)
    if in_time is not None:
        least = min(in_time, flop)
        rule = (
            f"lowest loss in {limits.deadline_days:g} days on {limits.devices:,.0f} devices, which "
            f"do {format_flop(in_time)} FLOP"
        )
        binds = "deadline" if in_time < flop else "budget"
        yield bench.choice("time-optimal", rule, binds, *bench.optimum(least))
    if bench.terms.unit == "money":
        yield _for_money(bench)


def _in_memory(bench: _Bench, largest: float) -> Choice:
    """The best size among those that fit; the law is taken to fall up to N*."""
    params = np.minimum(bench.best_params, largest)
    binds = "memory" if bench.best_params[0] > largest else "budget"
    rule = (
        f"lowest loss among the sizes whose weights fit, {format_quantity(largest)} at "
        f"{bench.limits.bytes_per_param:g} bytes each"
    )
    with np.errstate(all="ignore"):
        tokens = bench.limits.flop / bench.per_token(params)
    return bench.choice("parameter-optimal (memory)", rule, binds, params, tokens)


def _served(bench: _Bench, served: float) -> Choice:
    """The lowest loss for what the compute-optimal run takes to train and to serve."""
    basis = bench.basis
    amount = served * TRAINING_TOKENS_PER_SERVED
    with np.errstate(all="ignore"):
        lifetime = bench.per_token(bench.best_params) * (bench.best_tokens + amount)
    there = np.isfinite(lifetime) & (lifetime > 0)
    safe = np.where(there, lifetime, float(lifetime[0]))
    low = basis.bounds(bench.limits.flop)[0]
    params, tokens = lowest_loss(basis.surface, basis.columns, safe, amount, low)
    rule = (
        f"lowest loss for what the compute-optimal run takes to train and to serve "
        f"{format_quantity(served)} tokens, {format_flop(float(lifetime[0]))} FLOP"
    )
    return bench.choice(
        "inference-optimal",
        rule,
        "lifetime",
        np.where(there, params, np.inf),
        np.where(there, tokens, 0.0),
    )


def _for_money(bench: _Bench) -> Choice:
    """The lowest loss for the money, serving included where tokens are served."""
    basis, terms, limits = bench.basis, bench.terms, bench.limits
    served = limits.served_tokens or 0.0
    amount = terms.in_training_tokens(served)
    given = limits.money_flop(terms)
    if given is None:
        equal = float(bench.per_token(bench.best_params[:1])[0])
        given = limits.flop + equal * amount  # what the compute-optimal run costs
    money = given * terms.per_train_flop
    what = "trained and served" if served else "trained"
    rule = f"lowest loss for {shown(money)} of money, {what}"
    if not amount:
        least = min(given, limits.flop)
        binds = "money" if given < limits.flop else "budget"
        return bench.choice("money-optimal", rule, binds, *bench.optimum(least))
    low = basis.bounds(limits.flop)[0]
    params, tokens = lowest_loss(basis.surface, basis.columns, given, amount, low)
    if not np.isfinite(params[0]):
        raise EvidenceError(
            f"serving {format_quantity(served)} tokens leaves no money to train on: the money "
            "binds.",
            code="lifetime_too_small",
            hint="Serve fewer tokens or give more money.",
        )
    return bench.choice("money-optimal", rule, "money", params, tokens)


def _strategy(bench: _Bench, one: Strategy) -> Choice:
    params = np.asarray(one.params)
    return bench.choice(
        one.name,
        one.rule,
        "rule",
        params,
        bench.limits.flop / bench.per_token(params),
        kind="strategy",
        n_convention=one.n_convention,
        source=one.source,
    )


def _not_asked(limits: Limits, terms: Terms) -> Iterator[str]:
    if limits.n_params is None:
        yield "data-optimal: give a size"
    if limits.tokens is None and limits.memory_bytes is None:
        yield "parameter-optimal: give tokens or memory"
    if limits.served_tokens is None:
        yield "inference-optimal: give the tokens to serve"
    if limits.deadline_days is None:
        yield "time-optimal: give a deadline, devices, hardware and its MFU"
    if terms.unit != "money":
        yield "money-optimal: give hardware, its MFU and a price"


def _notes(basis: Basis, rules: list[Choice]) -> Iterator[Notice]:
    counted = basis.conventions["n"]
    others = sorted({row.n_convention for row in rules} - {"", counted})
    if others:
        yield Notice(
            "n_convention",
            f"the law counts N as {counted}; rules that count {' or '.join(others)} are taken at "
            "their number, so part of their regret is the count.",
        )
    yield Notice(
        "own_law",
        "regret is what the law says; where the law is wrong about sizes far from the runs, so is "
        "the regret of rules that go there.",
    )

"""How are the weights updated? All weights of P models in one matrix, so a step is a few calls."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from isoloss.errors import InputError, Where
from isoloss.training.counts import slots
from isoloss.training.parametrization import initial_weights, lr_multiplier
from isoloss.training.schedules import lr_factors
from isoloss.training.spec import RunSpec

if TYPE_CHECKING:
    from isoloss.training.team import Team


class Optimizer:
    """Weights and their moments, of P runs that share shape, optimiser and number of steps.

    Args:
        specs: the runs; they may differ in seed, learning rate, decay, clip and betas.
        device: where they live.
    """

    def __init__(self, specs: Sequence[RunSpec], device: torch.device) -> None:
        self._slots = slots(specs[0].model)
        self._name = specs[0].optimization.name
        start = [initial_weights(spec) for spec in specs]
        self.flat = torch.from_numpy(
            np.stack([np.concatenate([w[s.name].ravel() for s in self._slots]) for w in start])
        ).to(device)
        self.first = torch.zeros_like(self.flat)
        self.second = torch.zeros_like(self.flat) if self._name != "sgd" else self.flat[:, :0]
        self._gradient = torch.empty_like(self.flat)
        self.gradients = {
            slot.name: view
            for slot, view in zip(self._slots, self._views(self._gradient), strict=True)
        }
        """By slot, (P, rows, columns) each: what the next step goes by."""
        self.weights = {
            slot.name: view.detach().requires_grad_()
            for slot, view in zip(self._slots, self._views(self.flat), strict=True)
        }

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, device=device)[:, None]

        hows = [spec.optimization for spec in specs]
        factors = torch.from_numpy(np.stack([lr_factors(spec) for spec in specs]))
        peaks = torch.tensor([how.lr for how in hows], dtype=torch.float64)
        self._rates = (factors * peaks[:, None]).to(torch.float32).to(device)
        scale = [np.full(s.size, lr_multiplier(s, specs[0]), np.float32) for s in self._slots]
        spread = torch.from_numpy(np.concatenate(scale)).to(device)
        self._multiplier = None if bool((spread == 1).all()) else spread[None]
        self._exact_rates = (factors * peaks[:, None]).numpy()
        self._fused = self._name == "adamw" and device.type == "cpu"
        wholes = (self.flat, self._gradient, self.first, self.second)
        self._equal_rates = [
            [
                (multiplier, [[whole[p, part] for part in parts] for whole in wholes])
                for multiplier, parts in _equal_rates(specs[0])
                if self._fused
            ]
            for p in range(len(specs))
        ]
        self._count = torch.zeros(())
        self._decay = column([how.weight_decay for how in hows])
        self._decays = any(how.weight_decay for how in hows)
        self._clip = column([how.clip or float("inf") for how in hows])
        self._beta1 = column([how.beta1 for how in hows])
        self._beta2 = column([how.beta2 for how in hows])
        self._eps = column([how.eps for how in hows])
        self._same = len({(how.beta1, how.beta2, how.eps) for how in hows}) == 1
        self._hows, self._one = hows, hows[0]
        self.third = torch.zeros_like(self.flat) if self._name == "muon" else self.flat[:, :0]
        self._muon = self._hidden_matrices() if self._name == "muon" else None
        kept = [np.full(s.size, s.role != "hidden", np.float32) for s in self._slots]
        self._not_hidden = torch.from_numpy(np.concatenate(kept)).to(device)
        self._hidden_multiplier = next(
            (lr_multiplier(s, specs[0]) for s in self._slots if s.role == "hidden"), 1.0
        )

    def derive(self, loss: Tensor) -> None:
        """Fill `gradients` with those of the losses (P,), by PyTorch's own graph."""
        grads = torch.autograd.grad(loss.sum(), list(self.weights.values()))
        models = len(self.flat)
        torch.cat([grad.reshape(models, -1) for grad in grads], dim=1, out=self._gradient)

    def step(self, number: int, team: Team | None = None) -> None:
        """Update by what `gradients` hold, which is used up.

        Args:
            number: of the step, counted from 0.
            team: the processes that hold gradients of other parts of the batch.
        """
        grad = self._gradient
        if team is not None:
            team.average(grad)
        if self._fused:
            self._adam_in_one_pass(number)
            return
        norm = torch.linalg.vector_norm(grad, dim=1, keepdim=True)
        grad.mul_((self._clip / (norm + 1e-6)).clamp_(max=1.0))
        rate = self._rates[:, number : number + 1]
        with torch.no_grad():
            if self._decays:
                spread = rate * self._decay
                # Under SGD the rate of the tables grows with the width; their decay must not.
                if self._multiplier is not None and self._name != "sgd":
                    spread = spread * self._multiplier
                self.flat.mul_(1.0 - spread)
            change = self._momentum(grad) if self._name == "sgd" else self._adam(grad, number)
            if self._multiplier is not None:
                change.mul_(self._multiplier)
            if self._muon is not None:
                change.mul_(self._not_hidden)
                for group, one in zip(self._muon.param_groups, rate, strict=True):
                    group["lr"] = float(one) * self._hidden_multiplier
                self._muon.step()
            self.flat.addcmul_(change, rate, value=-1.0)

    def _adam_in_one_pass(self, number: int) -> None:
        """The step of AdamW on a CPU: PyTorch's fused kernel reads and writes each number once.

        The update below takes a dozen passes over arrays that fit no cache; this takes 5 ms for
        five million weights. Each run has calls of its own, so that a population steps as its
        members alone.
        """
        norms: list[float] = torch.linalg.vector_norm(self._gradient, dim=1).tolist()
        self._count.fill_(number + 1.0)
        for p, how in enumerate(self._hows):
            if how.clip and (factor := how.clip / (norms[p] + 1e-6)) < 1.0:
                self._gradient[p].mul_(factor)
            rate = float(self._exact_rates[p, number])
            for multiplier, (weights, grads, first, second) in self._equal_rates[p]:
                torch._fused_adamw_(
                    weights,
                    grads,
                    first,
                    second,
                    [],
                    [self._count] * len(weights),
                    lr=rate * multiplier,
                    beta1=how.beta1,
                    beta2=how.beta2,
                    weight_decay=how.weight_decay,
                    eps=how.eps,
                    amsgrad=False,
                    maximize=False,
                )

    def _momentum(self, grad: Tensor) -> Tensor:
        self.first.mul_(self._beta1).add_(grad)
        return self.first.clone()

    def _adam(self, grad: Tensor, number: int) -> Tensor:
        """The step of AdamW (Loshchilov and Hutter 2019), before the learning rate."""
        how, count = self._one, number + 1
        if self._same:
            self.first.lerp_(grad, 1.0 - how.beta1)
            self.second.mul_(how.beta2).addcmul_(grad, grad, value=1.0 - how.beta2)
            root = self.second.sqrt().mul_((1.0 - how.beta2**count) ** -0.5).add_(how.eps)
            return torch.div(self.first, root).mul_(1.0 / (1.0 - how.beta1**count))
        self.first.mul_(self._beta1).add_(grad * (1.0 - self._beta1))
        self.second.mul_(self._beta2).add_(grad.square() * (1.0 - self._beta2))
        root = self.second.div(1.0 - self._beta2**count).sqrt_().add_(self._eps)
        return self.first.div(1.0 - self._beta1**count).div_(root)

    def _hidden_matrices(self) -> torch.optim.Muon:
        """Muon (Jordan et al. 2024), PyTorch's own, for hidden matrices in place of Adam.

        Its update is scaled to the size of Adam's (Liu et al. 2025, arXiv 2502.16982), so that
        learning rates carry over. Its moments lie in a matrix of this class, so that one state
        holds all.
        """
        groups: list[dict[str, Any]] = []
        moments: list[Tensor] = []
        for p in range(len(self.flat)):
            chosen = [k for k, slot in enumerate(self._slots) if slot.role == "hidden"]
            flat, third, grads = (
                self._views(whole) for whole in (self.flat, self.third, self._gradient)
            )
            params = [torch.nn.Parameter(flat[k][p]) for k in chosen]
            for param, k in zip(params, chosen, strict=True):
                param.grad = grads[k][p]
            moments += [third[k][p] for k in chosen]
            groups.append({"params": params})
        found = torch.optim.Muon(
            groups,
            weight_decay=0.0,
            momentum=self._one.beta1,
            adjust_lr_fn="match_rms_adamw",
        )
        params = [param for group in found.param_groups for param in group["params"]]
        for param, moment in zip(params, moments, strict=True):
            found.state[param]["momentum_buffer"] = moment
        return found

    def _views(self, flat: Tensor) -> list[Tensor]:
        parts = flat.split([slot.size for slot in self._slots], dim=1)
        return [
            part.unflatten(1, slot.shape) for part, slot in zip(parts, self._slots, strict=True)
        ]

    def _all(self) -> dict[str, Tensor]:
        names = ("flat", "first", "second", "third")
        return {name: getattr(self, name) for name in names}

    def states(self) -> list[dict[str, np.ndarray[Any, Any]]]:
        """All that each run needs to go on; every array keeps its first axis, of length one."""
        whole = {name: value.detach().cpu().numpy() for name, value in self._all().items()}
        return [
            {name: value[i : i + 1].copy() for name, value in whole.items()}
            for i in range(len(self.flat))
        ]

    def restore(self, states: Sequence[Mapping[str, np.ndarray[Any, Any]]]) -> None:
        """Go on from a state of each run.

        Raises:
            InputError: a state is of another shape.
        """
        for name, tensor in self._all().items():
            found = np.concatenate([state[name] for state in states])
            if found.shape != tuple(tensor.shape):
                raise InputError(
                    f"a checkpoint holds {name} of shape {found.shape}, where "
                    f"{tuple(tensor.shape)} is expected.",
                    code="bad_checkpoint",
                    where=Where(field=name),
                )
            tensor.copy_(torch.from_numpy(found))


def _equal_rates(spec: RunSpec) -> list[tuple[float, list[slice]]]:
    """The stretches of the weights that share a multiplier of the learning rate, by multiplier."""
    found: dict[float, list[slice]] = {}
    start = 0
    for slot in slots(spec.model):
        parts = found.setdefault(lr_multiplier(slot, spec), [])
        stop = start + slot.size
        if parts and parts[-1].stop == start:
            parts[-1] = slice(parts[-1].start, stop)
        else:
            parts.append(slice(start, stop))
        start = stop
    return list(found.items())

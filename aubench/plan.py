"""Which computations the chosen losses need: each once, in order, and nothing else.

A loss is a callable whose keyword-only parameters name quantities (:mod:`aubench.quantities`); a provider is a callable
that makes one quantity and names its inputs by its parameters in the same way. :func:`make_plan` walks from the losses
to what the batch holds, depth first, once before training. A step of training then is ::

    have = plan.run(batch)
    terms = plan.terms(have)

A keyword with a default is optional: it is handed over if another loss has it made anyway, and never a reason to
make it. What rests on nothing of the batch and on nothing that trains (the base face, its features) is made once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aubench.errors import UserError, nearest

Provider = Callable[..., Any]


class PlanError(UserError):
    """The chosen losses need something that this combination cannot make."""

    def __init__(self, message: str, *, code: str = "plan-invalid") -> None:
        super().__init__(message, code=code)


@dataclass(frozen=True)
class Step:
    """One call: ``name = provider(**inputs)``."""

    name: str
    inputs: tuple[str, ...]
    provider: Provider
    constant: bool


@dataclass
class Plan:
    """``steps`` in the order of their calls; ``given``: the words that the batch must hold, no more; ``losses`` by
    name, and the ``words`` that each is called with."""

    steps: tuple[Step, ...]
    given: tuple[str, ...]
    losses: Mapping[str, Callable[..., Any]]
    words: Mapping[str, tuple[str, ...]]
    _kept: dict[str, Any] = field(default_factory=dict)

    def run(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Every quantity that the losses need, by name."""
        import torch

        have = {name: batch[name] for name in self.given}
        for step in self.steps:
            if step.constant and step.name in self._kept:
                have[step.name] = self._kept[step.name]
                continue
            inputs = {name: have[name] for name in step.inputs}
            if step.constant:
                with torch.no_grad():
                    have[step.name] = self._kept[step.name] = step.provider(**inputs)
            else:
                have[step.name] = step.provider(**inputs)
        return have

    def terms(self, have: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each loss, unweighted, from what :meth:`run` made."""
        return {name: loss(**{word: have[word] for word in self.words[name]}) for name, loss in self.losses.items()}

    def describe(self) -> str:
        """The plan as one readable line."""
        made = ", ".join(f"{step.name}{' (once)' if step.constant else ''}" for step in self.steps)
        return f"from {', '.join(self.given) or 'nothing'}: {made or 'nothing'}"


def needs(function: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that a loss requires, and names that it uses if they are there. Raises :class:`PlanError` for a loss that
    takes anything but keyword-only parameters."""
    required: list[str] = []
    optional: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise PlanError(
                f"loss {_title(function)} takes {parameter.name!r} not by keyword only, so what it needs cannot be "
                "told; write def __call__(self, *, drawn_features, features)"
            )
        (required if parameter.default is inspect.Parameter.empty else optional).append(parameter.name)
    return tuple(required), tuple(optional)


def make_plan(
    losses: Mapping[str, Callable[..., Any]],
    providers: Mapping[str, Provider],
    given: Iterable[str],
    *,
    trained: Iterable[str] = (),
) -> Plan:
    """Resolve what ``losses`` need.

    ``given``: words that a batch can hold; they win over providers. ``trained``: words whose provider contains the
    network under training, so that they are made anew at every step even without input. A loss may bring words of
    its own in an attribute ``providers``. Raises :class:`PlanError` naming the loss, the chain of words that leads to
    the missing one, and names near it or else what there is.
    """
    batch, learns = tuple(given), frozenset(trained)
    known = dict(providers)
    for loss in losses.values():
        known |= getattr(loss, "providers", {})
    steps: dict[str, Step] = {}
    used: list[str] = []

    def resolve(word: str, chain: tuple[str, ...]) -> None:
        if word in steps or word in used:
            return
        if word in batch:
            used.append(word)
            return
        path = " -> ".join((*chain, word))
        if word in chain:
            raise PlanError(f"{path}: goes in a circle")
        if word not in known:
            near = " or ".join(nearest(word, {*known, *batch}))
            there = (
                f"a batch has: {', '.join(batch) or 'nothing'}; can be made: {', '.join(sorted(known)) or 'nothing'}"
            )
            remedy = f". Did you mean {near}?" if near else f" ({there})"
            raise PlanError(f"{path}: nothing in this combination makes {word!r}{remedy}")
        inputs = tuple(inspect.signature(known[word]).parameters)
        for name in inputs:
            resolve(name, (*chain, word))
        constant = word not in learns and all(name in steps and steps[name].constant for name in inputs)
        steps[word] = Step(word, inputs, known[word], constant)

    declared = {name: needs(loss) for name, loss in losses.items()}
    for name, (required, _) in declared.items():
        for word in required:
            resolve(word, (f"loss {name!r}",))
    made = {*steps, *used}
    words = {
        name: (*required, *(word for word in optional if word in made))
        for name, (required, optional) in declared.items()
    }
    return Plan(tuple(steps.values()), tuple(used), dict(losses), words)


def _title(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)

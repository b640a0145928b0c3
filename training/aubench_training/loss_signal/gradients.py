"""The gradient of each loss at R's answers, frame by frame, in the batches and with the providers of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.parameters import AU, BROW, IDENTITY, POSE, SIZE, FacialParameters
from aubench.plan import Plan
from aubench.progress import progress

from ..additions import SAMPLED_LOOPBACK, SampledLoopback
from ..bench import Bench, Stage
from ..config import Phase
from ..device import autocast
from ..providers import TRAINED

Array = npt.NDArray[np.float32]
GROUPS = {"pose": POSE, "au": AU, "identity": IDENTITY, "brow": BROW}
"""The parts of the answer, as :class:`aubench.parameters.FacialParameters` calls them, by their place in the vector."""
ANSWER, SAMPLED_ANSWER = "parameters", "sampled_readback"


@dataclass
class Gradient:
    """Of one loss. ``values`` (n, 269): ∂L/∂y' of every frame times the number of frames in its batch, so that it does
    not depend on that number for a loss that is a mean over frames. ``reached``: parts of the answer to which a path of
    the computation leads. ``through``: words made by R that the loss rests on."""

    values: Array
    reached: set[str] = field(default_factory=set)
    through: tuple[str, ...] = ()


def of_losses(bench: Bench, answers: FacialParameters) -> tuple[dict[str, Gradient], npt.NDArray[np.bool_]]:
    """Gradients of every loss of ``bench`` at ``answers`` (n) to its n training frames, and which frames (n,) were in a
    batch: a loss that compares frames with others may pass over some."""
    count = bench.pools.frame_count
    stage = _stage(bench, bench.plan(bench.losses, [ANSWER]), count, bench.config.label_free.batch)
    found, seen = _empty(stage.plan, count), np.zeros(count, np.bool_)
    with progress("gradients of the losses", stage.stop, "steps") as advance:
        for step in range(stage.stop):
            rows = bench.rows(stage, step)
            seen[rows] = True
            leaf = _leaf(answers[torch.from_numpy(rows)].to(bench.device))
            _add(bench, stage, step, bench.batch(stage, step) | {ANSWER: leaf}, leaf, rows, found)
            advance(step + 1)
    return found, seen


def of_loopback(bench: Bench) -> Gradient:
    """Gradient of the sampled loopback at R's answers to as many faces of the engine as there are."""
    config = bench.config
    plan = bench.plan({SAMPLED_LOOPBACK: SampledLoopback(config.sampled)}, [SAMPLED_ANSWER])
    size = config.label_free.sampled_batch or config.label_free.batch
    stage = _stage(bench, plan, config.sampled.count, size)
    parts: list[Array] = []
    with progress("gradient of the sampled loopback", stage.stop, "steps") as advance:
        for step in range(stage.stop):
            batch = bench.batch(stage, step)
            with torch.no_grad():
                leaf = _leaf(bench.regress_sampled(batch["sampled_features"]))
            found = _empty(plan, len(leaf))
            _add(bench, stage, step, batch | {SAMPLED_ANSWER: leaf}, leaf, np.arange(len(leaf)), found)
            parts.append(found[SAMPLED_LOOPBACK].values)
            advance(step + 1)
    return Gradient(np.concatenate(parts), set(GROUPS))


def _stage(bench: Bench, plan: Plan, count: int, size: int) -> Stage:
    size = min(size, count)
    steps = -(-count // size)
    phase = Phase(steps=steps, batch=size, learning_rate=bench.config.label_free.learning_rate)
    return Stage("loss signal", phase, 0, steps, plan, {}, True)


def _empty(plan: Plan, count: int) -> dict[str, Gradient]:
    return {
        name: Gradient(np.zeros((count, SIZE), np.float32), through=_through(plan, plan.words[name]))
        for name in plan.losses
    }


def _through(plan: Plan, words: Sequence[str]) -> tuple[str, ...]:
    """Which words made by R a loss rests on, directly or through others."""
    inputs = {step.name: step.inputs for step in plan.steps}
    seen: set[str] = set()
    waiting = list(words)
    while waiting:
        word = waiting.pop()
        if word not in seen:
            seen.add(word)
            waiting += inputs.get(word, ())
    return tuple(word for word in TRAINED if word in seen)


def _leaf(answer: FacialParameters) -> FacialParameters:
    return FacialParameters(*(part.detach().float().clone().requires_grad_() for part in answer))


def _add(
    bench: Bench,
    stage: Stage,
    step: int,
    batch: Mapping[str, Any],
    leaf: FacialParameters,
    rows: npt.NDArray[np.int64],
    found: Mapping[str, Gradient],
) -> None:
    """Put the gradients of one batch into ``found``, at ``rows``."""
    torch.manual_seed(int(np.random.SeedSequence([bench.config.seed, step]).generate_state(1)[0]))  # as in training
    with autocast(bench.device, bench.dtype):
        terms: dict[str, Tensor] = stage.plan.terms(stage.plan.run(batch))
    for name, term in terms.items():
        if not term.requires_grad:
            continue
        parts = torch.autograd.grad(term.float() * len(leaf), tuple(leaf), retain_graph=True, allow_unused=True)
        for group, part in zip(GROUPS, parts, strict=True):
            if part is not None:
                found[name].reached.add(group)
                found[name].values[rows, GROUPS[group]] = part.float().cpu().numpy()

"""The loop that all three pretrainings share: schedule, mixed precision, EMA, checkpoints, budget in steps or minutes.

What a learner has to say is small: its network, the batch of a step (a pure function of the step's number, so that a
resumed run sees the same ones) and the loss on it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from aubench.errors import UserError
from aubench_training import device as devices
from aubench_training.checkpoint import Checkpoints
from aubench_training.ema import Ema
from aubench_training.progress import Progress

MAXIMUM_BAD_STEPS = 20
"""Losses in a row that are not finite before the run gives up."""


class Learner(Protocol):
    """``network`` is what will be published; ``helpers`` learn beside it and are thrown away."""

    network: nn.Module
    helpers: nn.Module

    def batch(self, step: int) -> Any:
        """The data of a step, made on the CPU; called from another thread, ahead of time."""
        ...

    def loss(self, batch: Any, fraction: float) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """Scalar loss and numbers to show; ``fraction`` of the training is done."""
        ...


@dataclass(frozen=True)
class Budget:
    """How long to train: ``steps``, or ``minutes`` of wall time, whichever is given (with both, whichever comes first).
    The learning rate follows the part of the budget that is spent, so a run limited by minutes depends on the
    machine's speed and one limited by steps does not."""

    steps: int | None = None
    minutes: float | None = None

    def fraction(self, steps: int, seconds: float) -> float:
        parts = [steps / self.steps if self.steps else 0.0, seconds / (60 * self.minutes) if self.minutes else 0.0]
        return max(parts)

    def expected_steps(self, steps: int, seconds: float) -> int:
        """Steps that the whole run will take, as far as can be told after ``steps`` in ``seconds``."""
        fraction = self.fraction(steps, seconds)
        return self.steps or (max(steps, round(steps / fraction)) if fraction > 0 else 1)


@dataclass(frozen=True)
class Settings:
    """Of the optimisation: AdamW, a linear warm-up over ``warmup`` of the run, then a cosine down to ``final`` times
    ``rate``; gradients clipped to norm ``clip``; ``ema`` is the decay of the published average."""

    rate: float = 1e-3
    weight_decay: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: float = 0.05
    final: float = 0.01
    clip: float = 5.0
    ema: float = 0.998
    seconds_between_checkpoints: float = 60.0
    channels_last: bool = True
    """Memory layout of the networks. Channels last suits plain convolutions; on a CPU the transposed convolutions and
    instance norms of a generator run 1.2 times as fast without it (13 and 16 ms a face, forth and back)."""


@dataclass(frozen=True)
class Outcome:
    """The averaged network, and what it took."""

    network: nn.Module
    steps: int
    seconds: float
    speed: float


def rate_at(fraction: float, settings: Settings) -> float:
    """Learning rate when ``fraction`` of the budget is spent."""
    if fraction < settings.warmup:
        return settings.rate * max(fraction / settings.warmup, 0.01)
    along = min(1.0, (fraction - settings.warmup) / (1 - settings.warmup))
    return settings.rate * (settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * along)))


def train(
    learner: Learner,
    budget: Budget,
    settings: Settings,
    out: Path,
    *,
    title: str,
    seed: int,
    device: torch.device,
    precision: str = "auto",
    resume: bool = False,
) -> Outcome:
    """Train until the budget is spent. Checkpoints go to ``out/checkpoints``; ``resume`` goes on from the newest.

    Raises :class:`UserError` when ``out`` holds a run and ``resume`` is not set, or the loss stays not finite.
    """
    checkpoints = Checkpoints(out / "checkpoints", keep=2)
    found = checkpoints.latest()
    if found is not None and not resume:
        raise UserError(
            f"{out}: holds a run already; add --resume to go on with it, or choose another --out", code="run-exists"
        )
    devices.seed_everything(seed)
    last = settings.channels_last or device.type != "cpu"
    network, helpers = (devices.place(m, device) if last else m.to(device) for m in (learner.network, learner.helpers))
    network.requires_grad_(True).train()
    helpers.train()
    parameters = [*network.parameters(), *helpers.parameters()]
    optimiser = torch.optim.AdamW(parameters, settings.rate, settings.betas, weight_decay=settings.weight_decay)
    dtype = devices.choose_dtype(device, precision)
    scaler = devices.gradient_scaler(device, dtype)
    ema = Ema(network, settings.ema)
    step, before = 0, 0.0
    if found is not None:
        network.load_state_dict(found["network"])
        helpers.load_state_dict(found["helpers"])
        optimiser.load_state_dict(found["optimiser"])
        scaler.load_state_dict(found["scaler"])
        ema.load_state_dict(found["ema"])
        devices.restore_rng(found["rng"])
        step, before = int(found["step"]), float(found["seconds"])
    start, bad, began = step, 0, time.monotonic()
    saved = began

    def save() -> None:
        state = {
            "network": dict(network.state_dict()),
            "helpers": dict(helpers.state_dict()),
            "optimiser": optimiser.state_dict(),
            "scaler": scaler.state_dict(),
            "ema": ema.state_dict(),
            "rng": devices.rng_state(),
            "seconds": before + time.monotonic() - began,
        }
        checkpoints.save(step, state)

    with Progress(out, total=budget.steps or 1, title=title, start=start, log_every=20) as progress:
        for batch in _ahead(learner, start):
            seconds = before + time.monotonic() - began
            fraction = budget.fraction(step, seconds)
            if fraction >= 1:
                break
            for group in optimiser.param_groups:
                group["lr"] = rate_at(fraction, settings)
            with devices.autocast(device, dtype):
                loss, numbers = learner.loss(batch, fraction)
            step += 1
            bad = 0 if torch.isfinite(loss) else bad + 1
            if bad > MAXIMUM_BAD_STEPS:
                raise UserError(
                    f"{out}: the loss is not finite for {bad} steps; lower the learning rate", code="training-diverged"
                )
            if not bad:
                optimiser.zero_grad(set_to_none=True)
                scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                scaler.unscale_(optimiser)
                nn.utils.clip_grad_norm_(parameters, settings.clip)
                scaler.step(optimiser)
                scaler.update()
                ema.update(network)
            progress.total = budget.expected_steps(step, before + time.monotonic() - began)
            shown = {"loss": loss, **numbers}
            progress.step(step, {k: float(v.detach() if isinstance(v, Tensor) else v) for k, v in shown.items()})
            if time.monotonic() - saved >= settings.seconds_between_checkpoints:
                save()
                saved = time.monotonic()
        save()
        speed = progress.speed
    return Outcome(ema.shadow, step, before + time.monotonic() - began, speed)


def _ahead(learner: Learner, start: int) -> Iterator[Any]:
    """Batches from step ``start`` on, each made while the one before is learned from."""
    with ThreadPoolExecutor(1) as pool:
        step = start
        coming = pool.submit(learner.batch, step)
        try:
            while True:
                batch = coming.result()
                step += 1
                coming = pool.submit(learner.batch, step)
                yield batch
        finally:
            coming.cancel()


def epoch_rows(count: int, size: int, step: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows of batch ``step`` when ``count`` rows are shuffled anew for every pass; a pure function of its arguments."""
    size = min(size, count)
    per_pass = count // size
    turn, place = divmod(step, per_pass)
    order = np.random.default_rng([seed, turn]).permutation(count)
    return order[place * size : (place + 1) * size]

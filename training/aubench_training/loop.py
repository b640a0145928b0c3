"""The training of R, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from aubench.errors import UserError
from aubench.progress import progress

from .bench import Bench, Stage
from .checkpoint import Checkpoints
from .device import autocast, gradient_scaler, peak_memory_mib, restore_rng, rng_state
from .ema import Ema
from .movement import Departed
from .progress import Progress

WARM_UP = 0.05
"""Share of a phase in which the learning rate rises from zero; after it, it falls along a half cosine."""
IN_DOMAIN_EVERY = 500


def fit(bench: Bench, folder: Path, *, resume: bool = False, tensorboard: bool = True) -> dict[str, Any]:
    """Train the regressor of ``bench`` and leave in it the averaged weights; returns facts about the training.

    There are no labels to choose a model by, so the last averaged weights are the answer. A step is a function of the
    state that a checkpoint holds and of its number: a run that is killed and resumed ends as if it had not been.
    Raises ``UserError`` when gradients stop being finite.
    """
    config, combination, device = bench.config, bench.combination, bench.device
    regressor: nn.Module = combination.regressor

    bench.require_frames()

    # --- what the regressor reads: statistics of its inputs
    checkpoints = Checkpoints(folder / "checkpoints")
    state = checkpoints.latest() if resume else None
    if state is None:
        with progress("statistics of features"):
            bench.fit_statistics()

    # --- optimiser, average, and, for a resumed run, where they were
    fused = device.type in ("cpu", "cuda")  # one pass over the weights instead of a dozen

    def new_optimiser() -> torch.optim.Optimizer:
        return torch.optim.AdamW(regressor.parameters(), lr=1.0, weight_decay=config.weight_decay, fused=fused)

    optimiser = new_optimiser()
    scaler = gradient_scaler(device, bench.dtype)
    ema = Ema(regressor, config.ema)
    start, passed_over = 0, 0
    departed: Departed | None = None
    if state is not None:
        start, passed_over = int(state["step"]), int(state["passed_over"])
        regressor.load_state_dict(state["regressor"])
        combination.standardiser.load_state_dict(state["standardiser"])
        optimiser.load_state_dict(state["optimiser"])
        scaler.load_state_dict(state["scaler"])
        ema.load_state_dict(state["ema"])
        restore_rng(state["rng"])
        if (kept := state.get("label_free")) is not None:
            departed = Departed.restored(bench, kept)

    # --- steps
    began, speeds = time.monotonic(), {}
    told = Progress(folder, total=config.steps, title="train", start=start, tensorboard=tensorboard)
    with told, ThreadPoolExecutor(1) as reader:
        for stage in bench.stages:
            bench.console.print(f"{stage.name}: {stage.plan.describe()}", highlight=False)
            first = max(start, stage.start)
            if first >= stage.stop:
                continue
            if first == stage.start and stage.phase.fresh:
                regressor.load_state_dict(ema.shadow.state_dict())
                optimiser, ema = new_optimiser(), Ema(regressor, config.ema)
            if stage.name == "label_free":
                if departed is None:
                    if first != stage.start:
                        raise UserError(
                            f"{checkpoints.folder}: written by an earlier aubench, in the middle of the label-free "
                            "phase; train into a new folder",
                            code="run-mismatch",
                        )
                    departed = Departed.at_start(bench, ema.shadow)
                bench.begin_label_free(departed.start, ema.shadow)
            _set_mode(regressor, frozen_statistics=stage.frozen_statistics)
            bench.batch(stage, first)  # what is not cached yet is computed here, and not on the clock of the steps
            since, ahead = time.monotonic(), reader.submit(bench.batch, stage, first)
            for step in range(first, stage.stop):
                batch = ahead.result()
                if step + 1 < stage.stop:
                    ahead = reader.submit(bench.batch, stage, step + 1)
                rate = learning_rate(stage, step)
                for group in optimiser.param_groups:
                    group["lr"] = rate

                # One generator state per step: dropout and noise do not depend on how often the run was resumed.
                torch.manual_seed(int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0]))
                with autocast(device, bench.dtype):
                    terms = stage.plan.terms(stage.plan.run(batch))
                    total = torch.stack([stage.weights[name] * term.float() for name, term in terms.items()]).sum()
                optimiser.zero_grad(set_to_none=True)
                scaler.scale(total).backward()  # type: ignore[no-untyped-call]
                scaler.unscale_(optimiser)
                norm = torch.nn.utils.clip_grad_norm_(regressor.parameters(), config.clip)
                if torch.isfinite(norm) and torch.isfinite(total):
                    scaler.step(optimiser)
                    ema.update(regressor)
                else:
                    passed_over += 1
                    if passed_over > config.bad_steps:
                        raise UserError(
                            f"step {step + 1}: loss or gradient was not finite for the {passed_over}th time (last loss "
                            f"{total.item():.3g}); lower {stage.name}.learning_rate ({stage.phase.learning_rate:g}) or "
                            "use --set precision=fp32",
                            code="training-diverged",
                        )
                scaler.update()

                done = step + 1
                numbers = {"loss": total.item(), "learning_rate": rate, "gradient_norm": norm.item()}
                if done % told.log_every == 0 or done == config.steps:  # what is not logged need not leave a GPU
                    numbers |= {f"loss/{name}": term.item() for name, term in terms.items()}
                told.step(done, numbers | {"passed_over": passed_over})
                if done % IN_DOMAIN_EVERY == 0 or done == stage.stop:
                    told.log(done, bench.in_domain(ema.shadow))
                if done == stage.stop and stage.name == "label_free" and departed is not None:
                    departed.arrive(bench, ema.shadow)
                if done % config.checkpoint_every == 0 or done == config.steps:
                    checkpoints.save(done, {
                        "regressor": dict(regressor.state_dict()),
                        "standardiser": dict(combination.standardiser.state_dict()),
                        "optimiser": optimiser.state_dict(),
                        "scaler": scaler.state_dict(),
                        "ema": ema.state_dict(),
                        "rng": rng_state(),
                        "passed_over": passed_over,
                        "label_free": departed.state_dict() if departed is not None else None,
                    })  # fmt: skip
            speeds[stage.name] = round((stage.stop - first) / (time.monotonic() - since), 2)

    # --- the answer
    regressor.load_state_dict(ema.shadow.state_dict())
    regressor.eval()
    return {
        "steps": config.steps,
        "resumed_at": start or None,
        "passed_over": passed_over,
        "steps_per_s": speeds,
        "train_s": round(time.monotonic() - began, 1),
        **(departed.facts if departed is not None else {}),
        "peak_memory_mib": {name: round(mib) for name, mib in peak_memory_mib().items()},
        **{name.replace("/", "_"): round(value, 4) for name, value in bench.in_domain(regressor).items()},
    }


def learning_rate(stage: Stage, step: int) -> float:
    """Warm-up, then half a cosine down to a hundredth, within the stage."""
    steps = stage.stop - stage.start
    done, warm = step - stage.start, max(1, round(WARM_UP * steps))
    peak = stage.phase.learning_rate
    if done < warm:
        return peak * (done + 1) / warm
    fraction = (done - warm) / max(1, steps - warm)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction)))


def _set_mode(regressor: nn.Module, *, frozen_statistics: bool) -> None:
    """Training mode; with ``frozen_statistics``, batch normalisation stays with what it has learnt."""
    regressor.train()
    if frozen_statistics:
        for module in regressor.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

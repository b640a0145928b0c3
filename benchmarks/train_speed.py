"""Training steps per second and peak memory, per phase of a recipe.

    python benchmarks/train_speed.py [--recipe default] [--steps 20] [--set key=value ...]

Needs no trained weights: networks without shipped ones run with random numbers, which takes the same time. Prints
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console

from aubench.errors import UserError
from aubench_training.bench import Bench
from aubench_training.config import RunConfig, resolve
from aubench_training.device import autocast, peak_memory_mib
from aubench_training.ema import Ema
from aubench_training.trainer import describe_environment

SMALL = [
    "sampled.count=512",
    "sampled.held_out=64",
    "frames=256",
    "datasets=[{name: synth, config: {frames_per_sequence: 8}}]",
]
RANDOM = [f"{part}.config.weights=none" for part in ("extractor", "renderer", "recogniser")]


def bench_for(config: RunConfig, fallback: RunConfig, cache: Path | None) -> tuple[Bench, bool]:
    """A bench with shipped weights, or with random ones where they are not there."""
    try:
        return Bench(config, Console(stderr=True), cache=cache), True
    except UserError:
        return Bench(fallback, Console(stderr=True), cache=cache), False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    options = {"device": arguments.device}
    config = resolve(arguments.recipe, options=options, assignments=[*SMALL, *arguments.settings])
    fallback = resolve(arguments.recipe, options=options, assignments=[*SMALL, *RANDOM, *arguments.settings])
    with tempfile.TemporaryDirectory() as cache:
        bench, shipped = bench_for(config, fallback, Path(cache))
        bench.fit_statistics()
        regressor = bench.combination.regressor.train()
        optimiser = torch.optim.AdamW(regressor.parameters(), lr=1e-5)
        ema = Ema(regressor)
        phases = {}
        for stage in bench.stages:
            for step in range(arguments.steps + 2):
                if step == 2:  # the first two warm caches up
                    began, began_cpu = time.perf_counter(), time.process_time()
                batch = bench.batch(stage, stage.start + step)
                with autocast(bench.device, bench.dtype):
                    terms = stage.plan.terms(stage.plan.run(batch))
                    total = torch.stack([stage.weights[name] * term.float() for name, term in terms.items()]).sum()
                optimiser.zero_grad(set_to_none=True)
                total.backward()
                optimiser.step()
                ema.update(regressor)
            seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
            phases[stage.name] = {
                "steps_per_s": round(arguments.steps / seconds, 2),
                "cpu_s_per_step": round(cpu / arguments.steps, 3),
                "batch": stage.phase.batch if stage.name == "label_free" else None,
                "sampled_batch": stage.phase.sampled_batch,
            }
    environment = describe_environment()
    print(json.dumps({
        "phases": phases,
        "peak_memory_mib": {name: round(mib) for name, mib in peak_memory_mib().items()},
        "precision": str(bench.dtype).removeprefix("torch."),
        "shipped_weights": shipped,
        **{key: environment[key] for key in ("cpu", "threads", "accelerator", "commit")},
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()

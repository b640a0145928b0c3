"""How long a plan will take: from what former runs took, else from rough numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from aubench import plain_yaml
from aubench.errors import UserError
from aubench.report.schema import Report

from ..config import RunConfig
from .card import CARD, Card
from .jobs import REPORT, Job, has_begun
from .summary import training_of

ROUGH_S_PER_STEP = {"loopback": 0.2, "label_free": 1.4, "person": 0.2}
"""Seconds for a step at the default recipe's batches, preset small, on two CPU cores. Rough: another machine, batch,
network or size changes them many times over; a GPU is far quicker."""
ROUGH_OVERHEAD_S = 60.0
"""Seconds that a run takes besides its steps: imports, statistics, predictions, baselines. As rough."""
ROUGH = "a rough constant for two CPU cores"


@dataclass
class Speeds:
    """Seconds per step by phase and by what makes steps slow, and seconds besides the steps, of runs that are done."""

    measured: dict[str, list[float]] = field(default_factory=dict)
    besides: list[float] = field(default_factory=list)
    runs: int = 0

    @classmethod
    def of(cls, out: Path) -> Speeds:
        """What the runs in ``out`` and those beside it took."""
        found = cls()
        for folder in sorted({*out.glob("*"), *out.parent.glob("*")}):
            for name in (CARD, REPORT):
                path = folder / name
                if path.is_file():
                    found._read(path)
                    break
        return found

    def _read(self, path: Path) -> None:
        try:
            if path.name == CARD:
                card = Card.read(path.parent)
                if card is None or card.state != "done":
                    return
                config, kind = card.identity["config"], card.kind
                speeds, train_s, wall_s = card.steps_per_s, card.train_s, card.wall_s
            else:
                config, kind = plain_yaml.read(path.parent / "config.yaml"), "run"
                report = Report.read(path)
                training, wall_s = training_of(report, path.parent), report.wall_s
                speeds, train_s = training.steps_per_s, training.train_s
            if train_s is None or wall_s is None:
                return
            for phase, speed in speeds.items():
                if speed > 0:
                    for key in (_key(config, phase), phase):
                        self.measured.setdefault(key, []).append(1 / speed)
            if kind == "run":
                self.besides.append(max(0.0, wall_s - train_s))
            self.runs += 1
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UserError):
            return  # no run, or one of another format: nothing to learn from

    def s_per_step(self, config: RunConfig, phase: str) -> tuple[float, str]:
        """Seconds for a step of a phase, and where the number comes from."""
        like = self.measured.get(_key(config.model_dump(mode="json"), phase))
        if like:
            return median(like), "runs with the same networks and batch"
        if phase in self.measured:
            return median(self.measured[phase]), "runs with other networks or batches"
        return ROUGH_S_PER_STEP[phase], ROUGH

    def overhead_s(self) -> float:
        return median(self.besides) if self.besides else ROUGH_OVERHEAD_S

    def steps_s(self, config: RunConfig, done: int = 0) -> float:
        """Seconds for the steps of a run from step ``done`` on."""
        return sum(
            max(0, stop - max(start, done)) * self.s_per_step(config, phase)[0] for phase, start, stop in phases(config)
        )

    def job_s(self, job: Job) -> float:
        """Seconds for all that is left of a job."""
        if job.over:
            return 0.0
        besides = self.overhead_s() if job.kind == "run" else 0.0
        return self.steps_s(job.config, steps_done(job)) + besides

    def sources(self, jobs: Iterable[Job]) -> list[str]:
        """Where the estimate of these jobs comes from, each source once."""
        return sorted({
            self.s_per_step(job.config, phase)[1]
            for job in jobs
            if not job.over
            for phase, start, stop in phases(job.config)
            if stop > max(start, steps_done(job))
        })  # fmt: skip


def phases(config: RunConfig) -> list[tuple[str, int, int]]:
    """Name, first and last step of every phase."""
    first = config.loopback.steps if config.additions.loopback_first else 0
    second = first + config.label_free.steps
    found = [("loopback", 0, first), ("label_free", first, second), ("person", second, second + config.person.steps)]
    return [(name, start, stop) for name, start, stop in found if stop > start]


def steps_done(job: Job) -> int:
    """Steps that a job need not do: those of its last checkpoint, or of the first phase that it shares."""
    if has_begun(job):
        return max((int(path.stem[5:]) for path in (job.folder / "checkpoints").glob("step-*.safetensors")), default=0)
    return job.first.config.steps if job.first is not None else 0


def total_s(jobs: Iterable[Job], speeds: Speeds, at_once: int) -> float:
    """Seconds until all are done, ``at_once`` at a time: the work shared out, or the longest chain of it."""
    each = {job: speeds.job_s(job) for job in jobs}
    chains = [seconds + (each.get(job.first, 0.0) if job.first is not None else 0.0) for job, seconds in each.items()]
    return max([sum(each.values()) / at_once, *chains], default=0.0)


def _key(config: dict[str, Any], phase: str) -> str:
    """What makes the steps of a phase slow or quick, as text."""
    names = [config[kind]["name"] for kind in ("extractor", "regressor", "renderer")]
    losses = sorted(config["losses"]) if phase == "label_free" else []
    return json.dumps([phase, names, config[phase]["batch"], config[phase]["sampled_batch"], losses])

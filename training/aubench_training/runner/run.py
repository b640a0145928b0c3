"""All of it in order: look at every combination, skip what is done, do the rest, write it up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from aubench.progress import in_words, progress

from ..config import RunConfig
from .asked import Asked, choose
from .board import Board
from .estimate import Speeds, steps_done, total_s
from .identity import Inspector
from .jobs import Job, Plan, has_begun, make_plan
from .pool import Pool, slots
from .summary import mark, summarise


@dataclass(frozen=True)
class Result:
    """What is known of the runs now; ``code`` is the exit code: 0 if all that were to be done are, 2 if a user's
    mistakes are all that is wrong, else 1."""

    plan: Plan
    summary: dict[str, Any]
    code: int


@dataclass(frozen=True)
class Request:
    """``asked``: the runs; ``out``: the folder of their folders; ``title``: whose folder that is. ``command`` is what
    the user typed, less ``--only``; ``selects``: whether it knows that option."""

    asked: Sequence[Asked]
    out: Path
    title: str
    only: str | None = None
    jobs: int | None = None
    keep_going: bool = True
    command: Sequence[str] = field(default_factory=tuple)
    selects: bool = True

    def again(self, name: str) -> list[str]:
        """The command for one run alone, or for all that is left where there is no such command."""
        return [*self.command, "--only", name] if self.command and self.selects else list(self.command)


def run(request: Request) -> Result:
    """Do what is not done. Raises ``UserError`` before anything is trained for a combination that cannot work and for
    a folder that holds something else; what fails later is in the result."""
    began = time.monotonic()
    console = Console(stderr=True)
    chosen = choose(request.asked, request.only)
    make_plan(request.asked, request.out, request.title, chosen=chosen)  # what small files tell, before networks load
    console.print(f"looking at {len(chosen)} runs: networks, losses and data of each", highlight=False)
    inspector = Inspector()
    with progress("looking at runs", len(chosen), "runs") as looked:

        def look(config: RunConfig) -> dict[str, Any]:
            found = inspector.look(config)
            looked(min(looked.done + 1, len(chosen)))
            return found

        plan = make_plan(request.asked, request.out, request.title, chosen=chosen, look=look)
    for line in inspector.notices:
        console.print(line, highlight=False)
    places = slots(request.jobs, _device(request.asked))
    speeds = Speeds.of(request.out)
    mark(request.out, request.title, request.command)
    try:
        with Board(request.title, plan.jobs, speeds, len(places)) as board:
            Pool(
                plan.jobs, places, speeds, board.tell, board.tick, lambda job: request.again(job.name),
                keep_going=request.keep_going,
            ).run()  # fmt: skip
    finally:
        summary = summarise(plan, request.asked, request.command, time.monotonic() - began, request.again)
    return Result(plan, summary, exit_code(plan))


def exit_code(plan: Plan) -> int:
    if all(job.state in ("done", "was done") for job in plan.rows.values()):
        return 0
    faults = {job.fault for job in plan.rows.values() if job.state == "failed"}
    return 2 if faults == {"user"} else 1


def dry_run(request: Request) -> dict[str, Any]:
    """What :func:`run` would do (``rows``), and how long it may take (``seconds``, and in ``lines`` for people).

    Reads small files and touches nothing: weights and data are taken for what they were when a run was done.
    """
    chosen = choose(request.asked, request.only)
    plan = make_plan(request.asked, request.out, request.title, chosen=chosen)
    speeds = Speeds.of(request.out)
    at_once = len(slots(request.jobs, _device(request.asked)))
    left = [job for job in plan.jobs if not job.over]
    seconds = total_s(plan.jobs, speeds, at_once)
    alone = sum(speeds.steps_s(job.config) + speeds.overhead_s() for job in left if job.kind == "run") / at_once
    rows = [
        {
            "run": job.name,
            "folder": str(job.folder),
            "state": _dry_state(job),
            "steps": 0 if job.over else max(0, job.config.steps - steps_done(job)),
            "seconds": round(speeds.job_s(job), 1),
            "words": in_words(speeds.job_s(job)),
        }
        for job in plan.jobs
    ]
    lines = [f"{len(plan.jobs) - len(left)} of {len(plan.jobs)} jobs are done; {at_once} at a time"]
    if left:
        source = "; ".join(speeds.sources(left)) or "what runs take besides their steps"
        lines.append(f"about {in_words(seconds)} ({in_words(alone)} without sharing), estimated from {source}")
    else:
        lines.append("nothing to do")
    return {"rows": rows, "at_once": at_once, "seconds": seconds, "alone_seconds": alone, "lines": lines}


def _dry_state(job: Job) -> str:
    if job.over:
        return "done"
    if job.first is not None and not has_begun(job):
        return f"new, begins with {job.first.name}"
    done = steps_done(job)
    return f"goes on at step {done}" if done else "new"


def _device(asked: Sequence[Asked]) -> str:
    """The device of all runs, if they agree."""
    devices = {each.config.device for each in asked}
    return devices.pop() if len(devices) == 1 else "auto"

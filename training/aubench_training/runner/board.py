"""How the runs go, for people: a live table on a terminal, a line for every change where output is a file or a pipe."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .estimate import Speeds, in_words, total_s
from .jobs import Job
from .summary import scores

SECONDS_BETWEEN_LINES = 15.0
_COLOURS = {"running": "cyan", "elsewhere": "magenta", "done": "green", "was done": "green", "failed": "bold red"}
_FIRST = ("running", "elsewhere", "failed")
"""What is shown where not all jobs fit on the screen, and then the others in their order."""


class Board:
    """``with Board(title, jobs, speeds, at_once) as board``; then :meth:`tell` and :meth:`tick`."""

    def __init__(self, title: str, jobs: Sequence[Job], speeds: Speeds, at_once: int) -> None:
        self.title, self.jobs, self.speeds, self.at_once = title, jobs, speeds, at_once
        self.console = Console(stderr=True)
        self._scores: dict[Job, tuple[str, str]] = {}
        self._live = Live(get_renderable=self.table, console=self.console, refresh_per_second=2)
        self._last_line = time.monotonic()

    def __enter__(self) -> Board:
        for job in self.jobs:
            self._score(job)
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def tell(self, job: Job) -> None:
        """A job's state has changed."""
        self._score(job)
        if not self.console.is_terminal and job.state != "waiting":
            self._print(f"{_clock()} {job.name}: {self._said(job)} [{self._count()}]")

    def tick(self) -> None:
        """Time has passed."""
        if self.console.is_terminal or time.monotonic() - self._last_line < SECONDS_BETWEEN_LINES:
            return
        for job in self.jobs:
            if job.state in ("running", "elsewhere"):
                self._print(f"{_clock()} {job.name}: {self._said(job)}, {self._progress(job)}")

    def table(self) -> Any:
        """The table as it is now."""
        shown = self._chosen(max(3, self.console.height - 7))
        table = Table(box=None, header_style="bold", title=self.title, title_justify="left", expand=True)
        for name, style in (("run", {"ratio": 3}), ("state", {"ratio": 3}), ("progress", {"ratio": 2})):
            table.add_column(name, overflow="fold", **style)  # type: ignore[arg-type]
        for name in ("time", "left", "ICC(3,1)", "MAE"):
            table.add_column(name, justify="right", no_wrap=True)
        for job in shown:
            icc, mae = self._scores.get(job, ("", ""))
            working = job.state in ("running", "elsewhere")
            bar = ProgressBar(total=max(1, job.config.steps), completed=job.step) if working else Text("")
            left = in_words(job.left) if working and job.left is not None else ""
            spent = in_words(job.seconds) if job.seconds else ""
            colour = _COLOURS.get(job.state, "dim")
            table.add_row(Text(job.name), Text(self._said(job), style=colour), bar, spent, left, icc, mae)
        hidden = len(self.jobs) - len(shown)
        left_s = sum(job.left or 0.0 for job in self.jobs if job.state == "running")
        left_s += total_s([job for job in self.jobs if job.state in ("queued", "waiting")], self.speeds, 1)
        words = f"{self._count()}{f'; {hidden} more' if hidden else ''}; about {in_words(left_s / self.at_once)} left"
        return Group(table, Text(words, style="dim"))

    def _chosen(self, most: int) -> list[Job]:
        if len(self.jobs) <= most:
            return list(self.jobs)
        urgent = [job for state in _FIRST for job in self.jobs if job.state == state]
        recent = [job for job in reversed(self.jobs) if job.state == "done"]
        rest = [job for job in self.jobs if job.state in ("queued", "waiting")]
        others = [job for job in self.jobs if job.state in ("was done", "not run")]
        chosen = set([*urgent, *recent[: most // 3], *rest, *recent[most // 3 :], *others][:most])
        return [job for job in self.jobs if job in chosen]

    def _said(self, job: Job) -> str:
        """A job's state in words."""
        halved = " at half the batch" if job.halved else ""
        if job.state == "waiting" and job.first is not None:
            return f"waits for {job.first.name}"
        if job.state == "elsewhere":
            return "at work in another runner"
        if job.state == "running":
            place = f" on {job.device}" if job.device.startswith("cuda") else ""
            return f"running{place}{halved}" if job.step else f"preparing{place}{halved}"
        if job.state == "done":
            icc, mae = self._scores.get(job, ("", ""))
            words = f", ICC(3,1) {icc}, MAE {mae}" if icc and not self.console.is_terminal else ""
            return f"done{halved}{words}"
        if job.state in ("failed", "not run", "queued") and job.reason:
            return f"{job.state}: {job.reason}"
        return {"was done": "done before"}.get(job.state, job.state) + (halved if job.state == "was done" else "")

    def _progress(self, job: Job) -> str:
        left = f", about {in_words(job.left)} left" if job.left is not None else ""
        return f"step {job.step}/{job.config.steps}{left}"

    def _count(self) -> str:
        counts = Counter({"was done": "done", "elsewhere": "running", "waiting": "queued"}.get(j.state, j.state)
                         for j in self.jobs)  # fmt: skip
        order = ("done", "running", "queued", "failed", "not run")
        return ", ".join(f"{counts[state]} {state}" for state in order if counts[state])

    def _score(self, job: Job) -> None:
        if job.kind == "run" and job.state in ("done", "was done") and job not in self._scores:
            found = scores(job.folder)
            if found is not None:
                icc, mae = found["icc31"], found["mae"]
                self._scores[job] = ("-" if icc is None else f"{icc:.3f}", "-" if mae is None else f"{mae:.3f}")

    def _print(self, line: str) -> None:
        self._last_line = time.monotonic()
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _clock() -> str:
    return time.strftime("%H:%M:%S")

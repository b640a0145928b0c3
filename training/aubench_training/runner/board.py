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

from aubench.progress import in_words

from .estimate import Speeds, total_s
from .jobs import Job
from .summary import scores

SECONDS_BETWEEN_LINES = 15.0
_COLOURS = {"running": "cyan", "elsewhere": "magenta", "done": "green", "was done": "green", "failed": "bold red"}
_AT_WORK = ("running", "elsewhere")
_FIRST = (*_AT_WORK, "failed")
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
        # On a terminal the table says it all, but for a whole reason; that goes above the table, and stays.
        if job.reason if self.console.is_terminal else job.state != "waiting":
            self._print(f"{_clock()} {job.name}: {self._said(job)} [{self._count()}]")

    def tick(self) -> None:
        """Time has passed."""
        if self.console.is_terminal or time.monotonic() - self._last_line < SECONDS_BETWEEN_LINES:
            return
        for job in self.jobs:
            if job.state in _AT_WORK:
                self._print(f"{_clock()} {job.name}: {self._said(job)}, {self._progress(job)}")

    def table(self) -> Any:
        """The table as it is now; every job has one line, so that the screen holds it."""
        shown = self._chosen(max(3, self.console.height - 5))
        table = Table(box=None, header_style="bold", title=self.title, title_justify="left", expand=True)
        table.add_column("run", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("progress", no_wrap=True, overflow="ellipsis", ratio=1)
        for name in ("time", "left", "ICC(3,1)", "MAE"):
            table.add_column(name, justify="right", no_wrap=True)
        width = max(18, min(self.console.width * 2 // 3, self.console.width - 64))
        for job in shown:
            icc, mae = self._scores.get(job, ("", ""))
            left = in_words(job.left) if job.state in _AT_WORK and job.left is not None else ""
            spent = in_words(job.seconds) if job.seconds else ""
            state = Text(self._state(job), style=_COLOURS.get(job.state, "dim"))
            table.add_row(Text(_shortened(job.name, width)), state, self._detail(job), spent, left, icc, mae)
        hidden = len(self.jobs) - len(shown)
        words = self._count() + (f"; {hidden} more" if hidden else "")
        left_s = sum(job.left or 0.0 for job in self.jobs if job.state == "running")
        left_s += total_s([job for job in self.jobs if job.state in ("queued", "waiting")], self.speeds, 1)
        if left_s:
            words += f"; about {in_words(left_s / self.at_once)} left"
        return Group(table, Text(words, style="dim"))

    def _state(self, job: Job) -> str:
        """A job's state in a word or two, for the table."""
        word = {"elsewhere": "other runner", "was done": "done before"}.get(job.state, job.state)
        if job.state == "running":
            place = f"on {job.device}" if job.device.startswith("cuda") else "running"
            word = place if job.step else "preparing"
        return f"{word} ½ batch" if job.halved else word

    def _detail(self, job: Job) -> Any:
        """A bar, or why there is none."""
        if job.state in _AT_WORK:
            return ProgressBar(total=max(1, job.config.steps), completed=job.step)
        if job.state == "waiting" and job.first is not None:
            return Text(f"for {job.first.name}", style="dim")
        return Text(job.reason, style="red" if job.state == "failed" else "dim")

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
        """A job's state in words, for a line."""
        halved = " at half the batch" if job.halved else ""
        if job.state == "elsewhere":
            return "at work in another runner"
        if job.state == "running":
            place = f" on {job.device}" if job.device.startswith("cuda") else ""
            return f"{'running' if job.step else 'preparing'}{place}{halved}"
        if job.state == "done" and job in self._scores:
            icc, mae = self._scores[job]
            return f"done{halved}, ICC(3,1) {icc}, MAE {mae}"
        return f"{job.state}: {job.reason}" if job.reason else f"{job.state}{halved}"

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


def _shortened(name: str, width: int) -> str:
    """A name cut in its middle: its end tells the seed."""
    return name if len(name) <= width else f"{name[: width - 9]}…{name[-8:]}"


def _clock() -> str:
    return time.strftime("%H:%M:%S")

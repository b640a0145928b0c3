"""What is to be done for the runs that are asked for: which are done already, which share their first phase.

The first phase (sampled loopback) does not depend on the losses. Where several runs of a plan have the same, it is a
job of its own, trained once; they begin with its last checkpoint, and end as if they had trained it themselves.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aubench.errors import UserError

from ..config import RunConfig, check
from .asked import Asked
from .card import Card, Fault, Kind
from .identity import agrees, content_hash, identity, unlike

MATRIX = "matrix.json"
CONFIG, REPORT = "config.yaml", "report.json"
"""As the trainer calls them, whose module costs seconds to import."""
LOCKS = ".locks"
CHECKPOINTS = "checkpoints"
FIRST_PHASE = "first-phase"
State = Literal["queued", "waiting", "running", "elsewhere", "done", "was done", "failed", "not run"]
_SECOND_PHASE_ADDITIONS = ("sampled_loopback", "frozen_statistics")


@dataclass(eq=False)
class Job:
    """One process's work, and how it goes. ``first``: the job whose last checkpoint it begins with."""

    kind: Kind
    name: str
    folder: Path
    config: RunConfig
    identity: dict[str, Any]
    first: Job | None = None
    state: State = "queued"
    fault: Fault | None = None
    reason: str = ""
    halved: list[str] = field(default_factory=list)
    retried: bool = False
    step: int = 0
    seconds: float = 0.0
    left: float | None = None
    device: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("done", "was done", "failed", "not run")

    @property
    def hash(self) -> str:
        return content_hash(self.identity)

    def lock(self) -> Path:
        return self.folder.parent / LOCKS / f"{self.folder.name}.lock"


@dataclass(frozen=True)
class Plan:
    """``jobs`` in the order in which they are to start; ``rows``: the job of every run that is asked for."""

    out: Path
    title: str
    jobs: list[Job]
    rows: dict[str, Job]
    sharing: dict[str, int]
    """How many runs of the whole share each first phase that is a job of its own, by its name."""


def make_plan(
    asked: Sequence[Asked],
    out: Path,
    title: str,
    *,
    chosen: Sequence[Asked] | None = None,
    look: Callable[[RunConfig], dict[str, Any]] | None = None,
) -> Plan:
    """Jobs for the ``chosen`` of the runs that are ``asked`` for (by default all) under ``out``.

    ``look`` finds what decides a run besides config and versions (:meth:`.identity.Inspector.look`); without it nothing
    but small files is read. Raises ``UserError`` for what ``look`` finds wrong, and where ``out`` holds something else.
    """
    _check_out(out, title)
    chosen = list(asked if chosen is None else chosen)
    cards = _cards(out)

    def decides(config: RunConfig) -> dict[str, Any]:
        return identity(config, look(config) if look is not None else None)

    shared = Counter(key for each in asked if (key := first_phase(each.config)) is not None)
    firsts: dict[str, Job] = {}
    taken = {folder.name for folder in cards}
    rows: dict[str, Job] = {}
    jobs: list[Job] = []
    for each in chosen:
        mine = decides(each.config)
        twin = next((job for job in rows.values() if job.identity == mine), None)
        if twin is not None:
            rows[each.name] = twin
            continue
        job = Job("run", each.name, _folder(out, each.name, "run", mine, cards), each.config, mine)
        key = first_phase(each.config)
        if key is not None and shared[key] > 1:
            if key not in firsts:
                config = check(json.loads(key))
                firsts[key] = _first(out, config, decides(config), cards, taken)
                _recognise(firsts[key], cards)
            job.first = firsts[key]
        rows[each.name] = job
        _recognise(job, cards)
        if job.first is not None and not job.over and job.first not in jobs and not has_begun(job):
            jobs.append(job.first)
        jobs.append(job)
    sharing = {job.name: shared[key] for key, job in firsts.items()}
    return Plan(out, title, jobs, rows, sharing)


def first_phase(config: RunConfig) -> str | None:
    """The run that is only the first phase, as JSON, equal for all runs that may share it; None without one."""
    if not config.additions.loopback_first or not config.loopback.steps:
        return None
    values = config.model_dump(mode="json")
    values |= {"recipe": FIRST_PHASE, "losses": {}, "loss_options": {}, "recogniser": None, "baselines": []}
    values["label_free"] = {"steps": 0, "batch": 1, "sampled_batch": 0, "learning_rate": 1.0}
    values["person"] = values["person"] | {"steps": 0}
    values["additions"] |= dict.fromkeys(_SECOND_PHASE_ADDITIONS, False)
    values.pop("plugins", None)
    return json.dumps(values, sort_keys=True)


def has_begun(job: Job) -> bool:
    """Whether it has checkpoints of its own, and so no need of another's."""
    return (job.folder / CHECKPOINTS).is_dir()


def _check_out(out: Path, title: str) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"--out {out}: is a file, not a folder", code="output-unwritable")
    try:
        known = json.loads((out / MATRIX).read_text("utf-8"))["matrix"]
    except FileNotFoundError:
        if any(out.iterdir()):
            raise UserError(
                f"--out {out}: is not empty and holds no matrix of runs; choose another folder", code="output-exists"
            ) from None
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UserError(
            f"{out / MATRIX}: cannot be read; delete it, or choose another --out", code="file-damaged"
        ) from None
    if known != title:
        raise UserError(
            f"--out {out}: holds the runs of matrix {known!r}, not of {title!r}; choose another folder",
            code="run-mismatch",
        )


def _cards(out: Path) -> dict[Path, Card]:
    folders = sorted(path for path in out.iterdir() if path.is_dir()) if out.is_dir() else []
    return {folder: card for folder in folders if (card := Card.read(folder)) is not None}


def _folder(out: Path, name: str, kind: Kind, mine: dict[str, Any], cards: dict[Path, Card]) -> Path:
    """Where this very run lies already, by content; else the folder of its name, which must be free."""
    wanted = out / name
    for folder in (wanted, *cards):
        card = cards.get(folder)
        if card is not None and card.kind == kind and agrees(card.identity, mine):
            return folder
    if (card := cards.get(wanted)) is not None:
        raise UserError(
            f"{wanted}: holds a run of another config ({', '.join(unlike(card.identity, mine)[:4])} differs); choose "
            "another --out, or move that folder away",
            code="run-mismatch",
        )
    if (wanted / CONFIG).is_file():
        raise UserError(f"{wanted}: holds a run that this matrix did not make; choose another --out", code="run-exists")
    return wanted


def _first(out: Path, config: RunConfig, mine: dict[str, Any], cards: dict[Path, Card], taken: set[str]) -> Job:
    """The job of a shared first phase, in its folder by content, or in a new one of the next free number."""
    for folder, card in cards.items():
        if card.kind == "first phase" and agrees(card.identity, mine):
            return Job("first phase", folder.name, folder, config, mine)
    name = next(name for n in itertools.count() if (name := f"{FIRST_PHASE}-{n}") not in taken)
    taken.add(name)
    return Job("first phase", name, out / name, config, mine)


def _recognise(job: Job, cards: dict[Path, Card]) -> None:
    """Take over what the job's card says of it."""
    card = cards.get(job.folder)
    if card is not None:
        job.halved, job.retried = card.halved, card.retried
        kept = job.folder / (REPORT if job.kind == "run" else CHECKPOINTS)
        if card.state == "done" and kept.exists():
            job.state = "was done"

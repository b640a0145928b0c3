"""One job in a process of its own: started by :mod:`.pool`, told on standard input what to do, gone when its runner is.

The process holds the job's lock, writes its card and leaves with a code that says how it went. Nothing here is imported
before the lock is there: torch costs seconds.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from aubench.errors import UserError, code_of_errno, with_code
from aubench.locks import Busy, lock
from aubench.processes import leave_with_parent

from ..config import RunConfig, check, dump
from .card import Card, Fault
from .jobs import CHECKPOINTS, CONFIG

DONE, INTERNAL, USER, MEMORY, ELSEWHERE = 0, 1, 2, 3, 75
"""Exit codes; the last: another process has the job's lock."""
_CODES: dict[Fault, int] = {"internal": INTERNAL, "user": USER, "memory": MEMORY}
_MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""What PyTorch says on devices for which it has no error of its own."""


def work(job: dict[str, Any]) -> int:
    """Do a job (see :meth:`.pool.Pool`) and return the process's exit code."""
    # Standard input ends when the runner is no more: whoever goes on with the runs must not meet this process, nor its
    # own.
    leave_with_parent(group=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock(Path(job["lock"]), wait=False))
        except Busy:
            return ELSEWHERE
        folder = Path(job["folder"])
        card = Card.read(folder)
        if card is not None and card.state == "done" and card.hash == job["hash"]:
            return DONE  # another runner was quicker
        if card is None or card.hash != job["hash"]:
            card = Card.of(job["kind"], job["name"], job["identity"])
        card.state, card.fault, card.reason = "running", None, ""
        fault, reason = _attempt(job, folder, card)
        if fault is None:
            return DONE
        card.state, card.fault, card.reason = "failed", fault, " ".join(reason.split())
        with contextlib.suppress(OSError):  # a full disk, perhaps the very fault: the code still says it
            card.write(folder)
        return _CODES[fault]


def _attempt(job: dict[str, Any], folder: Path, card: Card) -> tuple[Fault | None, str]:
    """Run it; what went wrong, if anything, and a line about it."""
    try:
        _run(job, folder, card)
        return None, ""
    except UserError as error:
        told = with_code(str(error), error.code)
        print(f"error: {told}", file=sys.stderr)
        return "user", told
    except Exception as error:
        traceback.print_exc()
        if isinstance(error, OSError) and error.errno in _MENDABLE:
            where = f"{error.filename}: " if error.filename else ""
            return "user", with_code(f"{where}{error.strerror}", code_of_errno(error.errno))
        words = f"{type(error).__name__}: {error}"
        return ("memory" if _is_memory(error) else "internal"), words


def _is_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _MEMORY_WORDS)


def _run(job: dict[str, Any], folder: Path, card: Card) -> None:
    import torch

    from ..trainer import train

    if job["threads"]:
        torch.set_num_threads(job["threads"])
    config = check(json.loads(job["config"]))
    first = Path(job["first"]) if job["first"] else None
    if job["halve"] and not card.retried:
        _set_back(folder, card, config, shared=first is not None)
    if first is not None:
        card.first_phase = first.name
        shared = Card.read(first)
        if shared is not None and shared.halved and "loopback" not in card.halved:
            card.halved = ["loopback", *card.halved]
    config = halve(config, card.halved)
    card.write(folder)
    began = time.monotonic()
    if card.kind == "first phase":
        facts = _train_first_phase(config, folder)
        card.steps_per_s, card.train_s = facts["steps_per_s"], facts["train_s"]
    else:
        if first is not None and not (folder / CHECKPOINTS).is_dir():
            _begin_with(first / CHECKPOINTS, folder)
        notes = {"halved_batch": card.halved} if card.halved else {}
        _, report = train(config, folder, resume=True, command=job["command"], tensorboard=False, notes=notes)
        if report.training is not None:
            card.steps_per_s, card.train_s = report.training.steps_per_s, report.training.train_s
    card.state = "done"
    card.wall_s = round(time.monotonic() - began, 1)
    card.write(folder)


def halve(config: RunConfig, phases: list[str]) -> RunConfig:
    """Half the batches of these phases, rounded down, at least one."""
    values = config.model_dump(mode="json")
    for phase in phases:
        for key in ("batch", "sampled_batch"):
            values[phase][key] = max(min(1, values[phase][key]), values[phase][key] // 2)
    return check(values)


def _set_back(folder: Path, card: Card, config: RunConfig, shared: bool) -> None:
    """Prepare for half the batch: in all phases, or, where the first one is done (or ``shared``), in the second."""
    first = config.loopback.steps if config.additions.loopback_first else 0
    steps = {int(path.stem[5:]): path for path in (folder / CHECKPOINTS).glob("step-*.safetensors")}
    card.retried = True
    if card.kind == "first phase":
        phases, kept = ["loopback"], False
    else:
        kept = bool(first) and first in steps
        phases = ["label_free"] if kept or shared else ["loopback", "label_free"]
    card.halved = list(dict.fromkeys([*card.halved, *phases]))
    if kept:
        for step, path in steps.items():
            if step > first:
                path.unlink()
    else:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    (folder / CONFIG).unlink(missing_ok=True)  # the trainer would refuse to go on with another one


def _begin_with(checkpoints: Path, folder: Path) -> None:
    """Copy the last checkpoint of a first phase."""
    partial = folder / f"{CHECKPOINTS}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    shutil.copy2(max(checkpoints.glob("step-*.safetensors")), partial)
    partial.rename(folder / CHECKPOINTS)


def _train_first_phase(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Train, and keep the last checkpoint: nobody asks for predictions of a run that is half done."""
    from rich.console import Console

    from aubench.data.labels import locked
    from aubench.files import atomic_write_text

    from ..bench import Bench
    from ..device import seed_everything
    from ..loop import fit

    seed_everything(config.seed)
    with locked():
        bench = Bench(config, Console(stderr=True))
        atomic_write_text(folder / CONFIG, dump(config))
        return fit(bench, folder, resume=True, tensorboard=False)

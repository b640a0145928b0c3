"""Making the data: once, with all cores, safely beside other processes that want the same, resumable after a kill."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.data.labels import LABEL_SUFFIX
from aubench.data.store import MANIFEST, seal
from aubench.engine_digest import engine_digest
from aubench.errors import UserError, code_of_errno
from aubench.files import atomic_write_bytes, atomic_write_text, cache_folder
from aubench.mapped import new_array
from aubench.materialise import materialise
from aubench.processes import available_cores, how_it_ended, python
from aubench.progress import progress

from . import SynthConfig
from .schedule import AUS, Schedule, make
from .worker import FRAMES, chunks, draw_share, engine_options, marker

VERSION = 1
"""Raised whenever the same configuration gives other data."""
LABELS = f"labels/intensities{LABEL_SUFFIX}"
TRUTH = f"labels/parameters{LABEL_SUFFIX}"
INDEX = "index.csv"


def facts(config: SynthConfig) -> dict[str, object]:
    """What decides the data."""
    return {
        "version": VERSION,
        # Without a gap the data are what they were before there was one, and keep their key.
        "config": config.model_dump(exclude={"workers"} if config.gap else {"workers", "gap"}),
        "engine": engine_digest(config.engine, engine_options(config)),
        "aus": list(AUS),
    }


def folder_of(config: SynthConfig) -> Path:
    key = hashlib.sha256(json.dumps(facts(config), sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / f"synth-{key}"


def ensure(config: SynthConfig) -> Path:
    """The folder of the finished data, made now if this is the first use. Raises ``UserError`` if the cache cannot hold
    it, or with the engine's own words if drawing fails."""
    folder = folder_of(config)
    try:
        return materialise(
            folder,
            lambda: folder if (folder / MANIFEST).is_file() else None,
            lambda building: _make(config, building),
            resumable=lambda building: (building / FRAMES).is_file(),
        )
    except OSError as error:
        raise UserError(
            f"{folder}: cannot create the data ({error}). Set AUBENCH_CACHE to a folder with more space.",
            code=code_of_errno(error.errno),
        ) from error


def _make(config: SynthConfig, building: Path) -> None:
    schedule = make(config)
    (building / "drawn").mkdir(exist_ok=True)
    if not (building / FRAMES).is_file():
        # Named when whole, so that a kill in between leaves no file with the name and a wrong header.
        new_array(building / "frames.new", np.uint8, (len(schedule), config.size, config.size, 3))
        os.replace(building / "frames.new", building / FRAMES)
    _draw_all(config, schedule, building)
    known = {
        LABELS: _write_array(building / LABELS, schedule.labels()),
        TRUTH: _write_array(building / TRUTH, np.hstack([schedule.pose, schedule.au, schedule.nuisance])),
    }
    atomic_write_text(building / INDEX, _index(schedule))
    shutil.rmtree(building / "drawn")
    (building / "config.json").unlink()
    seal(building, {**facts(config), "schedule": schedule.digest(), "train_rows": int(schedule.train.sum())}, known)


def _draw_all(config: SynthConfig, schedule: Schedule, building: Path) -> None:
    parts = chunks(len(schedule))
    left = [part for part in parts if not marker(building, part).exists()]
    workers = min(config.workers or available_cores(), len(left))
    atomic_write_text(building / "config.json", config.model_dump_json())
    known = len(schedule) - sum(part.stop - part.start for part in left)
    with progress("drawing synthetic people", len(schedule), "pictures", start=known) as report:

        def count() -> None:
            report(sum(part.stop - part.start for part in parts if marker(building, part).exists()))

        if workers <= 1:
            for _ in draw_share(config, schedule, building, 0, 1):
                count()
        else:
            _run_workers(building, workers, count)


def _run_workers(building: Path, workers: int, count: Callable[[], None]) -> None:
    """Own processes, not ``multiprocessing``: its spawn would import the user's script again in every worker."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    }
    logs = [building / "drawn" / f"worker-{i}.log" for i in range(workers)]
    running = []
    try:
        for i, log in enumerate(logs):
            command = python("-m", f"{__package__}.worker", str(building), str(i), str(workers))
            with open(log, "wb") as file:
                # Standard input is what each watches: it ends when this process does.
                running.append(
                    subprocess.Popen(
                        command, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT
                    )
                )
        while any(process.poll() is None for process in running):
            time.sleep(0.1)
            count()
            if any(process.poll() for process in running):
                break
        for process, log in zip(running, logs, strict=True):
            if code := process.poll():
                if code < 0:
                    raise UserError(
                        f"a process that rendered synthetic people {how_it_ended(code)}; finished parts stay. If "
                        "memory was short, use fewer workers (`workers` of data set synth)",
                        code="worker-died",
                    )
                words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise RuntimeError(
                    f"a drawing process ended with {code}: {words[-1] if words else 'no output'} ({log})"
                )
    finally:
        for process in running:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
    count()


def _write_array(path: Path, array: npt.NDArray[np.generic]) -> str:
    """Write it; its SHA-256 is taken on the way, because a locked door lets nobody read the file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    atomic_write_bytes(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _index(schedule: Schedule) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "subject", "sequence", "frame"])
    for train, *rest in zip(schedule.train, schedule.subject, schedule.sequence, schedule.frame, strict=True):
        writer.writerow(["train" if train else "test", *rest])
    return text.getvalue()

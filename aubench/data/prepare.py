"""A data set made ready: all recordings, on all cores, beside other processes that make the same, resumable.

The unit of work is a recording: whoever holds its lock makes it, and what is whole is never made again, so that after a
kill only the recordings then in hand start again. The store's card is written when all are there.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aubench.data.frame_store import CARD, FrameStore, RecordingCard, StoreCard, digest_of, store_folder
from aubench.data.making import VERSION, Making, fingerprint, finished, folder_name, make
from aubench.data.records import Images, Reader, Recording, Scan
from aubench.data.store import Manifest
from aubench.errors import UserError, code_of_errno
from aubench.files import atomic_write_text
from aubench.locks import Busy
from aubench.materialise import materialise, sweep, working_on
from aubench.processes import Workers, available_cores, children_environment
from aubench.progress import progress

MAX_LOST = 0.01
"""Share of a sequence's frames that may be lost."""


@dataclass(frozen=True)
class _Job:
    recording: Recording
    folder: Path
    lock: Path
    mark: str
    threads: int


def prepare(
    reader: Reader,
    root: Path,
    parent: Path,
    making: Making,
    *,
    max_lost: float = MAX_LOST,
    workers: int | None = None,
    redo: bool = False,
    scan: Scan | None = None,
) -> FrameStore:
    """Scan ``root`` and make what is not there yet; returns the finished store.

    ``workers``: processes, all cores by default; ``redo`` makes all again. Raises ``UserError`` where a sequence loses
    more than ``max_lost`` of its frames (all the others are made and kept), where two sequences have one name, where
    nothing is found, and when the disk is full.
    """
    if scan is None:
        with progress(f"scanning {root}"):
            scan = reader.scan(root)
    _refuse_twins(scan.recordings, root)
    if not scan.recordings:
        raise UserError(
            f"{root}: no usable recording of data set {reader.name!r}; see `aubench data check`",
            code="dataset-incomplete",
        )
    folder = store_folder(parent, reader.name, root, reader.options(), making)
    try:
        (folder / ".locks").mkdir(parents=True, exist_ok=True)
        manifests = _make_all(scan.recordings, folder, making, root, workers or available_cores(), redo)
        cards = [_card(r, manifests[r.sequence]) for r in scan.recordings]
        _refuse_losses(folder, cards, max_lost)
        cards = [card for card in cards if card.rows]
        if not cards:
            raise UserError(f"{folder}: no frame could be used; see {folder}/*/lost.csv", code="dataset-incomplete")
        store = StoreCard(
            version=VERSION,
            dataset=reader.name,
            people=reader.people,
            aus=reader.aus,
            root=os.path.realpath(root),
            options=dict(reader.options()),
            making=asdict(making),
            facts=dict(scan.facts),
            problems=dict(Counter(problem.severity for problem in scan.problems)),
            recordings=tuple(cards),
            coded=scan.coded,
            digest=digest_of(cards),
        )
        atomic_write_text(folder / CARD, store.model_dump_json(indent=1) + "\n")
    except KeyboardInterrupt:
        sweep(folder)  # what its workers had in hand
        raise
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: {error.strerror or error}; choose another place with --store DIR",
            code=code_of_errno(error.errno),
        ) from error
    return FrameStore(folder)


def _refuse_twins(recordings: Sequence[Recording], root: Path) -> None:
    """Names that are equal but for their case would share a folder on some systems."""
    seen: dict[str, str] = {}
    for recording in recordings:
        other = seen.setdefault(recording.sequence.casefold(), recording.sequence)
        if other is not recording.sequence:
            raise UserError(
                f"{root}: two recordings have the name {recording.sequence!r}; see `aubench data check`",
                code="dataset-invalid",
            )


def _card(recording: Recording, manifest: Manifest) -> RecordingCard:
    names = ("subject", "sequence", "camera", "rows", "wanted", "lost", "sources")
    return RecordingCard(
        folder=folder_name(recording.sequence),
        digest=manifest.digest,
        media="images" if isinstance(recording.media, Images) else "video",
        **{name: manifest.facts[name] for name in names},
    )


def _refuse_losses(folder: Path, cards: Sequence[RecordingCard], max_lost: float) -> None:
    bad = [card for card in cards if sum(card.lost.values()) > max_lost * card.wanted]
    if not bad:
        return
    worst = max(bad, key=lambda card: sum(card.lost.values()) / card.wanted)
    count = sum(worst.lost.values())
    why = next(iter(worst.lost))
    raise UserError(
        f"{folder / worst.folder}: {count} of {worst.wanted} frames of sequence {worst.sequence} cannot be used, most "
        f"of them: {why}; {len(bad)} of {len(cards)} sequences lose more than {max_lost:.3g} of their frames (each "
        f"frame's reason is in lost.csv). Correct them, or allow more with --max-lost of `aubench data prepare`",
        code="dataset-incomplete",
    )


# --- all cores --------------------------------------------------------------------------------------------------------


def _make_all(
    recordings: Sequence[Recording], folder: Path, making: Making, root: Path, workers: int, redo: bool
) -> dict[str, Manifest]:
    """Manifests of all recordings by sequence, made now where they are not there."""
    done: dict[str, Manifest] = {}
    jobs: list[_Job] = []
    with progress("looking for what is prepared already", len(recordings), "recordings") as looked:
        for number, recording in enumerate(recordings, 1):
            name, mark = folder_name(recording.sequence), fingerprint(recording, making, root)
            job = _Job(recording, folder / name, folder / ".locks" / f"{name}.lock", mark, 0 if workers <= 1 else 1)
            manifest = None if redo else finished(job.folder, mark)
            if manifest is None:
                jobs.append(job)
            else:
                done[recording.sequence] = manifest
            looked(number)
    total = sum(len(recording.frames) for recording in recordings)
    known = total - sum(len(job.recording.frames) for job in jobs)
    with progress("preparing frames", total, "frames", start=known) as report:
        # The longest first, so that no core is left with it at the end.
        jobs.sort(key=lambda job: -len(job.recording.frames))
        if min(workers, len(jobs)) <= 1:
            counter = _Count(report, known)
            for job in jobs:
                done[job.recording.sequence] = _settle(job, making, redo, counter)
        else:
            done |= _run_pool(jobs, making, min(workers, len(jobs)), redo, lambda count: report(known + count))
    return done


class _Count:
    def __init__(self, report: Callable[[int], None], start: int) -> None:
        self.report, self.count = report, start

    def __call__(self, more: int) -> None:
        self.count += more
        self.report(self.count)


def _settle(job: _Job, making: Making, redo: bool, progress: Callable[[int], None], wait: bool = True) -> Manifest:
    """Make a recording, or find that another process has made it; raises ``Busy`` where that still works on it and
    ``wait`` is false."""
    began = time.time()
    made = False

    def find() -> Manifest | None:
        manifest = finished(job.folder, job.mark)
        # Another process may have made it since: then it is new enough for ``redo``, too.
        return manifest if manifest is not None and (not redo or job.folder.stat().st_mtime >= began) else None

    def build(folder: Path) -> None:
        nonlocal made
        made = True
        make(job.recording, folder, making, job.mark, progress, threads=job.threads)

    manifest = materialise(job.folder, find, build, lock_file=job.lock, wait=wait)
    if not made:
        progress(len(job.recording.frames))
    return manifest


def _run_pool(
    jobs: Sequence[_Job], making: Making, workers: int, redo: bool, report: Callable[[int], None]
) -> dict[str, Manifest]:
    """The jobs in processes. What another process is at is put off, and waited for in the end."""
    done: dict[str, Manifest] = {}
    with children_environment():  # the counter, too, starts a process
        counter = multiprocessing.get_context("spawn").Value("q", 0)
    with Workers(workers, _start_worker, shared=counter) as pool:
        waiting: dict[Future[Manifest | None], _Job] = {pool.submit(_work, j, making, redo, False): j for j in jobs}
        try:
            while waiting:
                finished_ones = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED).done
                report(counter.value)
                for future in finished_ones:
                    job, manifest = waiting[future], future.result()
                    del waiting[future]
                    if manifest is None:
                        waiting[pool.submit(_work, job, making, redo, True)] = job
                    else:
                        done[job.recording.sequence] = manifest
        except BrokenProcessPool:
            raise _died(pool.deaths(), list(waiting.values())) from None
    return done


def _died(deaths: Mapping[int, str], jobs: Sequence[_Job]) -> UserError:
    """What to say of workers that ended early: the recording that each had in hand, and what may help."""
    for pid, how in deaths.items():
        for job in jobs:
            if working_on(job.folder, pid):
                media = job.recording.media
                file = media.paths[0].parent if isinstance(media, Images) else media.path
                return UserError(
                    f"{file}: the process that prepared recording {job.recording.sequence} {how}. "
                    + _WHAT_HELPS.get(
                        how.rpartition("(")[2],
                        "A file of this recording, perhaps its landmarks, may be damaged: repair it or leave it out",
                    ),
                    code="worker-died",
                )
    how = next(iter(deaths.values()), "ended early")
    return UserError(f"a process that prepared recordings {how}; try --workers 1", code="worker-died")


_WHAT_HELPS = {"SIGKILL)": "Memory may be short: take fewer --workers; what is done is kept"}


_counter: Any = None
STEP = 8
"""Frames between two reports of a worker."""


def _start_worker(counter: Any) -> None:
    """The counter is shared; OpenCV has threads of its own, which no variable limits."""
    global _counter
    _counter = counter
    import cv2

    cv2.setNumThreads(1)


def _work(job: _Job, making: Making, redo: bool, wait: bool) -> Manifest | None:
    """In a worker: the manifest of a recording, ``None`` where another process has it in hand."""
    pending = 0

    def progress(more: int) -> None:
        nonlocal pending
        pending += more
        if pending >= STEP:
            flush()

    def flush() -> None:
        nonlocal pending
        with _counter.get_lock():
            _counter.value += pending
        pending = 0

    try:
        return _settle(job, making, redo, progress, wait)
    except Busy:
        return None
    finally:
        flush()

"""Speed of preparing and reading data: frames/s of each stage, bytes per frame, random reads/s.

    python benchmarks/data_speed.py [--frames 400] [--size 128] [--json FILE]

A video like DISFA's (1024 x 768, MPEG-4 in AVI, one moving portrait) is made first. Stages are timed one by one in this
process with one thread, in CPU time, so that the numbers hold for one core whatever else the machine does; the whole of
`aubench data prepare` is timed with all cores by the clock. Reads are at random over the whole store, which lies in
the page cache: in one core's CPU time, and in batches with all threads by the clock. Numbers by the clock mean
something on a machine that does nothing else; `load` tells.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import cv2
import numpy as np
import numpy.typing as npt
import torch
from skimage import data

from aubench.data.crops import CropFile, CropStack, encode
from aubench.data.fivepoints import detector
from aubench.data.making import Making
from aubench.data.prepare import prepare
from aubench.data.records import Recording, Scan, Video, empty_labels
from aubench.data.video import read_frames
from aubench.predict.align import Canvas, crop
from aubench.predict.track import Tracker
from aubench.processes import available_cores

FIVE = (np.array([[204.0, 101], [246, 103], [223, 128], [203, 139], [245, 141]]) - (80, 0)) * 3.0
"""Eyes, nose tip and mouth corners of the portrait in the picture, by eye."""


def picture(number: int) -> npt.NDArray[np.uint8]:
    """A portrait in 1024 x 768 that sways."""
    face = cv2.resize(data.astronaut()[0:256, 80:421], (1024, 768), interpolation=cv2.INTER_CUBIC)
    shift = (12 * np.sin(number / 9), 8 * np.sin(number / 13))
    moved = cv2.warpAffine(
        face, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), (1024, 768), borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def write_video(path: Path, frames: int) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=20, options={"q:v": "4"})
        stream.height, stream.width, stream.pix_fmt = 768, 1024, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())


class Videos:
    """A data set of the same video under several names."""

    name, people, aus = "speed", "speed", ("AU01",)

    def __init__(self, path: Path, frames: int, recordings: int) -> None:
        self.path, self.frames, self.recordings = path, frames, recordings

    def options(self) -> dict[str, Any]:
        return {}

    def scan(self, root: Path) -> Scan:
        numbers = np.arange(self.frames)
        return Scan(
            tuple(
                Recording(f"S{i}", f"S{i}", Video(self.path), numbers, *empty_labels(self.frames, 1))
                for i in range(self.recordings)
            )
        )


def rate(count: int, work: Callable[[], object]) -> tuple[float, Any]:
    """Items per second of CPU time, and what the work gave."""
    began = time.process_time()
    result = work()
    return count / max(time.process_time() - began, 1e-9), result


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def stages(path: Path, frames: int, size: int) -> dict[str, float]:
    """Frames/s of one core in each stage."""
    speeds = {}
    speeds["decode"], pictures = rate(frames, lambda: [i for _, i in read_frames(path, range(frames), threads=1)])
    tracker = Tracker(detector())
    speeds["detect"], _ = rate(frames, lambda: [tracker.step(Canvas(image)) for image in pictures])
    speeds["detect anew"], _ = rate(10, lambda: [detector().detect(Canvas(image)) for image in pictures[:10]])
    speeds["align"], crops = rate(frames, lambda: [crop(Canvas(image), FIVE, size)[0] for image in pictures])
    speeds["encode"], _ = rate(frames, lambda: [encode(each, "jpeg") for each in crops])
    return speeds


def reads(files: list[CropFile], count: int) -> dict[str, float]:
    """Random reads per second: alone in one core's CPU time, and in batches with all threads by the clock."""
    dice = np.random.default_rng(0)
    lengths = [len(each.index) for each in files]
    which = np.repeat(np.arange(len(files), dtype=np.int32), lengths)
    rows = np.concatenate([np.arange(n, dtype=np.int32) for n in lengths])
    stack = CropStack(files, which, rows)
    order = dice.integers(0, len(stack), count)
    alone, _ = rate(count, lambda: [stack[int(i)] for i in order])
    began = time.perf_counter()
    for start in range(0, count, 256):
        np.asarray(stack[order[start : start + 256]])
    return {"one core": alone, f"{available_cores()} threads, by the clock": count / (time.perf_counter() - began)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=400, help="frames of the video")
    parser.add_argument("--recordings", type=int, default=0, help="recordings to prepare with all cores; 0: one each")
    parser.add_argument("--size", type=int, default=128, help="side of the crops")
    parser.add_argument("--reads", type=int, default=20000)
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    frames, size = arguments.frames, arguments.size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_video(folder / "video.avi", frames)
        found: dict[str, Any] = {"frames": frames, "size": size, "cores": available_cores(), "load": os.getloadavg()[0]}
        found["frames/s of one core"] = stages(folder / "video.avi", frames, size)
        recordings = arguments.recordings or available_cores()
        for codec in ("jpeg", "raw"):
            began, spent = time.perf_counter(), cpu_seconds()
            reader = Videos(folder / "video.avi", frames, recordings)
            store = prepare(reader, folder, folder / "stores", Making(size, "detector", codec))
            seconds, spent = time.perf_counter() - began, cpu_seconds() - spent
            written = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
            found[codec] = {
                "prepare frames/s, all cores, detector, by the clock": recordings * frames / seconds,
                "prepare frames per CPU second, detector, start of processes included": recordings * frames / spent,
                "bytes per frame, all files": written / store.card.rows,
                "random reads/s": reads(store.files, arguments.reads),
                "verify frames/s of one core": rate(store.card.rows, store.verify)[0],
            }
    print(json.dumps(found, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""A data set of the tests' own, as a third party would write one: videos of one portrait, labels and landmarks beside.

Under the root: ``<subject>_<take>.avi`` (or a folder ``<subject>_<take>`` of PNGs), ``<subject>_<take>.txt`` with lines
``frame,AU01,AU12`` counted from 1 (9: missing, p: present), and, if asked for, ``<subject>_<take>.npy`` with landmarks.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from skimage import data

from aubench import hookimpl
from aubench.component import Component
from aubench.data.dataset import PreparedDataset
from aubench.data.landmarks import IBUG68
from aubench.data.prepared import PreparedConfig
from aubench.data.records import Images, LandmarkSource, Problem, Recording, Scan, State, Video, empty_labels
from aubench.errors import UserError

FIVE = np.array([[204.0, 101], [246, 103], [223, 128], [203, 139], [245, 141]]) - (110, 20)
"""Eyes, nose tip, mouth corners of the portrait, by eye."""


def portrait(shift: tuple[int, int] = (0, 0), tint: int = 0) -> np.ndarray:
    """A person before a grey wall (200 x 240), moved by whole pixels; ``tint`` makes it another one."""
    picture = np.roll(data.astronaut()[20:220, 110:350], (shift[1], shift[0]), (0, 1))
    return np.ascontiguousarray(np.roll(picture, tint, axis=2))


def shift_of(frame: int) -> tuple[int, int]:
    return frame % 7, (2 * frame) % 5


def landmarks_of(frame: int) -> np.ndarray:
    """68 points of which only those that alignment asks for are right."""
    points = np.full((68, 2), 100.0, np.float32)
    five = FIVE + shift_of(frame)
    for place, group in zip(five, (range(36, 42), range(42, 48), [30], [48], [54]), strict=True):
        points[list(group)] = place
    return points


def write_take(
    root: Path, name: str, count: int, *, labels: list[str] | None = None, images: bool = False, landmarks: bool = True
) -> None:
    root.mkdir(parents=True, exist_ok=True)
    tint = sum(name.encode()) % 3
    pictures = [portrait(shift_of(i), tint) for i in range(count)]
    if images:
        (root / name).mkdir()
        for i, picture in enumerate(pictures):
            cv2.imwrite(str(root / name / f"{i + 1:03d}.png"), picture[..., ::-1])
    else:
        with av.open(str(root / f"{name}.avi"), "w") as container:
            stream = container.add_stream("mpeg4", rate=20, options={"q:v": "2"})
            stream.height, stream.width, stream.pix_fmt = 200, 240, "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    rows = labels if labels is not None else [f"{i + 1},{i % 6},{(i // 3) % 6}" for i in range(count)]
    (root / f"{name}.txt").write_text("\n".join(rows) + "\n")
    if landmarks:
        np.save(root / f"{name}.npy", np.stack([landmarks_of(i) for i in range(count)]))


def read_points(path: Path, frames: np.ndarray) -> tuple[np.ndarray, list[Problem]]:
    try:
        points = np.load(path)
    except (OSError, ValueError) as error:
        return np.full((len(frames), 68, 2), np.nan, np.float32), [Problem("error", path, str(error))]
    out = np.full((len(frames), 68, 2), np.nan, np.float32)
    there = frames < len(points)
    out[there] = points[frames[there]]
    return out, []


class ToyReader:
    name = "toy"
    people = "toy"
    aus = ("AU01", "AU12")

    def __init__(self, mood: str, name: str = "toy") -> None:
        self.mood, self.name = mood, name

    def options(self) -> dict[str, Any]:
        return {"mood": self.mood}

    def scan(self, root: Path) -> Scan:
        texts = sorted(root.glob("*.txt"))
        if not texts:
            raise UserError(f"{root}: no labels (*.txt) of data set toy", code="dataset-invalid")
        problems: list[Problem] = []
        recordings = []
        for text in texts:
            lines = {}
            for number, line in enumerate(text.read_text().splitlines(), 1):
                try:
                    frame, *codes = line.split(",")
                    if len(codes) != 2:
                        raise ValueError("torn line")
                    lines[int(frame) - 1] = codes
                except ValueError as error:
                    problems.append(Problem("error", text, str(error), number))
            frames = np.array(sorted(lines), np.int64)
            values, states = empty_labels(len(frames), 2)
            for row, frame in enumerate(frames):
                for au, code in enumerate(lines[int(frame)]):
                    if code == "p":
                        states[row, au] = State.PRESENT
                    elif code != "9":
                        values[row, au], states[row, au] = float(code), State.VALUE
            folder = root / text.stem
            media = (
                Images(tuple(folder / f"{frame + 1:03d}.png" for frame in frames))
                if folder.is_dir()
                else Video(text.with_suffix(".avi"))
            )
            points = text.with_suffix(".npy")
            source = LandmarkSource(IBUG68, functools.partial(read_points, points, frames)) if points.exists() else None
            recordings.append(Recording(text.stem.split("_")[0], text.stem, media, frames, values, states, source))
        return Scan(tuple(recordings), tuple(problems), {"takes": len(recordings)})


class ToyConfig(PreparedConfig):
    mood: str = "good"


def make(config: ToyConfig) -> PreparedDataset:
    return PreparedDataset(config, ToyReader(config.mood))


def make_again(config: ToyConfig) -> PreparedDataset:
    """Another data set with the same people."""
    return PreparedDataset(config, ToyReader(config.mood, "toyplus"))


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component("dataset", "toy", "portraits", f"{__name__}:make", ToyConfig),
        Component("dataset", "toyplus", "portraits of the same people", f"{__name__}:make_again", ToyConfig),
    ]

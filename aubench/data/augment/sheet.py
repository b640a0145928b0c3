"""A contact sheet of augmentation, to be looked at: each crop with given poses and expressions, and with random
ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from aubench.data.augment.batch import Augmentation, draw
from aubench.data.augment.picture import augment
from aubench.parameters import AU_NAMES

Image = npt.NDArray[np.uint8]
POSES = ((-30, 0), (-15, 0), (15, 0), (30, 0), (0, -15), (0, 15))
EXPRESSIONS = (
    ("AU01", "AU02"), ("AU04",), ("AU07",), ("AU09",), ("AU12",), ("AU15", "AU17"), ("AU18",), ("AU20",),
)  # fmt: skip
STRENGTH = 0.8
RANDOM = 5
STRIP, GAP, PAPER, INK = 15, 4, (255, 255, 255), (40, 40, 40)


@dataclass(frozen=True)
class Crop:
    """An aligned crop with its landmarks (68, 2) in its pixels, ``None`` where there are none; and its name."""

    image: Image
    landmarks: npt.NDArray[np.float32] | None
    name: str


def sheet(crops: Sequence[Crop], *, seed: int = 0, options: Augmentation | None = None, side: int = 128) -> Image:
    """Two rows for each crop: itself, poses, random copies; expressions, random copies. ``side`` of a cell in
    pixels."""
    rows: list[list[tuple[Image, str]]] = []
    for number, crop in enumerate(crops):
        poses = [
            (augment(crop.image, crop.landmarks, yaw=yaw, pitch=pitch).image, f"yaw {yaw} pitch {pitch}")
            for yaw, pitch in POSES
        ]
        warps = []
        for names in EXPRESSIONS:
            strengths = np.zeros(len(AU_NAMES), np.float32)
            strengths[[AU_NAMES.index(name) for name in names]] = STRENGTH
            label = " ".join(name.replace("AU", "AU ") for name in names)
            warps.append((augment(crop.image, crop.landmarks, strengths=strengths).image, label))
        copies = []
        for step in range(2 * RANDOM):
            yaw, pitch, strengths = draw(options or Augmentation(), seed, step, number)
            made = augment(crop.image, crop.landmarks, yaw=yaw, pitch=pitch, strengths=strengths)
            copies.append((made.image, f"copy {step}"))
        wide = 1 + len(POSES) + RANDOM
        rows.append([(crop.image, crop.name), *poses, *copies[:RANDOM]])
        rows.append([*warps, *copies[RANDOM:]][:wide])
    high, across = side + STRIP + GAP, side + GAP
    page = np.full((len(rows) * high + GAP, max(map(len, rows)) * across + GAP, 3), PAPER, np.uint8)
    for row, cells in enumerate(rows):
        for column, (image, label) in enumerate(cells):
            top, left = GAP + row * high, GAP + column * across
            page[top : top + side, left : left + side] = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
            size = min(0.36, 0.85 * side / (9 * max(len(label), 1)))
            place = (left, top + side + STRIP - 4)
            cv2.putText(page, label, place, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)
    return page

"""A contact sheet of prepared crops with their landmarks drawn in, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from aubench.data.crops import SOURCES
from aubench.data.frame_store import FrameStore
from aubench.errors import UserError
from aubench.predict.align import apply, template

Image = npt.NDArray[np.uint8]
COLOURS = {"landmarks": (60, 200, 90), "openface": (70, 140, 255), "detector": (255, 150, 40)}
"""Of the five points and the frame around a crop, RGB, by where the points come from."""
POINT, TEMPLATE_COLOUR, PAPER, INK = (255, 235, 90), (255, 60, 160), (255, 255, 255), (30, 30, 30)
CAPTION = 26
GAP = 6


@dataclass(frozen=True)
class Cell:
    """One crop to show."""

    image: Image
    five: npt.NDArray[np.float64]
    landmarks: npt.NDArray[np.float32]
    source: str
    lines: tuple[str, str]


def choose(store: FrameStore, count: int, *, sequence: str | None = None) -> list[Cell]:
    """``count`` crops evenly spread over all recordings and, in each, over time; or of one ``sequence``. Raises
    ``UserError`` for a sequence that is not there."""
    cards = store.card.recordings
    numbers = [i for i, card in enumerate(cards) if sequence is None or card.sequence == sequence]
    if not numbers:
        known = ", ".join(card.sequence for card in cards[:5])
        raise UserError(f"--sequence {sequence}: not in {store.folder}; there are {known}, ...", code="name-unknown")
    picked = [numbers[i] for i in np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int)]
    each = np.diff(np.linspace(0, count, len(picked) + 1).round().astype(int))
    cells = []
    for number, share in zip(picked, each, strict=True):
        crops, card = store.files[number], cards[number]
        landmarks = store.landmarks(np.array([number]))
        # The middles of so many equal stretches of time.
        for row in np.unique(((np.arange(share) + 0.5) * card.rows / share).astype(int)):
            entry = crops.index[row]
            cells.append(
                Cell(
                    crops[int(row)],
                    apply(np.asarray(entry["matrix"], np.float64), np.asarray(entry["points"], np.float64)),
                    landmarks[row],
                    SOURCES[int(entry["source"])],
                    (card.sequence, f"frame {int(entry['frame'])}, {SOURCES[int(entry['source'])]}"),
                )
            )
    return cells


def draw(cells: list[Cell], *, columns: int = 8, side: int = 192) -> Image:
    """The sheet: each crop enlarged to ``side``; crosses mark the template's five places, rings the points found, dots
    the 68 landmarks; the frame's colour tells where the points come from."""
    width, height = side + GAP, side + CAPTION + GAP
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * height + GAP, min(columns, len(cells)) * width + GAP, 3), PAPER, np.uint8)
    for number, cell in enumerate(cells):
        top, left = GAP + number // columns * height, GAP + number % columns * width
        sheet[top : top + side, left : left + side] = _drawn(cell, side)
        for line, text in enumerate(cell.lines):
            _write(sheet, _fitting(text, side), left, top + side + 10 + 12 * line)
    return sheet


def _drawn(cell: Cell, side: int) -> Image:
    scale = side / cell.image.shape[0]
    image = np.asarray(cv2.resize(cell.image, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    colour = COLOURS[cell.source]

    def place(point: npt.NDArray[np.float64] | npt.NDArray[np.float32]) -> tuple[int, int]:
        x, y = (np.asarray(point, np.float64) + 0.5) * scale - 0.5
        return round(float(x) * 16), round(float(y) * 16)

    for point in cell.landmarks[np.isfinite(cell.landmarks).all(axis=1)]:
        cv2.circle(image, place(point), 24, POINT, -1, cv2.LINE_AA, shift=4)
    for point in template(side):
        at = (round(float(point[0])), round(float(point[1])))
        cv2.drawMarker(image, at, TEMPLATE_COLOUR, cv2.MARKER_CROSS, 7, 1, cv2.LINE_AA)
    for point in cell.five:
        cv2.circle(image, place(point), 64, colour, 1, cv2.LINE_AA, shift=4)
    cv2.rectangle(image, (0, 0), (side - 1, side - 1), colour, 2)
    return image


def _write(sheet: Image, text: str, x: int, y: int) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)


def _fitting(text: str, side: int) -> str:
    """As much of a text as fits under a crop; of long names the end tells more."""
    most = side // 6
    return text if len(text) <= most else "..." + text[-(most - 3) :]

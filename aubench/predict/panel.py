"""One picture of the overlay: the input with boxes | for each face, how it is drawn and its intensities as bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from aubench.facs import ACTION_UNITS
from aubench.predict.align import Image, shrink

LOWEST, HIGHEST = 360, 720
"""Least and greatest height of the picture in pixels, unless several faces need more."""
MOST = 9
"""So many faces have a place beside the input."""
SMALLEST = 320
"""Least height in pixels of a face's place among several, for its letters to be read."""
BACKGROUND, INK, FAINT, GRID = (24, 26, 30), (232, 232, 228), (150, 152, 156), (52, 56, 62)
BOX, BAR = (64, 200, 160), (245, 170, 66)
STEPS = 5


@dataclass(frozen=True)
class Shown:
    """A face of one picture: its ``number``, ``box`` (4,) in pixels of the input, ``points`` (5, 2), ``intensities``
    (23,) in 0..5, how it is drawn, RGB uint8 (h, w, 3), and in which ``place`` beside the input. One without a place of
    its own (:data:`MOST` or more) is marked in the input only."""

    number: int
    box: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    intensities: npt.NDArray[np.float32]
    drawn: Image | None
    place: int = 0


class Panel:
    """Pictures for inputs of ``width`` x ``height``; others are fitted in with bars. Sides are even, as codecs want.

    ``faces``: how many have a place beside the input, in a grid of about as many rows as columns.
    """

    def __init__(self, width: int, height: int, faces: int = 1) -> None:
        self.faces = faces
        rows = math.isqrt(faces - 1) + 1
        high = int(np.clip(height, LOWEST, HIGHEST))
        self.side = (max(high // rows, SMALLEST) if rows > 1 else high) // 2 * 2
        """Height of a place, and side of the face in it."""
        self.high = self.side * rows
        self.wide = min(max(2, round(width * self.high / height)), 4 * self.high) // 2 * 2
        self.bars = round(self.side * 0.85) // 2 * 2
        self.size = (self.wide + -(-faces // rows) * (self.side + self.bars), self.high)
        # Down the columns first: two faces are one above the other.
        self._corners = [(self.wide + n // rows * (self.side + self.bars), n % rows * self.side) for n in range(faces)]
        self._blank = self._paper()

    def picture(self, image: Image, faces: list[Shown], caption: str = "") -> Image:
        """RGB uint8 (height, width, 3) of :attr:`size`."""
        out = self._blank.copy()
        seen, scale, corner = self._fitted(image)
        out[:, : self.wide] = seen
        for face in faces:
            self._mark(out, face, scale, corner)
        here = {face.place: face for face in faces}
        for place, (left, top) in enumerate(self._corners):
            shown = here.get(place)
            if shown is not None and shown.drawn is not None:
                out[top : top + self.side, left : left + self.side] = _resized(shown.drawn, self.side, self.side)
                self._fill(out, shown.intensities, left, top)
                if self.faces > 1:
                    _write(out, f"face {shown.number}", (left + 8, top + self.side - 10), self.side / 600, BOX)
            else:
                at = (left + self.side // 2 - round(self.side * 0.08), top + self.side // 2)
                cv2.putText(out, "no face", at, cv2.FONT_HERSHEY_SIMPLEX, self.side / 600, FAINT, 1, cv2.LINE_AA)
        if caption:
            at = (round(self.high * 0.02), self.high - round(self.high * 0.025))
            _write(out, caption, at, self.high / 800, INK)
        return out

    def _fitted(self, image: Image) -> tuple[Image, float, npt.NDArray[np.float64]]:
        """The input in its place, with the scale and the corner that bring its pixels there."""
        height, width = image.shape[:2]
        scale = min(self.wide / width, self.high / height)
        # A video fills its place but for the rounding to even sides, which nobody should see as a black line.
        if abs(self.wide / width - self.high / height) * min(width, height) <= 3:
            return _resized(image, self.wide, self.high), scale, np.zeros(2)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        out = np.full((self.high, self.wide, 3), BACKGROUND, np.uint8)
        x, y = (self.wide - w) // 2, (self.high - h) // 2
        out[y : y + h, x : x + w] = _resized(image, w, h)
        return out, scale, np.array([x, y], np.float64)

    def _mark(self, out: Image, face: Shown, scale: float, corner: npt.NDArray[np.float64]) -> None:
        """Box, points and number of a face. Drawn with 4 binary digits of sub-pixels, so that nothing jumps."""
        inside = out[:, : self.wide]
        box = np.round((face.box.reshape(2, 2) * scale + corner - 0.5) * 16).astype(int)
        cv2.rectangle(inside, box[0].tolist(), box[1].tolist(), BOX, max(1, self.high // 360), cv2.LINE_AA, 4)
        for point in np.round(((face.points + 0.5) * scale + corner - 0.5) * 16).astype(int):
            cv2.circle(inside, point.tolist(), 16 * self.high // 200, BOX, -1, cv2.LINE_AA, 4)
        if face.number or self.faces > 1:
            x, y = (box[0] // 16 + (3, -5)).tolist()
            _write(inside, str(face.number), (x, max(y, round(self.high * 0.03))), self.high / 700, BOX)

    def _rows(self) -> list[tuple[int, int]]:
        """Top and bottom of each AU's bar within a place."""
        top, bottom = round(self.side * 0.02), round(self.side * 0.95)
        edges = np.linspace(top, bottom, len(ACTION_UNITS) + 1)
        gap = max(1, round((edges[1] - edges[0]) * 0.15))
        return [(round(a) + gap, round(b) - gap) for a, b in pairwise(edges)]

    def _scale(self) -> tuple[int, int]:
        """Where the bars' 0 and 5 lie within a place."""
        return self.side + round(self.bars * 0.56), self.side + round(self.bars * 0.96)

    def _fill(self, out: Image, intensities: npt.NDArray[np.float32], left: int, top: int) -> None:
        zero, full = self._scale()
        for (first, last), value in zip(self._rows(), intensities, strict=True):
            end = zero + round((full - zero) * float(np.clip(value, 0, STEPS)) / STEPS)
            out[top + first : top + last, left + zero : left + end] = BAR

    def _paper(self) -> Image:
        """Everything that stays the same: background, names and grid."""
        import PIL.Image
        import PIL.ImageDraw

        wide, high = self.size
        image = PIL.Image.new("RGB", (wide, high), BACKGROUND)
        draw = PIL.ImageDraw.Draw(image)
        rows, (zero, full) = self._rows(), self._scale()
        letters = font((rows[1][0] - rows[0][0]) * 0.72)
        code = draw.textlength("AU30R  ", font=letters)
        for left, top in self._corners:
            for step in range(STEPS + 1):
                x = left + zero + (full - zero) * step / STEPS
                draw.line([(x, top + rows[0][0]), (x, top + rows[-1][1])], fill=GRID)
                draw.text((x, top + rows[-1][1] + 2), str(step), fill=FAINT, font=letters, anchor="ma")
            names = left + self.side + round(self.bars * 0.04)
            for unit, (first, last) in zip(ACTION_UNITS, rows, strict=True):
                middle = top + (first + last) / 2
                draw.text((names, middle), unit.key, fill=INK, font=letters, anchor="lm")
                draw.text((names + code, middle), unit.name, fill=FAINT, font=letters, anchor="lm")
        return np.array(image)


def _write(out: Image, words: str, at: tuple[int, int], size: float, colour: tuple[int, int, int]) -> None:
    """Letters with an outline, to be read on anything."""
    for each, width in ((BACKGROUND, 3), (colour, 1)):
        cv2.putText(out, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, each, width, cv2.LINE_AA)


def _resized(image: Image, width: int, height: int) -> Image:
    if image.shape[:2] == (height, width):
        return image
    if image.shape[0] > height:
        return shrink(image, width, height)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def font(size: float) -> Any:
    """The sans serif that comes with Matplotlib: the same on every machine."""
    import matplotlib
    import PIL.ImageFont

    return PIL.ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)

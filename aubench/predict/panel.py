"""One picture of the overlay video: the input with its boxes | the rendered face | the intensities as bars."""

from __future__ import annotations

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
"""Least and greatest height of the video in pixels."""
BACKGROUND, INK, FAINT, GRID = (24, 26, 30), (232, 232, 228), (150, 152, 156), (52, 56, 62)
BOX, BAR = (64, 200, 160), (245, 170, 66)
STEPS = 5


@dataclass(frozen=True)
class Shown:
    """A face of one picture: its ``number``, ``box`` (4,) in pixels of the input, ``points`` (5, 2), ``intensities``
    (23,) in 0..5, and how it is drawn, RGB uint8 (h, w, 3)."""

    number: int
    box: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    intensities: npt.NDArray[np.float32]
    drawn: Image


class Panel:
    """Pictures for inputs of ``width`` x ``height``; others are fitted in with bars. Sides are even, as codecs want."""

    def __init__(self, width: int, height: int) -> None:
        self.high = int(np.clip(height, LOWEST, HIGHEST)) // 2 * 2
        self.wide = min(max(2, round(width * self.high / height)), 4 * self.high) // 2 * 2
        self.bars = round(self.high * 0.85) // 2 * 2
        self.size = (self.wide + self.high + self.bars, self.high)
        self._blank = self._paper()

    def picture(self, image: Image, faces: list[Shown], caption: str = "") -> Image:
        """RGB uint8 (high, wide + high + bars, 3). The first face is the one that is drawn and measured."""
        out = self._blank.copy()
        seen, scale, corner = self._fitted(image)
        out[:, : self.wide] = seen
        for face in faces:
            self._mark(out, face, scale, corner)
        if faces:
            side = slice(self.wide, self.wide + self.high)
            out[:, side] = _resized(faces[0].drawn, self.high, self.high)
            self._fill(out, faces[0].intensities)
        else:
            words = "no face"
            at = (self.wide + self.high // 2 - round(self.high * 0.08), self.high // 2)
            cv2.putText(out, words, at, cv2.FONT_HERSHEY_SIMPLEX, self.high / 600, FAINT, 1, cv2.LINE_AA)
        if caption:
            at = (round(self.high * 0.02), self.high - round(self.high * 0.025))
            for colour, width in ((BACKGROUND, 3), (INK, 1)):
                cv2.putText(out, caption, at, cv2.FONT_HERSHEY_SIMPLEX, self.high / 800, colour, width, cv2.LINE_AA)
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
        if face.number:
            at = (box[0] // 16 + (3, -5)).tolist()
            cv2.putText(inside, str(face.number), at, cv2.FONT_HERSHEY_SIMPLEX, self.high / 700, BOX, 1, cv2.LINE_AA)

    def _rows(self) -> list[tuple[int, int]]:
        """Top and bottom of each AU's bar."""
        top, bottom = round(self.high * 0.02), round(self.high * 0.95)
        edges = np.linspace(top, bottom, len(ACTION_UNITS) + 1)
        gap = max(1, round((edges[1] - edges[0]) * 0.15))
        return [(round(a) + gap, round(b) - gap) for a, b in pairwise(edges)]

    def _scale(self) -> tuple[int, int]:
        """Where the bars' 0 and 5 lie."""
        left = self.wide + self.high
        return left + round(self.bars * 0.56), left + round(self.bars * 0.96)

    def _fill(self, out: Image, intensities: npt.NDArray[np.float32]) -> None:
        zero, full = self._scale()
        for (top, bottom), value in zip(self._rows(), intensities, strict=True):
            end = zero + round((full - zero) * float(np.clip(value, 0, STEPS)) / STEPS)
            out[top:bottom, zero:end] = BAR

    def _paper(self) -> Image:
        """Everything that stays the same: background, names and grid."""
        import PIL.Image
        import PIL.ImageDraw

        wide, high = self.size
        image = PIL.Image.new("RGB", (wide, high), BACKGROUND)
        draw = PIL.ImageDraw.Draw(image)
        rows, (zero, full) = self._rows(), self._scale()
        letters = font((rows[1][0] - rows[0][0]) * 0.72)
        for step in range(STEPS + 1):
            x = zero + (full - zero) * step / STEPS
            draw.line([(x, rows[0][0]), (x, rows[-1][1])], fill=GRID)
            draw.text((x, rows[-1][1] + 2), str(step), fill=FAINT, font=letters, anchor="ma")
        left = self.wide + self.high + round(self.bars * 0.04)
        code = draw.textlength("AU30R  ", font=letters)
        for unit, (top, bottom) in zip(ACTION_UNITS, rows, strict=True):
            middle = (top + bottom) / 2
            draw.text((left, middle), unit.key, fill=INK, font=letters, anchor="lm")
            draw.text((left + code, middle), unit.name, fill=FAINT, font=letters, anchor="lm")
        return np.array(image)


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

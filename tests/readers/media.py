"""Pictures that know their frame number, faces of ellipses, and where their 68 points are."""

from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from small_video import write_video

WIDTH, HEIGHT = 96, 72
STEP = 8
"""Grey levels between the backgrounds of neighbouring frames."""


def picture(number: int, smile: float = 0.0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A face before a grey background that tells ``number`` (see :func:`number_of`)."""
    width, height = size
    image = np.full((height, width, 3), 20 + STEP * (number % 26), np.uint8)
    cv2.ellipse(image, (width // 2, height // 2), (height * 2 // 5, height * 9 // 20), 0, 0, 360, (205, 160, 135), -1)
    points = points68(size, smile)
    for ring, colour in (
        (points[36:42], (250, 250, 250)),
        (points[42:48], (250, 250, 250)),
        (points[48:60], (170, 60, 60)),
    ):
        cv2.fillPoly(image, [ring.round().astype(np.int32)], colour)
    for line in (points[17:22], points[22:27], points[27:31]):
        cv2.polylines(image, [line.round().astype(np.int32)], False, (70, 50, 40), 1)
    return image


def number_of(image: np.ndarray) -> int:
    """The number (below 26) of the frame that a picture shows, after any compression."""
    corner = image[:4, :4].mean()
    return round((float(corner) - 20) / STEP)


def points68(size: tuple[int, int] = (WIDTH, HEIGHT), smile: float = 0.0) -> np.ndarray:
    """Pixels (68, 2) of the points of :func:`picture`, iBUG order."""
    width, height = size

    def ring(cx: float, cy: float, rx: float, ry: float, angles: np.ndarray) -> np.ndarray:
        return np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)

    circle = np.linspace(np.pi, 3 * np.pi, 13)[:-1]
    eye = np.linspace(np.pi, 3 * np.pi, 7)[:-1]
    arc = np.linspace(1.1 * np.pi, 1.9 * np.pi, 5)
    lips = 0.13 + 0.05 * smile
    parts = [
        ring(0, 0, 0.38, 0.45, np.linspace(np.pi, 0, 17)),
        ring(-0.16, -0.12, 0.12, 0.08, arc),
        ring(0.16, -0.12, 0.12, 0.08, arc),
        np.stack([np.zeros(4), np.linspace(-0.1, 0.08, 4)], axis=1),
        np.stack([np.linspace(-0.06, 0.06, 5), np.full(5, 0.11)], axis=1),
        ring(-0.15, -0.09, 0.06, 0.03, eye),
        ring(0.15, -0.09, 0.06, 0.03, eye),
        ring(0, 0.24, lips, 0.05, circle),
        ring(0, 0.24, lips * 0.7, 0.02, np.linspace(np.pi, 3 * np.pi, 9)[:-1]),
    ]
    return np.concatenate(parts) * height + (width / 2, height / 2)


@functools.cache
def _image(suffix: str, number: int) -> bytes:
    return cv2.imencode(suffix, picture(number)[..., ::-1])[1].tobytes()


def save(path: Path, number: int) -> Path:
    """An image file of :func:`picture`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_image(path.suffix, number))
    return path


@functools.cache
def _encoded(suffix: str, numbers: tuple[int, ...], rate: int, size: tuple[int, int]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{suffix}"
        return write_video(path, [picture(number, size=size) for number in numbers], rate=rate).read_bytes()


def video(path: Path, numbers: list[int], *, rate: int = 20, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A video of those pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encoded(path.suffix.lower(), tuple(numbers), rate, size))
    return path


@functools.cache
def aam66(shift: float) -> bytes:
    """DISFA's landmark file of a picture, all points ``shift`` px lower."""
    file = io.BytesIO()
    scipy.io.savemat(file, {"pts": np.add(np.delete(points68(), (60, 64), axis=0), (0, shift))})
    return file.getvalue()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def cut_line(path: Path, line: int, text: str) -> None:
    """Put ``text`` in the place of a line (from 1) of a text file."""
    lines = path.read_text("utf-8").splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n", "utf-8")

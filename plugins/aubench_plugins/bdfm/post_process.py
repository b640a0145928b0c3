"""Around and before the face: frames of a camera, backdrops, occluders."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from aubench.contracts import PARSING_CLASSES
from aubench.drawing.arrays import Bytes, Floats
from aubench.drawing.camera_effects import Shot, sample_shot

_BACKGROUND = PARSING_CLASSES.index("background")


def shot_of(look: int, shot: int) -> Shot:
    """The shot of a seed; its JPEG quality and steadiness vary about those of the look's camera."""
    camera = np.random.default_rng([40_400, look])
    steady, quality = float(camera.uniform(0.4, 1.6)), float(camera.uniform(45, 96))
    return sample_shot(
        np.random.default_rng([30_300, look, shot]), steady=steady, quality=quality, lowest_quality=30, motion=0.006,
        occluded=0.03,
    )  # fmt: skip


@lru_cache(maxsize=256)
def backdrop(seed: int | None, size: int) -> Floats:
    """A background (s, s, 3) in 0..255: the game's soft grey glow for None, else one of many kinds."""
    y, x = (np.mgrid[0:size, 0:size].astype(np.float32) + 0.5) / size
    if seed is None:
        glow = np.exp(-((x - 0.42) ** 2 + (y - 0.35) ** 2) / 0.35)[..., None]
        game = np.array([52, 56, 64], np.float32) + glow * np.array([62, 64, 66], np.float32)
        return np.asarray(game.astype(np.float32))
    rng = np.random.default_rng(seed)
    tone = rng.uniform(15, 240)
    tints = rng.normal(0, 1, (6, 3)) * rng.choice([4, 12, 40]) + rng.normal(0, 1, (6, 1)) * rng.choice([10, 45])
    colours = np.clip(tone + tints, 0, 255).astype(np.float32)
    kind = int(rng.integers(0, 6))
    turn = rng.uniform(0, 2 * np.pi)
    across = ((x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn) + 0.7) / 1.4
    picture = colours[0] + np.clip(across, 0, 1)[..., None] * (colours[1] - colours[0])
    picture = np.ascontiguousarray(picture, np.float32)
    if kind == 1:  # out-of-focus blobs
        for _ in range(int(rng.integers(4, 16))):
            centre = rng.uniform(-0.1, 1.1, 2) * size * 16
            radius = int(rng.uniform(0.03, 0.25) * size * 16)
            colour = tuple(float(c) for c in colours[rng.integers(0, 6)])
            cv2.circle(picture, (int(centre[0]), int(centre[1])), radius, colour, -1, cv2.LINE_AA, 4)
    elif kind == 2:  # furniture, doors, windows
        for _ in range(int(rng.integers(3, 9))):
            a, b = (rng.uniform(-0.2, 1.2, (2, 2)) * size).astype(int)
            colour = tuple(float(c) for c in colours[rng.integers(0, 6)])
            cv2.rectangle(picture, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), colour, -1)
    elif kind == 3:  # stripes
        wave = np.sin(across * rng.uniform(10, 90) + rng.uniform(0, 6))[..., None]
        picture += (wave * (colours[2] - colours[3]) * 0.35).astype(np.float32)
    elif kind == 4:  # foliage, crowds, shelves
        rough = rng.uniform(0, 1, (int(rng.integers(4, 24)), int(rng.integers(4, 24)), 3)).astype(np.float32)
        grey = rng.uniform(0.3, 1.0)
        small = rough + grey * (rough.mean(axis=2, keepdims=True) - rough)
        picture += (cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC) - 0.5) * rng.uniform(30, 150)
    soft = rng.uniform(0.0, 0.05) * size
    if kind in (1, 2, 3, 4) and soft > 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), float(soft), borderType=cv2.BORDER_REPLICATE)
    if kind == 5:  # a studio backdrop
        picture *= (1.15 - 0.9 * ((x - 0.5) ** 2 + (y - 0.4) ** 2))[..., None]
    return np.asarray(np.clip(picture, 0, 255).astype(np.float32))


def occlude(image: Floats, parsing: Bytes, seed: int) -> None:
    """Put a hand or a thing before part of the face, in place; its pixels become background in ``parsing``."""
    rng = np.random.default_rng(seed)
    size = len(parsing)
    canvas, mask = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    place = rng.uniform(0.1, 0.9, 2) * size
    place[1] = max(place[1], 0.45 * size) if rng.random() < 0.7 else place[1]
    inwards = np.array([0.5, 0.5]) * size - place
    angle = float(np.arctan2(inwards[1], inwards[0]) + rng.normal(0, 0.5))
    if rng.random() < 0.6:
        tone = (
            np.array([205, 150, 125])
            * rng.uniform(0.25, 1.1)
            * np.array([1, rng.uniform(0.9, 1), rng.uniform(0.85, 1)])
        )
        wide = rng.uniform(0.06, 0.085) * size
        for finger in range(-2, 3):
            spread = angle + 0.12 * finger + rng.normal(0, 0.05)
            root = place + wide * 1.35 * finger * np.array([-np.sin(angle), np.cos(angle)]) - inwards * 0.6
            length = size * rng.uniform(0.30, 0.48) * (0.6 if abs(finger) == 2 else 1.0)
            end = root + length * np.array([np.cos(spread), np.sin(spread)])
            a, b = (root * 16).astype(int), (end * 16).astype(int)
            ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            cv2.line(canvas, *ends, tuple(float(c) for c in tone * 0.72), int(wide * 1.45), cv2.LINE_AA, 4)
            cv2.line(canvas, *ends, tuple(float(c) for c in tone), int(wide * 1.0), cv2.LINE_AA, 4)
            cv2.line(mask, *ends, 1.0, int(wide * 1.45), cv2.LINE_AA, 4)
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), max(0.35, 0.012 * size))
    else:
        extent = float(rng.uniform(0.15, 0.4) * size), float(rng.uniform(0.05, 0.3) * size)
        box = cv2.boxPoints(((float(place[0]), float(place[1])), extent, float(np.degrees(angle))))
        cv2.fillPoly(mask, [np.round(box * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
        shade = np.linspace(0.6, 1.2, size, dtype=np.float32)[:, None, None]
        canvas[:] = (rng.uniform(10, 230, 3) * shade).astype(np.float32)
    image += mask[..., None] * (canvas - image)
    parsing[mask > 0.5] = _BACKGROUND

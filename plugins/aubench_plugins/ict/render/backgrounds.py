"""Backgrounds: studio sheets, walls, rooms out of focus, lights, foliage, streets, skies. All procedural."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from aubench.drawing.arrays import Floats

from .chart import fractal


def _colours(rng: np.random.Generator, count: int) -> Floats:
    tone = rng.uniform(12, 240)
    tints = rng.normal(0, 1, (count, 3)) * rng.choice([4, 14, 40])
    tints = tints + rng.normal(0, 1, (count, 1)) * rng.choice([10, 30, 55])
    return np.asarray(np.clip(tone + tints, 2, 252).astype(np.float32))


def _noise(rng: np.random.Generator, size: int, feature: float, octaves: int) -> Floats:
    """Noise (s, s) of mean 0 and deviation 1 with features of a share ``feature`` of the side."""
    return np.asarray(cv2.resize(fractal(rng, 128, max(1.0, feature * 128), octaves), (size, size)), np.float32)


@lru_cache(maxsize=256)
def backdrop(seed: int | None, size: int) -> Floats:
    """A background (s, s, 3) in 0..255: the game's soft grey glow for None, else one of many kinds."""
    y, x = (np.mgrid[0:size, 0:size].astype(np.float32) + 0.5) / size
    if seed is None:
        glow = np.exp(-((x - 0.45) ** 2 + (y - 0.35) ** 2) / 0.35)[..., None]
        game = np.array([58, 62, 70], np.float32) + glow * np.array([64, 66, 68], np.float32)
        return np.asarray(game.astype(np.float32))
    rng = np.random.default_rng([77, seed])
    colours = _colours(rng, 8)
    kind = int(rng.choice(8, p=[0.13, 0.13, 0.17, 0.11, 0.14, 0.12, 0.12, 0.08]))
    turn = rng.uniform(0, 2 * np.pi)
    across = np.clip(((x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn) + 0.7) / 1.4, 0, 1)
    picture = np.ascontiguousarray(colours[0] + across[..., None] * (colours[1] - colours[0]), np.float32)
    soft = float(rng.uniform(0.0, 0.06))
    if kind == 0:  # a studio sheet, mottled
        picture *= (1.15 - rng.uniform(0.2, 1.0) * ((x - 0.5) ** 2 + (y - 0.4) ** 2))[..., None]
        picture += rng.uniform(0, 12) * _noise(rng, size, 0.12, 3)[..., None]
        soft = 0.0
    elif kind == 1:  # a wall: plaster, bricks or boards
        picture += rng.uniform(1, 9) * _noise(rng, size, 0.02, 4)[..., None]
        if rng.random() < 0.6:
            pitch, lag = rng.uniform(0.05, 0.18), rng.uniform(0, 1)
            grain = _noise(rng, size, 0.5, 2)
            if rng.random() < 0.5:
                joint = np.abs(((y + lag) / pitch) % 1 - 0.5) > 0.44
                shift = 0.5 * (np.floor((y + lag) / pitch) % 2)
                joint |= np.abs(((x / (2.4 * pitch)) + shift) % 1 - 0.5) > 0.475
            else:
                joint = np.abs(((x + lag) / pitch) % 1 - 0.5) > 0.48
            picture += np.where(joint, -rng.uniform(8, 40), 6 * grain)[..., None].astype(np.float32)
        soft = float(rng.uniform(0.0, 0.015))
    elif kind == 2:  # a room: furniture, doors, windows
        for _ in range(int(rng.integers(5, 16))):
            corner, extent = rng.uniform(-0.2, 1.1, 2), rng.uniform(0.04, 0.6, 2) * (1.0, rng.uniform(0.6, 2.5))
            a, b = (corner * size).astype(int), ((corner + extent) * size).astype(int)
            colour = colours[rng.integers(0, 8)] * rng.uniform(0.6, 1.3)
            cv2.rectangle(picture, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), tuple(float(c) for c in colour), -1)
        if rng.random() < 0.4:
            corner = rng.uniform(0.0, 0.8, 2)
            a, b = (corner * size).astype(int), ((corner + np.array([0.25, 0.4])) * size).astype(int)
            cv2.rectangle(picture, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), (250.0, 250.0, 245.0), -1)
    elif kind == 3:  # lights out of focus, by night
        picture *= rng.uniform(0.1, 0.6)
        for _ in range(int(rng.integers(8, 40))):
            centre, radius = rng.uniform(-0.1, 1.1, 2) * size * 16, int(rng.uniform(0.015, 0.09) * size * 16)
            layer = np.zeros_like(picture)
            hue = np.clip(rng.normal((230, 170, 110), (30, 60, 80)), 0, 255) * rng.uniform(0.2, 0.9)
            cv2.circle(layer, (int(centre[0]), int(centre[1])), radius, tuple(map(float, hue)), -1, cv2.LINE_AA, 4)
            picture = picture + layer
        soft = float(rng.uniform(0.002, 0.015))
    elif kind == 4:  # foliage
        green = np.array([rng.uniform(35, 110), rng.uniform(55, 115), rng.uniform(20, 75)], np.float32)
        coarse, small = _noise(rng, size, 0.12, 3), _noise(rng, size, 0.025, 3)
        light = 1.0 + 0.45 * coarse + rng.uniform(0.1, 0.5) * small
        picture = np.maximum(light, 0.05)[..., None] * green
        gap = np.clip(1.5 * _noise(rng, size, 0.10, 3) - rng.uniform(0.6, 2.2), 0, 1)[..., None]
        picture = picture + gap * (np.array([225, 235, 240], np.float32) - picture)
    elif kind == 5:  # a street: sky, houses, ground
        sky = np.array([190, 205, 225], np.float32) * rng.uniform(0.6, 1.1)
        picture[:] = sky
        for _ in range(int(rng.integers(2, 7))):
            left, wide, top = rng.uniform(-0.2, 1.0), rng.uniform(0.12, 0.5), rng.uniform(0.0, 0.55)
            face = (x > left) & (x < left + wide) & (y > top)
            pitch = rng.uniform(0.05, 0.12)
            pane = (np.abs(((x - left) / pitch) % 1 - 0.5) < 0.25) & (np.abs(((y - top) / pitch / 1.3) % 1 - 0.5) < 0.3)
            colour = colours[rng.integers(0, 8)]
            picture[face] = np.where(pane[face][:, None], colour * 0.5, colour)
        picture[y > rng.uniform(0.7, 1.0)] = colours[7] * 0.8
        soft = float(rng.uniform(0.004, 0.05))
    elif kind == 6:  # crowds, shelves, fabric: blots of colour
        rough = rng.uniform(0, 1, (int(rng.integers(4, 30)), int(rng.integers(4, 30)), 3)).astype(np.float32)
        grey = rng.uniform(0.2, 1.0)
        blots = rough + grey * (rough.mean(axis=2, keepdims=True) - rough)
        how = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_NEAREST
        picture = picture + (cv2.resize(blots, (size, size), interpolation=how) - 0.5) * rng.uniform(40, 170)
    else:  # sky and clouds, or a plain glow
        cloud = np.clip(0.5 + 0.5 * _noise(rng, size, 0.2, 4), 0, 1)[..., None]
        blue = np.array([110, 150, 205], np.float32) * rng.uniform(0.6, 1.15)
        picture = blue + cloud * (np.array([235, 238, 242], np.float32) * rng.uniform(0.6, 1.0) - blue)
    if soft * size > 0.4:
        blurred = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), soft * size, borderType=cv2.BORDER_REFLECT)
        picture = np.asarray(blurred, np.float32)
    return np.ascontiguousarray(np.clip(picture, 0, 255), np.float32)

"""Hands and things before the face: fingers, mugs, phones, microphones, cloth. Their pixels become background in the
parsing map, for no class names them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Flags, Floats

from .chart import fractal
from .ids import C_BACKGROUND, C_NOSE, C_SKIN
from .look import Look

FINE = 2


@dataclass
class _Relief:
    """A picture of things as heights over the picture plane: ``height`` (n, n) pixels, ``colour`` (n, n, 3),
    ``shine`` (n, n)."""

    height: Floats
    colour: Floats
    shine: Floats

    def capsule(
        self, a: Floats, b: Floats, ra: float, rb: float, base: float, colour: Floats, shine: float = 0.1
    ) -> None:
        """A round bar from ``a`` to ``b`` (2,) with radii at its ends, its axis at height ``base``."""
        n = len(self.height)
        r = max(ra, rb) + 1
        low = np.clip(np.floor(np.minimum(a, b) - r), 0, n - 1).astype(int)
        high = np.clip(np.ceil(np.maximum(a, b) + r), 1, n).astype(int)
        if (high <= low).any():
            return
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        way = b - a
        t = np.clip(((x - a[0]) * way[0] + (y - a[1]) * way[1]) / (way @ way + 1e-6), 0.0, 1.0)
        d2 = (x - a[0] - t * way[0]) ** 2 + (y - a[1] - t * way[1]) ** 2
        radius = ra + t * (rb - ra)
        value = base + np.sqrt(np.maximum(radius**2 - d2, 0.0))
        self.put(low, high, (d2 < radius**2), value, colour, shine)

    def put(self, low: Floats, high: Floats, inside: Flags, value: Floats, colour: Floats, shine: float) -> None:
        """Raise a box of the relief to ``value`` where that is higher."""
        box = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        over = inside & (value > self.height[box])
        self.height[box][over] = value[over]
        self.colour[box][over] = colour if np.ndim(colour) == 1 else colour[over]
        self.shine[box][over] = shine


def _hand(relief: _Relief, rng: np.random.Generator, tone: Floats, size: float) -> None:
    """The back of a hand that reaches into the picture from below or from a side."""
    n = len(relief.height)
    wide = float(rng.uniform(0.037, 0.047)) * n * size
    target = np.array([rng.uniform(0.28, 0.72), rng.uniform(0.50, 0.95)]) * n
    angle = float(rng.normal(-np.pi / 2, 0.5)) if rng.random() < 0.7 else float(rng.choice([-0.35, np.pi + 0.35]))
    ahead = np.array([np.cos(angle), np.sin(angle)])
    side = np.array([-ahead[1], ahead[0]]) * float(rng.choice([-1.0, 1.0]))
    knuckles = target - ahead * wide * rng.uniform(2.0, 5.0)
    spread, bent = float(rng.uniform(0.0, 0.13)), float(rng.uniform(0.75, 1.0))
    wrist = knuckles - ahead * wide * 10.0
    relief.capsule(knuckles - ahead * wide * 1.5, wrist, wide * 2.1, wide * 1.7, -wide, tone * 0.98)
    relief.capsule(knuckles - ahead * wide * 1.2 + side * wide, knuckles - ahead * wide * 5 + side * wide, wide * 1.5,
                   wide * 1.4, -0.4 * wide, tone)  # fmt: skip
    lengths = np.array([4.3, 4.9, 4.6, 3.6]) * bent
    for k in range(4):
        root = knuckles + side * wide * 1.75 * (k - 1.5) - ahead * wide * 0.25 * abs(k - 1.3)
        turn = spread * (k - 1.5) + rng.normal(0, 0.03)
        way = ahead * np.cos(turn) + side * np.sin(turn)
        radius = wide * (0.92 if k < 3 else 0.78)
        joint = root + way * lengths[k] * wide * 0.52
        tip = joint + (way + 0.05 * side * rng.normal()) * lengths[k] * wide * 0.42
        relief.capsule(root - way * wide * 2.5, joint, radius * 1.08, radius, 0.0, tone * rng.uniform(0.96, 1.03))
        relief.capsule(joint, tip, radius, radius * 0.82, 0.04 * wide, tone * (1.03, 0.97, 0.96))
        nail = tip + way * radius * 0.15
        relief.capsule(nail, nail + way * radius * 0.35, radius * 0.52, radius * 0.45, 0.52 * radius,
                       np.minimum(tone * 1.12 + (12, 4, 6), 255), 0.5)  # fmt: skip
        for place in (0.96, 1.04):  # creases over the joint
            crease = root + (joint - root) * place
            relief.capsule(crease - side * radius * 0.45, crease + side * radius * 0.45, 0.09 * wide, 0.09 * wide,
                           radius * 0.93, tone * 0.80)  # fmt: skip
    if rng.random() < 0.7:
        root = knuckles + side * wide * 3.2 - ahead * wide * 3.6
        way = ahead * 0.75 + side * 0.66
        joint = root + way * wide * 2.2
        relief.capsule(root - way * wide, joint, wide * 1.1, wide * 0.95, 0.1 * wide, tone)
        relief.capsule(
            joint, joint + (0.9 * ahead + 0.4 * side) * wide * 1.9, wide * 0.95, wide * 0.75, 0.15 * wide, tone
        )


def _slab(relief: _Relief, centre: Floats, half: Floats, angle: float, round_: float, bulge: float, colour: Floats,
          shine: float) -> None:  # fmt: skip
    """A box with rounded corners; ``bulge`` > 0 bends it like a mug about its long axis."""
    n = len(relief.height)
    x, y = np.meshgrid(np.arange(n) - centre[0], np.arange(n) - centre[1])
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    du, dv = np.maximum(np.abs(u) - half[0] + round_, 0), np.maximum(np.abs(v) - half[1] + round_, 0)
    inside = np.hypot(du, dv) < round_
    value = 0.3 * half[0] + bulge * np.sqrt(np.maximum(1 - (u / (half[0] * 1.02)) ** 2, 0.0)) * half[0]
    relief.put(np.zeros(2), np.full(2, n), inside, value, colour, shine)


def _thing(relief: _Relief, rng: np.random.Generator) -> None:
    n = len(relief.height)
    colour = rng.choice([25, 90, 200]) * rng.uniform(0.5, 1.15) * (1 + rng.uniform(-1, 1, 3) * rng.choice([0.05, 0.5]))
    colour = np.clip(colour, 6, 245)
    kind = int(rng.integers(0, 4))
    centre = np.array([rng.uniform(0.25, 0.75), rng.uniform(0.68, 1.0)]) * n
    tilt = float(rng.normal(0, 0.25))
    if kind == 0:  # a mug
        half = np.array([0.13, 0.15]) * n * rng.uniform(0.8, 1.3)
        handle = centre + np.array([half[0] * 1.1 * rng.choice([-1, 1]), 0.0])
        ring = handle + 0.5 * half[1] * np.stack([np.cos(np.linspace(0, 6.3, 15)), np.sin(np.linspace(0, 6.3, 15))], 1)
        for a, b in pairwise(ring):
            relief.capsule(a, b, 0.018 * n, 0.018 * n, 0.0, colour, 0.6)
        _slab(relief, centre, half, tilt, 0.02 * n, 1.0, colour, 0.6)
    elif kind == 1:  # a phone
        _slab(
            relief, centre, np.array([0.11, 0.22]) * n * rng.uniform(0.8, 1.2), tilt, 0.03 * n, 0.02, colour * 0.4, 0.5
        )
    elif kind == 2:  # a microphone
        end = np.array([centre[0] + rng.normal(0, 0.15) * n, 1.2 * n])
        relief.capsule(centre, end, 0.035 * n, 0.03 * n, 0.0, np.full(3, 28.0), 0.4)
        mesh = 1.0 + 0.35 * np.sign(np.sin(np.arange(n)[None] * 2.2) * np.sin(np.arange(n)[:, None] * 2.2))
        grill = np.clip(rng.uniform(40, 150) * mesh, 5, 250)[..., None] * np.ones(3)
        x, y = np.meshgrid(np.arange(n) - centre[0], np.arange(n) - centre[1])
        r = rng.uniform(0.065, 0.10) * n
        far = x * x + y * y
        relief.put(np.zeros(2), np.full(2, n), far < r * r, np.sqrt(np.maximum(r * r - far, 0)), grill, 0.7)
    else:  # cloth: a scarf, a blanket, a tissue
        wave = cv2.resize(fractal(rng, 64, 7.0, 3), (n, n), interpolation=cv2.INTER_CUBIC)
        level = rng.uniform(0.66, 0.9) * n + 0.035 * n * wave
        y = np.arange(n)[:, None] * np.ones((1, n)) + np.tan(tilt) * (np.arange(n)[None] - n / 2)
        folds = cv2.resize(fractal(rng, 64, 4.0, 3), (n, n), interpolation=cv2.INTER_CUBIC)
        relief.put(np.zeros(2), np.full(2, n), y > level, 0.10 * n + 0.025 * n * folds, colour, 0.02)


def occlude(image: Floats, parsing: Bytes, look: Look) -> None:
    """Put a hand or a thing before part of the face, in place, in the light of the look."""
    assert look.shot is not None
    assert look.shot.occluder is not None
    rng = np.random.default_rng([60, look.shot.occluder])
    size = len(parsing)
    n = FINE * size
    skin = (parsing == C_SKIN) | (parsing == C_NOSE)
    tone = np.median(image[skin], axis=0) if skin.sum() > 20 else np.array([150.0, 110.0, 90.0])
    relief = _Relief(np.full((n, n), -1e3), np.zeros((n, n, 3)), np.zeros((n, n)))
    kind = rng.random()
    if kind < 0.62:
        _hand(relief, rng, np.clip(tone * rng.uniform(0.85, 1.12), 5, 245), float(rng.uniform(0.85, 1.15)))
    else:
        _thing(relief, rng)
        if kind > 0.85:
            _hand(relief, rng, np.clip(tone, 5, 245), 1.0)
    inside = (relief.height > -900).astype(np.float32)
    # a soft round edge even where the relief is flat
    height = np.where(inside > 0, relief.height, relief.height[inside > 0].min() if inside.any() else 0.0)
    height = cv2.GaussianBlur(height.astype(np.float32), (0, 0), 0.006 * n)
    dy, dx = np.gradient(height)
    length = np.sqrt(dx * dx + dy * dy + 1.0)
    key = look.lights.lamps[0]
    facing = (-dx * key[0] + dy * key[1] + key[2]) / length
    share = float(np.clip(key[3:6].mean() / (key[3:6].mean() + 0.5), 0.15, 0.7))
    flat = max(float(key[2]), 0.25)
    shade = (1 - share) * (0.62 + 0.38 / length) + share * np.clip(facing, 0, 1.4) / flat * 0.8
    if inside.any():  # metered as the face is
        shade = shade / max(float(np.median(shade[inside > 0])), 0.2) * 0.92
    grain = 1.0 + 0.035 * np.asarray(cv2.resize(fractal(rng, 128, 3.0, 3), (n, n)))
    colour = relief.colour * (np.clip(shade, 0.08, 1.35) * grain)[..., None]
    glint = relief.shine * 160 * np.clip(facing, 0, 1) ** 24
    colour = np.clip(colour + glint[..., None], 0, 255).astype(np.float32)
    mask = cv2.GaussianBlur(inside, (0, 0), 0.7)
    drop = cv2.warpAffine(inside, np.array([[1, 0, -0.02 * n * key[0]], [0, 1, 0.02 * n * max(key[1], 0.1)]]), (n, n))
    drop = cv2.resize(cv2.GaussianBlur(drop, (0, 0), 0.02 * n), (size, size), interpolation=cv2.INTER_AREA)
    small = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    paint = cv2.resize(colour * mask[..., None], (size, size), interpolation=cv2.INTER_AREA)
    image *= 1.0 - 0.45 * drop[..., None] * (parsing != C_BACKGROUND)[..., None]
    image[:] = image * (1.0 - small) + paint
    parsing[small[..., 0] > 0.5] = C_BACKGROUND

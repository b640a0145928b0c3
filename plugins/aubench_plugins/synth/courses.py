"""How movements run in time: muscles, the head, the lids, the eyes. Everything at 25 frames a second."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .chance import Array, Chance

RATE = 25
"""Frames a second at which courses are worked out."""


def ramp(values: npt.NDArray[np.floating[Any]]) -> Array:
    """From 0 at 0 to 1 at 1, with no speed and no acceleration at either end (minimum jerk)."""
    x: Array = np.minimum(np.maximum(values, 0.0), 1.0).astype(np.float64)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def course(length: int, start: float, onset: float, apex: float, offset: float, chance: Chance) -> Array:
    """One contraction, (length,), highest 1 or nearly: it rises from ``start`` (frames) for ``onset`` frames, holds for
    ``apex``, during which it sags a little, and falls for ``offset``. The fall is quick first and slow at its
    end; while it holds, the muscle trembles by a few per cent."""
    t = np.arange(length, dtype=np.float64) - start
    rise = ramp(t / onset)
    fall = (t - onset - apex) / offset
    fall = np.minimum(np.maximum(fall, 0.0), 1.0)
    kept = (1.0 - ramp(fall)) * (1.0 - 0.35 * fall)
    sag = 1.0 - chance.uniform(0.0, 0.25) * np.minimum(np.maximum((t - onset) / (apex + offset), 0.0), 1.0)
    return rise * kept * sag * (1.0 + 0.035 * tremor(length, chance))


def tremor(length: int, chance: Chance) -> Array:
    """Noise (length,) of about unit variance that forgets itself within a few frames."""
    push = chance.bells(length)
    out = np.empty(length)
    now = 0.0
    for i in range(length):
        now = 0.75 * now + 0.66 * push[i]
        out[i] = now
    return out


def wander(length: int, spread: float, chance: Chance, calm: tuple[float, float] = (0.8, 3.0)) -> Array:
    """A smooth walk about 0 (length,), as a head makes it: a damped spring pulled to a new place every ``calm``
    seconds, each place bell-shaped with ``spread``."""
    out = np.empty(length)
    place = target = chance.bell() * spread
    speed = 0.0
    left = 0.0
    for i in range(length):
        if left <= 0.0:
            left = chance.uniform(*calm) * RATE
            target = chance.bell() * spread
        left -= 1.0
        speed = 0.78 * speed + 0.014 * (target - place)
        place += speed
        out[i] = place
    return out


def saccades(length: int, chance: Chance) -> Array:
    """Where the eyes look (length, 2), each in [-1, 1]: fixations of 0.3 to 2.5 s, mostly near the camera, each
    reached within two frames."""
    out = np.empty((length, 2))
    place = chance.bells(2) * 0.15
    i = 0
    while i < length:
        spread = 0.15 if chance.happens(0.6) else 0.5
        new = np.minimum(np.maximum(chance.bells(2) * spread * np.array([1.0, 0.6]), -1.0), 1.0)
        hold = 2 + int(chance.uniform(0.3, 2.5) * RATE)
        steps = min(hold, length - i)
        share = np.minimum(np.arange(1, steps + 1) / 2.0, 1.0)[:, None]
        out[i : i + steps] = place + share * (new - place)
        place = new
        i += steps
    return out


def blinks(length: int, chance: Chance) -> Array:
    """Closure of the lids (length,) in [0, 1]: shut within three frames, open again in five, every 1.5 to 6 s; one in
    eight is a double blink."""
    out = np.zeros(length)
    t = chance.uniform(0.0, 4.0) * RATE
    while t < length:
        x = np.arange(length) - t
        out = np.maximum(out, chance.uniform(0.85, 1.0) * ramp(x / 3.0) * (1.0 - ramp((x - 4.0) / 5.0)))
        t += (0.45 if chance.happens(0.125) else chance.uniform(1.5, 6.0)) * RATE
    return out

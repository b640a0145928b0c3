"""Who is drawn: colours of skin, hair, eyes, lips, clothes, and how much of every layer of skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.arrays import Floats

from .ids import AMOUNTS, TINTS

_TONES = np.array(
    [
        (0.74, 0.49, 0.38), (0.70, 0.43, 0.31), (0.63, 0.36, 0.235), (0.53, 0.275, 0.160), (0.40, 0.190, 0.100),
        (0.27, 0.118, 0.060), (0.165, 0.070, 0.038), (0.090, 0.040, 0.025), (0.050, 0.024, 0.017),
    ]
)  # fmt: skip
"""Linear albedo of skin from the least melanin to the most, evenly spaced on the scale of ``skin_tone``."""
_HAIR = {
    "black": (0.012, 0.010, 0.009), "dark brown": (0.030, 0.018, 0.012), "brown": (0.075, 0.040, 0.022),
    "light brown": (0.15, 0.085, 0.045), "auburn": (0.13, 0.045, 0.018), "red": (0.24, 0.075, 0.022),
    "dark blond": (0.24, 0.155, 0.080), "blond": (0.42, 0.29, 0.15), "grey": (0.24, 0.23, 0.22),
    "white": (0.52, 0.50, 0.47),
}  # fmt: skip
_IRIS = {
    "dark brown": ((0.060, 0.028, 0.014), (0.022, 0.011, 0.007)), "brown": ((0.14, 0.065, 0.025), (0.05, 0.024, 0.012)),
    "hazel": ((0.20, 0.115, 0.040), (0.085, 0.085, 0.040)), "green": ((0.17, 0.14, 0.055), (0.085, 0.125, 0.075)),
    "blue": ((0.17, 0.20, 0.22), (0.085, 0.15, 0.23)), "grey": ((0.20, 0.21, 0.21), (0.13, 0.16, 0.18)),
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """``tints`` (n, 3) and ``amounts`` (m,), see :mod:`.ids`; ``age`` 0..1; ``male``, ``melanin`` 0..1 steer
    what else a look takes; ``lashes`` 0..1 how long and dark."""

    tints: Floats
    amounts: Floats
    age: float
    male: bool
    melanin: float
    lashes: float
    dark_lens: Floats


def skin_tone(melanin: float) -> Floats:
    """Linear albedo (3,) of skin with ``melanin`` 0..1, mixed between tones in densities."""
    at = np.linspace(0.0, 1.0, len(_TONES))
    return np.exp([np.interp(melanin, at, np.log(_TONES[:, c])) for c in range(3)])


_GAME_TINTS: dict[str, object] = {
    "skin": skin_tone(0.22), "lip": (0.42, 0.155, 0.135), "iris_in": (0.20, 0.17, 0.10), "iris_out": (0.08, 0.11, 0.10),
    "sclera": (0.66, 0.63, 0.60), "teeth": (0.70, 0.65, 0.56), "gum": (0.42, 0.14, 0.13),
    "hair": (0.055, 0.030, 0.018), "hair_tip": (0.075, 0.042, 0.024), "brow": (0.028, 0.016, 0.010),
    "cloth": (0.060, 0.085, 0.13), "cloth_b": (0.3, 0.3, 0.3), "hat": (0.10, 0.04, 0.04), "frame": (0.02, 0.02, 0.02),
    "shadow": (1.0, 1.0, 1.0), "lens": (1.0, 1.0, 1.0),
}  # fmt: skip
_GAME_AMOUNTS: dict[str, float] = {
    "mottle": 0.10, "blotch": 0.25, "freckle": 0.10, "flush": 0.30, "lip": 0.85, "socket": 0.30, "pore": 0.8,
    "crease": 0.9, "brow": 1.0, "stubble": 0.0, "beard": 0.0, "liner": 0.55, "rough": 0.50, "oil": 0.5,
    "shine": 0.75, "gloss": 1.6, "pupil": 0.4, "exposure": 1.0, "scalp": 0.9, "umbra": 0.6, "translucent": 1.0,
    "shift_u": 0.3, "shift_v": 0.6, "neckline": -14.5, "vee": 0.0, "pattern": 0.0, "catch": 0.8, "lid_shade": 0.9,
    "hairline": 0.0, "powder": 0.0,
}  # fmt: skip


def assemble(tints: dict[str, object], amounts: dict[str, float]) -> tuple[Floats, Floats]:
    """Tables of named colours and amounts, the game's where a name is missing."""
    table = np.array([np.asarray({**_GAME_TINTS, **tints}[name], np.float64) for name in TINTS], np.float32)
    values = np.array([{**_GAME_AMOUNTS, **amounts}[name] for name in AMOUNTS], np.float32)
    return table, values


def game_person() -> Person:
    """The one person of the ``game`` style."""
    return Person(
        *assemble({}, {}), age=0.12, male=False, melanin=0.22, lashes=0.6, dark_lens=np.full(3, 0.2, np.float32)
    )


def photo_person(rng: np.random.Generator) -> Person:
    """A random person."""
    melanin = float(np.clip(rng.beta(1.0, 1.25) * 1.05, 0.0, 1.0))
    male = bool(rng.random() < 0.5)
    age = float(np.clip(rng.beta(1.15, 1.9), 0.0, 1.0))
    skin = skin_tone(melanin) * np.exp(rng.normal(0.0, 0.07)) * np.exp(rng.normal(0.0, (0.02, 0.05, 0.09)))
    ruddy = rng.normal(0.0, 0.05) * (1 - melanin)
    skin = np.minimum(skin * (1 + 0.3 * ruddy, 1 - ruddy, 1 - 0.8 * ruddy), 0.9)
    fair = melanin < 0.33
    names = list(_HAIR)
    if melanin > 0.55:
        odds = np.array([0.62, 0.24, 0.05, 0.01, 0.01, 0.0, 0.01, 0.01, 0.04, 0.01])
    elif fair:
        odds = np.array([0.13, 0.18, 0.18, 0.13, 0.05, 0.04, 0.10, 0.10, 0.06, 0.03])
    else:
        odds = np.array([0.38, 0.30, 0.14, 0.05, 0.02, 0.01, 0.03, 0.02, 0.04, 0.01])
    odds = odds * np.where(np.arange(10) >= 8, 0.2 + 6.0 * age**2, 1.0)
    hair = np.array(_HAIR[names[int(rng.choice(10, p=odds / odds.sum()))]]) * np.exp(rng.normal(0.0, 0.22))
    grey = float(np.clip(rng.normal(1.7 * age - 1.25, 0.22), 0.0, 0.9))
    hair = hair + grey * (np.array([0.26, 0.25, 0.24]) - hair)
    brows = np.minimum(hair, 0.16) * rng.uniform(0.35, 0.75) + 0.004
    irises = list(_IRIS)
    iris_odds = (
        np.array([0.25, 0.27, 0.12, 0.08, 0.20, 0.08]) if fair else np.array([0.68, 0.26, 0.03, 0.01, 0.01, 0.01])
    )
    inner, outer = _IRIS[irises[int(rng.choice(6, p=iris_odds))]]
    rouge = not male and rng.random() < 0.38
    lip = skin * np.exp(-np.array([0.22, 0.72, 0.62]) * rng.uniform(0.7, 1.25))
    lip = lip + 0.05 * (1 - melanin) * np.array([1.0, 0.2, 0.22])
    if rouge:
        stick = np.array([min(rng.uniform(0.10, 0.42), 1.5 * skin[0]), 0.03, 0.042]) * rng.uniform(0.7, 1.4, 3)
        lip = lip + rng.uniform(0.35, 0.85) * (stick - lip)
    cloth = (
        rng.choice([0.02, 0.1, 0.3, 0.6]) * rng.uniform(0.4, 1.2) * (1 + rng.uniform(-1, 1, 3) * rng.choice([0.1, 0.7]))
    )
    other = np.clip(rng.random(3) ** 1.5 * 0.7 + 0.01, 0, 0.8)
    painted = not male and rng.random() < 0.25
    tints: dict[str, object] = {
        "skin": skin, "lip": lip, "sclera": np.array([0.58, 0.54, 0.505]) * rng.uniform(0.78, 1.05)
        - np.array([0.08, 0.10, 0.13]) * melanin,
        "iris_in": np.array(inner) * rng.uniform(0.7, 1.3) * (1 - 0.5 * melanin),
        "iris_out": np.array(outer) * rng.uniform(0.7, 1.3) * (1 - 0.5 * melanin),
        "teeth": np.array([0.72, 0.67, 0.575]) * rng.uniform(0.78, 1.08) * (1, 1, rng.uniform(0.82, 1.08)),
        "gum": np.array([0.42, 0.14, 0.13]) * rng.uniform(0.55, 1.1), "hair": np.maximum(hair, 0.004),
        "hair_tip": np.maximum(hair * rng.uniform(0.9, 1.9 if not male else 1.25), 0.005), "brow": brows,
        "cloth": np.clip(cloth, 0.008, 0.8), "cloth_b": other, "hat": rng.random(3) ** 2 * 0.5 + 0.01,
        "frame": rng.choice([0.01, 0.03, 0.25]) * rng.uniform(0.6, 1.4, 3),
        "shadow": rng.uniform(0.45, 0.95, 3) if painted else np.array([0.97, 0.94, 0.94]),
    }  # fmt: skip
    bearded = male and rng.random() < 0.30
    amounts = {
        "mottle": float(rng.uniform(0.04, 0.20)),
        "blotch": float(rng.uniform(0.08, 0.45)),
        "freckle": float(rng.uniform(0.4, 1.1) if melanin < 0.5 and rng.random() < 0.2 else rng.uniform(0.0, 0.2)),
        "flush": float(rng.uniform(0.10, 0.75) * (1 - 0.65 * melanin)),
        "lip": float(rng.uniform(0.85, 1.0) if rouge else rng.uniform(0.45, 0.9)),
        "socket": float(rng.uniform(0.05, 0.75)),
        "pore": float(rng.uniform(0.2, 1.3) * (0.7 + 0.6 * age)),
        "crease": float(rng.uniform(0.55, 1.1) * (0.7 + 0.5 * age)),
        "brow": float(rng.uniform(0.55, 1.0)),
        "stubble": float(rng.uniform(0.2, 0.85)) if male and rng.random() < 0.55 else 0.0,
        "beard": float(rng.uniform(0.35, 0.8)) if bearded else 0.0,
        "liner": float(rng.uniform(0.20, 0.5) if male else rng.uniform(0.35, 0.95)),
        "rough": float(rng.uniform(0.40, 0.62)),
        "oil": float(rng.uniform(0.1, 1.0)),
        "shine": float(rng.uniform(0.3, 1.25) * (1 - 0.7 * melanin)),
        "gloss": float(rng.uniform(0.8, 2.2) if rouge else rng.uniform(0.7, 1.8)),
        "pupil": float(rng.uniform(0.15, 0.95)),
        "scalp": float(rng.uniform(0.75, 0.97)),
        "translucent": float(rng.uniform(0.75, 1.1) * (1 - 0.35 * melanin)),
        "shift_u": float(rng.random()),
        "shift_v": float(rng.random()),
        "neckline": float(rng.uniform(-16.0, -11.0) if rng.random() < 0.8 else rng.uniform(-9.5, -8.2)),
        "vee": float(rng.choice([0.0, 0.0, 2.5, 5.0])),
        "pattern": float(rng.choice([0, 0, 0, 1, 2, 3])),
        "catch": float(rng.uniform(0.3, 1.1)),
        "lid_shade": float(rng.uniform(0.7, 1.0)),
        "powder": float(rng.uniform(0.0, 0.25) if not male else 0.0),
    }
    lashes = float(rng.uniform(0.2, 0.7) if male else rng.uniform(0.4, 1.0))
    lens = rng.uniform(0.05, 0.4) * rng.uniform(0.7, 1.1, 3)
    return Person(*assemble(tints, amounts), age, male, melanin, lashes, lens.astype(np.float32))

"""Photo looks: for every seed a person, a wardrobe, a camera and a light, over the whole human range."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.shading import light_colour, tone_curve

from ..light import lamp
from .game import Person, assemble

Rgb = tuple[float, float, float]


def _rgb(values: Floats) -> Rgb:
    return float(values[0]), float(values[1]), float(values[2])


def skin_colour(melanin: float, blood: float, yellow: float) -> Floats:
    """Linear albedo (3,) of skin. ``melanin`` 0 (Fitzpatrick I) .. 1 (VI), ``blood`` and ``yellow`` about 0.

    Beer-Lambert absorption of melanin and haemoglobin over the reflectance of the bare dermis, with absorbances per
    channel fitted by eye to the span of human skin from (.82, .52, .40) down to (.12, .05, .03).
    """
    dermis = np.array([0.84, 0.585, 0.455])
    absorbed = melanin**1.15 * np.array([1.95, 2.35, 2.55])
    absorbed = absorbed + (0.10 + 0.10 * blood) * np.array([0.15, 1.1, 0.9]) + 0.10 * yellow * np.array([0.0, 0.1, 1.4])
    return np.asarray(dermis * np.exp(-absorbed))


_IRISES: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.10, 0.045, 0.018), (0.055, 0.022, 0.010)),
    ((0.20, 0.10, 0.035), (0.10, 0.05, 0.02)),
    ((0.26, 0.18, 0.06), (0.12, 0.13, 0.06)),
    ((0.26, 0.26, 0.12), (0.10, 0.18, 0.12)),
    ((0.30, 0.34, 0.32), (0.10, 0.22, 0.36)),
    ((0.30, 0.34, 0.36), (0.18, 0.24, 0.28)),
)
_HAIRS: tuple[Rgb, ...] = (
    (0.010, 0.008, 0.007), (0.022, 0.013, 0.009), (0.06, 0.032, 0.018), (0.12, 0.065, 0.030), (0.30, 0.19, 0.085),
    (0.42, 0.31, 0.16), (0.22, 0.070, 0.022), (0.30, 0.29, 0.28), (0.55, 0.54, 0.52),
)  # fmt: skip


def _person_colours(rng: np.random.Generator) -> tuple[dict[str, Rgb], dict[str, float], bool]:
    melanin = float(rng.beta(0.9, 1.4))
    male = bool(rng.random() < 0.5)
    age = float(rng.beta(1.3, 1.8))
    skin = skin_colour(melanin, float(rng.normal(0, 1.2)), float(rng.normal(0.3, 1.0)))
    dark = melanin > 0.45
    iris = int(rng.integers(0, 2)) if dark else int(rng.choice(6, p=[0.17, 0.17, 0.16, 0.14, 0.2, 0.16]))
    old = age > 0.62 and rng.random() < 0.7
    hair = int(rng.integers(7, 9)) if old else int(rng.integers(0, 3 if dark else 7))
    hair_rgb = np.array(_HAIRS[hair]) * rng.uniform(0.7, 1.3)
    rouge = not male and rng.random() < 0.4
    lip = skin * np.array([0.86, 0.56, 0.60]) + 0.08 * (1 - melanin) * np.array([1.0, 0.1, 0.15])
    if rouge:
        lip = np.array([rng.uniform(0.25, 0.55), rng.uniform(0.03, 0.16), rng.uniform(0.04, 0.18)])
    tints: dict[str, Rgb] = {
        "skin": _rgb(skin),
        "lip": _rgb(lip),
        "flush": _rgb(np.array([1.05, 0.72, 0.70]) if melanin < 0.5 else np.array([0.95, 0.80, 0.80])),
        "freckle": _rgb(np.array([0.70, 0.52, 0.40])),
        "iris_in": _rgb(np.array(_IRISES[iris][0]) * rng.uniform(0.8, 1.25)),
        "iris_out": _rgb(np.array(_IRISES[iris][1]) * rng.uniform(0.8, 1.25)),
        "hair": _rgb(hair_rgb),
        "brow": _rgb(np.minimum(hair_rgb, 0.30) * 0.55 + 0.004),
        "cloth": _rgb(rng.random(3) ** 2 * 0.8 + 0.01),
        "hat": _rgb(rng.random(3) ** 2 * 0.6 + 0.01),
        "frame": _rgb(rng.random(3) ** 3 * 0.4 + 0.005),
        "sclera": _rgb(np.array([0.70, 0.66, 0.62]) * rng.uniform(0.85, 1.08) - np.array([0, 0.02, 0.04]) * melanin),
        "shadow": _rgb(np.array([0.80, 0.70, 0.72]) * rng.uniform(0.8, 1.1)),
        "teeth": _rgb(np.array([0.74, 0.69, 0.60]) * rng.uniform(0.8, 1.1) * np.array([1, 1, rng.uniform(0.8, 1.05)])),
        "gum": _rgb(np.array([0.42, 0.13, 0.12]) * rng.uniform(0.7, 1.15)),
    }
    if rng.random() < 0.12:  # painted lids
        tints["shadow"] = _rgb(rng.uniform(0.35, 0.9, 3))
    bearded = male and rng.random() < 0.30
    amounts = {
        "mottle": float(rng.uniform(0.015, 0.06)),
        "blotch": float(rng.uniform(0.015, 0.075)),
        "freckle": float(rng.uniform(0.4, 1.0) if not dark and rng.random() < 0.2 else rng.uniform(0, 0.25)),
        "flush": float(rng.uniform(0.2, 1.2) * (1 - 0.5 * melanin)),
        "lip": float(rng.uniform(0.9, 1.0) if rouge else rng.uniform(0.45, 0.95)),
        "socket": float(rng.uniform(0.15, 0.95)),
        "pore": float(rng.uniform(0.4, 1.6)),
        "age": float(max(0.0, 1.1 * age - 0.15)),
        "crease": float(rng.uniform(0.6, 1.15)),
        "brow": float(rng.uniform(0.55, 1.0)),
        "stubble": float(rng.uniform(0.2, 0.9)) if male and rng.random() < 0.55 else 0.0,
        "beard": float(rng.uniform(0.6, 1.0)) if bearded else 0.0,
        "liner": float(rng.uniform(0.35, 0.6) if male else rng.uniform(0.5, 0.95)),
        "rough": float(rng.uniform(0.48, 0.66)),
        "oil": float(rng.uniform(0.0, 0.7)),
        "shine": float(rng.uniform(0.10, 0.50)),
        "gloss": float(rng.uniform(1.0, 4.5)),
        "hair_shine": float(rng.uniform(0.4, 1.5)),
        "pupil": float(rng.uniform(0.13, 0.27)),
    }
    return tints, amounts, male


@lru_cache(maxsize=512)
def photo_person(seed: int) -> Person:
    """The person, camera and light of a look seed; the same every time."""
    rng = np.random.default_rng([20_260, seed])
    tints, amounts, male = _person_colours(rng)
    hard = float(rng.beta(1.2, 1.6))
    turn, lift = rng.uniform(-1.35, 1.35), rng.uniform(-0.25, 1.1)
    key = (np.sin(turn) * np.cos(lift), -np.sin(lift), -np.cos(turn) * np.cos(lift))
    power = rng.uniform(0.5, 1.25) * (0.75 + 0.5 * hard)
    wrap, spread = 0.45 * (1 - hard) + 0.02, rng.uniform(0.15, 0.55)
    lights = [lamp(key, _rgb(power * light_colour(rng, 0.35)), wrap, spread)]
    for _ in range(int(rng.integers(0, 4))):
        direction = rng.normal(0, 1, 3) * (1.2, 0.8, 1.0)
        strength = power * rng.uniform(0.08, 0.6)
        lights.append(
            lamp(_rgb(direction), _rgb(strength * light_colour(rng, 0.4)), 0.4 * rng.random(), rng.uniform(0.1, 0.4))
        )
    base = rng.uniform(0.12, 0.60) * (1.25 - 0.7 * hard)
    sky = base * light_colour(rng, 0.25)
    ground = base * rng.uniform(0.25, 0.9) * light_colour(rng, 0.25)
    ambient = np.stack([sky, ground, rng.uniform(0.3, 1.2) * light_colour(rng, 0.3)]).astype(np.float32)
    # a camera's meter: the face comes out somewhere about middle grey, dark skin darker than fair skin
    grey = float(np.dot(tints["skin"], (0.3, 0.6, 0.1)))
    lit = base + 0.55 * power
    target = 0.30 * (grey / 0.30) ** 0.5 * float(np.exp(rng.normal(0.0, 0.28)))
    amounts["umbra"] = float(np.clip(0.35 + 0.75 * hard + rng.normal(0, 0.1), 0.0, 1.0))
    amounts["exposure"] = target / max(grey * lit, 1e-4)
    # white balance follows the light, more or less
    arriving = ambient[0] + 0.5 * ambient[1] + 0.6 * sum(row[3:6] for row in lights)
    balance = (arriving.mean() / arriving) ** rng.uniform(0.45, 1.05) * light_colour(rng, 0.08)
    contrast, toe = float(rng.normal(1.10, 0.13)), float(max(0.0, rng.normal(0.0, 0.018)))
    saturation = rng.normal(0.0, 0.04, 3)
    curve = np.stack([tone_curve(max(0.75, contrast + saturation[c]), toe, float(balance[c])) for c in range(3)])
    hair = str(
        rng.choice(
            ["cap", "bald", "fringe", "long"], p=[0.40, 0.12, 0.18, 0.30] if not male else [0.58, 0.22, 0.14, 0.06]
        )
    )
    glasses = int(rng.choice([0, 1, 2, 3], p=[0.85, 0.06, 0.07, 0.02]))
    return Person(
        assemble(tints, amounts, lights, ambient, curve),
        distance=float(np.exp(rng.uniform(np.log(6.0), np.log(30.0)))),
        hair=hair,
        glasses=glasses,
        hat=bool(rng.random() < 0.08),
        backdrop=int(rng.integers(0, 2**31)),
        lens_blur=float(max(0.0, rng.normal(0.0, 0.0035))),
        noise=float(abs(rng.normal(0.0, 3.0))),
        vignette=float(rng.uniform(0.0, 0.3)),
        resolution=float(rng.uniform(0.45, 1.0)) if rng.random() < 0.35 else 1.0,
    )

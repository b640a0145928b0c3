"""Looks: everything about a picture but the face's parameters, sampled from a seed. One ``game`` look, and a ``photo``
look for every pair of seeds: one for the person, camera and light, one for the frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.camera_effects import Shot, sample_shot
from aubench.drawing.shading import light_colour, tone_curve

from .ids import Q_BEARD, T_SKIN
from .light import SHOULDER, Lights, soft_lamp
from .person import Person, game_person, photo_person

HAIR_STYLES = ("bald", "buzz", "short", "side", "fringe", "curly", "long", "tied")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
HATS = ("none", "beanie", "cap", "scarf")
GLASSES = ("none", "round", "square", "thin", "sun")


@dataclass(frozen=True, eq=False)
class Look:
    """``person``; ``lights``; ``curve`` (3, n) tone curve; ``target`` grey that the camera's meter aims at;
    ``umbra`` 0..1 and ``soft`` (cm) of the key light's shadow; ``hair``, ``beard``, ``hat``, ``glasses`` by name and
    ``strands`` the seed of their hairs; ``recede`` (cm) of the hairline; ``distance`` (cm) of the camera from where
    the head turns; ``backdrop`` seed of the background, None for the game's; ``lens_blur`` share of the side; ``noise``
    of the sensor on 0..255; ``vignette`` 0..1; ``resolution``: side of the picture before it was enlarged, as a share
    of the crop's; ``grey``: without colour; ``collar``: a high one, or a scarf; ``shot``: the frame."""

    person: Person
    lights: Lights
    curve: Floats
    target: float
    umbra: float
    soft: float
    hair: str
    beard: str
    hat: str
    glasses: str
    strands: int
    recede: float
    distance: float
    backdrop: int | None
    lens_blur: float = 0.0
    noise: float = 0.0
    vignette: float = 0.0
    resolution: float = 1.0
    grey: bool = False
    collar: bool = False
    shot: Shot | None = None


def _lamp(direction: Floats, colour: Floats, spread: float, window: bool = False) -> Floats:
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    return np.array([*unit, *colour, np.cos(spread), float(window)], np.float32)


@lru_cache(maxsize=1)
def game_look() -> Look:
    """The one look of the ``game`` style: soft light from three sides, a plain backdrop."""
    lamps = [
        _lamp(np.array([-0.55, 0.60, 0.75]), np.array([1.05, 1.0, 0.94]), 0.35),
        _lamp(np.array([0.85, 0.15, 0.45]), np.array([0.22, 0.24, 0.28]), 0.30),
    ]
    sky = soft_lamp(np.array([0.1, 1.0, 0.5]), np.array([0.34, 0.35, 0.37]), 1.0)
    sky = sky + soft_lamp(np.array([0.0, 0.1, 1.0]), np.array([0.42, 0.41, 0.40]), 1.1)
    sky = sky + soft_lamp(np.array([0.8, 0.1, 0.3]), np.array([0.22, 0.24, 0.28]), 0.7)
    eye = np.array([[0.9, 0.95, 1.0], [0.25, 0.22, 0.2]])
    lights = Lights(np.stack(lamps), sky.astype(np.float32), eye.astype(np.float32))
    curve = np.repeat(tone_curve(shoulder=SHOULDER)[None], 3, axis=0)
    return Look(
        game_person(), lights, curve, target=0.30, umbra=0.6, soft=0.5, hair="short", beard="none", hat="none",
        glasses="none", strands=7, recede=0.0, distance=90.0, backdrop=None,
    )  # fmt: skip


def photo_lights(rng: np.random.Generator) -> tuple[Lights, float]:
    """A random environment, and its key light's hardness 0..1."""
    hard = float(rng.beta(0.9, 1.3))
    turn, lift = rng.uniform(-1.45, 1.45), rng.uniform(-0.15, 1.15)
    if rng.random() < 0.10:  # from behind
        turn += np.pi * 0.65 * np.sign(turn)
    key = np.array([np.sin(turn) * np.cos(lift), np.sin(lift), np.cos(turn) * np.cos(lift)])
    direct = rng.uniform(0.35, 1.25) * (0.15 + 1.2 * hard)
    lamps = [_lamp(key, direct * light_colour(rng, 0.3), rng.uniform(0.10, 0.55), rng.random() < 0.4)]
    sky = soft_lamp(np.array([0.0, 1.0, 0.15]), rng.uniform(0.05, 0.5) * light_colour(rng, 0.3), rng.uniform(0.7, 1.4))
    sky = sky + soft_lamp(np.array([0.0, -1.0, 0.3]), rng.uniform(0.02, 0.20) * light_colour(rng, 0.35), 1.0)
    sky = sky + soft_lamp(key, (1.15 - hard) * rng.uniform(0.2, 1.0) * light_colour(rng, 0.3), rng.uniform(0.3, 0.9))
    sky = sky + soft_lamp(np.array([0.0, 0.0, 1.0]), rng.uniform(0.05, 0.35) * np.ones(3), 1.3)
    for _ in range(int(rng.integers(0, 4))):
        direction = rng.normal(0, 1, 3) * (1.2, 0.7, 0.9) + (0, 0.2, 0.25)
        colour = rng.uniform(0.05, 0.55) * light_colour(rng, 0.5 if rng.random() < 0.85 else 2.0)
        sky = sky + soft_lamp(direction, colour, rng.uniform(0.3, 1.0))
        if len(lamps) < 4:
            lamps.append(_lamp(direction, colour * 0.7, rng.uniform(0.1, 0.5), rng.random() < 0.4))
    bright = 0.282 * sky[0].mean() * rng.uniform(0.6, 2.0)
    eye = np.stack([bright * light_colour(rng, 0.3), bright * rng.uniform(0.1, 0.6) * light_colour(rng, 0.3)])
    return Lights(np.stack(lamps), sky.astype(np.float32), eye.astype(np.float32)), hard


def shot_of(look: int, shot: int) -> Shot:
    """The shot of a seed; its JPEG quality and steadiness vary about those of the look's camera."""
    camera = np.random.default_rng([41_500, look])
    steady, quality = float(camera.uniform(0.4, 1.6)), float(camera.uniform(40, 96))
    handy = bool(camera.random() < 0.5)
    return sample_shot(
        np.random.default_rng([31_400, look, shot]), steady=steady, quality=quality, lowest_quality=25, motion=0.007,
        occluded=0.14 if handy else 0.02,
    )  # fmt: skip


@lru_cache(maxsize=512)
def _photo_look(seed: int) -> Look:
    rng = np.random.default_rng([20_261, seed])
    person = photo_person(rng)
    lights, hard = photo_lights(rng)
    grey = float(np.dot(person.tints[T_SKIN], (0.3, 0.6, 0.1)))
    # a camera's meter: the face comes out somewhere about middle grey, dark skin darker than fair skin
    target = 0.27 * (grey / 0.30) ** 0.55 * float(np.exp(np.clip(rng.normal(0.0, 0.24), -0.7, 0.42)))
    arriving = lights.sky[0] * 0.28 + 0.5 * lights.lamps[0, 3:6]
    balance = (arriving.mean() / np.maximum(arriving, 1e-3)) ** rng.uniform(0.65, 1.05) * light_colour(rng, 0.06)
    contrast, toe = float(rng.normal(1.14, 0.12)), float(max(0.0, rng.normal(0.0, 0.02)))
    tint = rng.normal(0.0, 0.035, 3)
    curve = np.stack(
        [tone_curve(max(0.75, contrast + tint[c]), toe, float(balance[c]), shoulder=SHOULDER) for c in range(3)]
    )
    if person.male:
        hair = str(rng.choice(HAIR_STYLES, p=[0.13, 0.17, 0.36, 0.16, 0.07, 0.07, 0.03, 0.01]))
    else:
        hair = str(rng.choice(HAIR_STYLES, p=[0.015, 0.025, 0.06, 0.07, 0.15, 0.12, 0.40, 0.16]))
    beard = "none"
    if person.male and float(person.amounts[Q_BEARD]) > 0.0:
        beard = str(rng.choice(BEARDS[1:], p=[0.25, 0.15, 0.15, 0.45]))
    recede = float(max(0.0, rng.normal(2.2 * person.age - 0.6, 0.7))) if person.male else float(rng.uniform(0.0, 0.5))
    return Look(
        person, lights, curve, target,
        umbra=float(np.clip(0.45 + 0.6 * hard + rng.normal(0, 0.1), 0.0, 1.0)),
        soft=float(np.exp(rng.uniform(np.log(0.18), np.log(1.1))) * (1.2 - 0.8 * hard)),
        hair=hair, beard=beard,
        hat=str(rng.choice(HATS, p=[0.90, 0.035, 0.05, 0.015])),
        glasses=str(rng.choice(GLASSES, p=[0.84, 0.045, 0.05, 0.045, 0.02])),
        strands=int(rng.integers(0, 2**31)), recede=recede,
        distance=float(np.exp(rng.uniform(np.log(42.0), np.log(260.0)))),
        backdrop=int(rng.integers(0, 2**31)),
        lens_blur=float(max(0.0, rng.normal(0.0, 0.0035))),
        noise=float(abs(rng.normal(0.0, 3.2))),
        vignette=float(rng.uniform(0.0, 0.35)),
        resolution=float(rng.uniform(0.40, 1.0)) if rng.random() < 0.35 else 1.0,
        grey=bool(rng.random() < 0.06),
        collar=bool(rng.random() < 0.12),
    )  # fmt: skip


def photo_look(seed: int, shot: int = 0) -> Look:
    """The look of a seed, in one frame of it; the same every time."""
    return replace(_photo_look(seed), shot=shot_of(seed, shot))

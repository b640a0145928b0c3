"""Augmented copies of aligned crops: what is drawn at random for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from aubench.component import Config
from aubench.data.augment.picture import augment
from aubench.errors import did_you_mean
from aubench.parameters import AU_NAMES
from aubench.types import Floats

Image = npt.NDArray[np.uint8]
MOVING = (
    "AU01", "AU02", "AU04", "AU05", "AU07", "AU09", "AU10", "AU12", "AU14", "AU15", "AU16", "AU17", "AU18", "AU20",
    "AU23", "AU24",
)  # fmt: skip
"""AUs whose effect is mostly that visible points move."""


class Augmentation(Config):
    """What augmented copies may look like."""

    pose: bool = Field(default=True, description="turn the head")
    yaw: float = Field(default=30.0, ge=0, le=45, description="at most so many degrees to either side")
    pitch: float = Field(default=15.0, ge=0, le=30, description="at most so many degrees up or down")
    expression: bool = Field(default=True, description="move the 68 landmarks")
    aus: tuple[str, ...] = Field(default=MOVING, description="AUs that move them")
    active: float = Field(default=0.25, ge=0, le=1, description="chance of each AU to be among those of a copy")
    strength: float = Field(default=0.8, ge=0, le=1, description="at most so strong, 1 for intensity 5")

    @field_validator("aus")
    @classmethod
    def _known(cls, aus: tuple[str, ...]) -> tuple[str, ...]:
        for au in aus:
            if au not in AU_NAMES:
                raise ValueError(f"no AU parameter {au!r}. {did_you_mean(au, AU_NAMES)}")
        return aus


def augment_batch(
    images: Image,
    landmarks: npt.NDArray[np.floating] | None,
    seed: int,
    step: int,
    options: Augmentation = Augmentation(),  # noqa: B008, it is frozen
    *,
    rows: Sequence[int] | npt.NDArray[np.integer] | None = None,
) -> Image:
    """One augmented copy of each aligned crop.

    ``images`` uint8 RGB (b, h, h, 3); ``landmarks`` (b, 68, 2) in their pixels, iBUG order, NaN for points that are not
    known, ``None`` where no frame has any: then the generic face's mean points, in their aligned place, stand in. What
    is drawn for a crop depends on ``seed``, ``step`` and its entry in ``rows`` (default 0, 1, ...) only, so that a
    frame whose row is given has the same copy in whatever batch.
    """
    numbers = np.arange(len(images)) if rows is None else np.asarray(rows)
    if len(numbers) != len(images) or (landmarks is not None and len(landmarks) != len(images)):
        raise ValueError(f"{len(images)} images, but {len(numbers)} rows or another number of landmarks")
    out = np.empty_like(images)
    for i, (image, number) in enumerate(zip(images, numbers, strict=True)):
        yaw, pitch, strengths = draw(options, seed, step, int(number))
        own = None if landmarks is None else landmarks[i]
        out[i] = augment(image, own, yaw=yaw, pitch=pitch, strengths=strengths).image
    return out


def draw(options: Augmentation, seed: int, step: int, row: int) -> tuple[float, float, Floats]:
    """Yaw and pitch in degrees, uniform within the ellipse of the largest, and strengths (23,)."""
    dice = np.random.default_rng([seed, step, row, 0xA06])
    radius, bearing = np.sqrt(dice.random()), 2 * np.pi * dice.random()
    chosen, strong = dice.random(len(AU_NAMES)), dice.random(len(AU_NAMES))
    yaw, pitch = (options.yaw, options.pitch) if options.pose else (0.0, 0.0)
    strengths = np.zeros(len(AU_NAMES), np.float32)
    if options.expression:
        places = [AU_NAMES.index(name) for name in options.aus]
        strengths[places] = np.where(chosen < options.active, strong * options.strength, 0.0)[places]
    return float(yaw * radius * np.cos(bearing)), float(pitch * radius * np.sin(bearing)), strengths

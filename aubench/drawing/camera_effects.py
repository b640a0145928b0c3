"""What a camera does to an image: lens, motion, vignette, sensor, file; and what of it changes from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Floats


class Camera(Protocol):
    """What :func:`develop` asks of a look.

    ``lens_blur``: standard deviation of the blur as a share of the side. ``noise``: standard deviation of the sensor's
    noise on 0..255. ``vignette`` 0..1: how much darker corners are. ``resolution`` 0..1: side of the image before it
    was enlarged, as a share of the crop's. ``grey``: whether there is no colour.
    """

    @property
    def lens_blur(self) -> float: ...
    @property
    def noise(self) -> float: ...
    @property
    def vignette(self) -> float: ...
    @property
    def resolution(self) -> float: ...
    @property
    def grey(self) -> bool: ...


@dataclass(frozen=True)
class Shot:
    """What differs from frame to frame: ``angle`` (radians), ``scale`` and ``shift`` (2,) (share of the side) of the
    alignment's error; ``gain`` of the exposure; ``blur`` and ``motion`` (2,) (share of the side); ``quality`` of
    the JPEG file; ``occluder``: None or the seed of one; ``noise`` seed of the sensor's."""

    angle: float
    scale: float
    shift: tuple[float, float]
    gain: float
    blur: float
    motion: tuple[float, float]
    quality: int
    occluder: int | None
    noise: int


def sample_shot(
    rng: np.random.Generator,
    *,
    steady: float,
    quality: float,
    lowest_quality: int,
    motion: float,
    occluded: float,
) -> Shot:
    """A random frame of a camera.

    Args:
        rng: The source of all that is random.
        steady: How far alignment errors go, 1 for an ordinary recording; larger is less steady.
        quality: Mean JPEG quality of the camera's files.
        lowest_quality: What no file falls below.
        motion: Standard deviation of the motion blur of the frames that have one, as a share of the side.
        occluded: Probability of something before the face.
    """
    shift = np.clip(rng.normal(0.0, 0.007 * steady, 2), -0.02, 0.02)
    blur_vector = rng.normal(0.0, motion, 2) if rng.random() < 0.15 else np.zeros(2)
    return Shot(
        angle=float(rng.normal(0.0, 0.018 * steady)),
        scale=float(np.exp(rng.normal(0.0, 0.012 * steady))),
        shift=(float(shift[0]), float(shift[1])),
        gain=float(np.exp(rng.normal(0.0, 0.03))),
        blur=float(rng.uniform(0.0, 0.006)) if rng.random() < 0.2 else 0.0,
        motion=(float(blur_vector[0]), float(blur_vector[1])),
        quality=int(np.clip(quality + rng.normal(0, 4), lowest_quality, 98)),
        occluder=int(rng.integers(0, 2**31)) if rng.random() < occluded else None,
        noise=int(rng.integers(0, 2**31)),
    )


def develop(image: Floats, camera: Camera, shot: Shot) -> Bytes:
    """From a clean image (s, s, 3) in 0..255 to the one (s, s, 3) that is read from the file the camera wrote."""
    size = len(image)
    if camera.resolution < 0.95:
        side = max(24, round(size * camera.resolution))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
    sigma = float(np.hypot(camera.lens_blur, shot.blur)) * size
    if sigma > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)
    image = motion_blur(image, np.array(shot.motion) * size)
    image = image * (shot.gain * (1 - camera.vignette * _from_middle(size)))
    if camera.noise > 0.3:
        rng = np.random.default_rng(shot.noise)
        grain = rng.standard_normal((size, size, 1), dtype=np.float32)
        tint = rng.standard_normal((size, size, 3), dtype=np.float32)
        image = image + camera.noise * (0.8 * grain + 0.45 * tint)
    if camera.grey:
        image = np.repeat((image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, axis=2)
    pixels = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, shot.quality])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def motion_blur(image: Floats, vector: Floats) -> Floats:
    """An image (h, w, c) blurred along ``vector`` (2,), in pixels; as it is where that is shorter than one."""
    length = int(np.ceil(np.abs(vector).max()))
    if length < 1:
        return image
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    centre = length * 16
    a = (int(centre - vector[0] * 8), int(centre - vector[1] * 8))
    b = (int(centre + vector[0] * 8), int(centre + vector[1] * 8))
    cv2.line(kernel, a, b, 1.0, 1, cv2.LINE_AA, 4)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


@lru_cache(maxsize=8)
def _from_middle(size: int) -> Floats:
    """The squared distance from the middle (s, s, 1), in sides."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    return (axis[:, None] ** 2 + axis[None, :] ** 2)[..., None]

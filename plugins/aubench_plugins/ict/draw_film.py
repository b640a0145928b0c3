"""What a camera does to a picture: lens, motion, vignette, sensor, file."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .arrays import Bytes, Floats
from .draw_look import Look, Shot


def _motion(image: Floats, vector: Floats) -> Floats:
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
def _far(size: int) -> Floats:
    """The squared distance from the middle (s, s, 1), in sides."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    return (axis[:, None] ** 2 + axis[None, :] ** 2)[..., None]


def develop(image: Floats, look: Look, shot: Shot) -> Bytes:
    """From a clean picture (s, s, 3) 0..255 to the file that a camera wrote."""
    size = len(image)
    if look.resolution < 0.95:
        side = max(24, round(size * look.resolution))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
    sigma = float(np.hypot(look.lens_blur, shot.blur)) * size
    if sigma > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)
    image = _motion(image, np.array(shot.motion) * size)
    image = image * (shot.gain * (1 - look.vignette * _far(size)))
    if look.noise > 0.3:
        rng = np.random.default_rng(shot.noise)
        grain = rng.standard_normal((size, size, 1), dtype=np.float32)
        tint = rng.standard_normal((size, size, 3), dtype=np.float32)
        image = image + look.noise * (0.8 * grain + 0.45 * tint)
    if look.grey:
        image = np.repeat((image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, axis=2)
    pixels = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, shot.quality])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])

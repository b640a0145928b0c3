"""Domain randomisation on top of the engine's own: what a face parser must not care about.

Geometry (with labels and landmarks moved along), things in front of and behind the face, light, colour, blur, noise and
compression. All randomness comes from the generator handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.contracts import PARSING_CLASSES
from aubench.landmarks import MIRRORED
from aubench_training.pretrain.quality import IGNORED

Random = np.random.Generator
Bytes = npt.NDArray[np.uint8]

_PAIRS = (("l_brow", "r_brow"), ("l_eye", "r_eye"), ("l_ear", "r_ear"))
MIRRORED_CLASSES = np.arange(256, dtype=np.uint8)
"""Class of a pixel after mirroring; left and right change places."""
for _a, _b in _PAIRS:
    _i, _j = PARSING_CLASSES.index(_a), PARSING_CLASSES.index(_b)
    MIRRORED_CLASSES[_i], MIRRORED_CLASSES[_j] = _j, _i


@dataclass(frozen=True)
class Augmented:
    """``image`` float32 (b, 3, h, w) in [0, 1]; ``parsing`` int64 (b, h, w) with :data:`IGNORED` where something was
    put in front; ``flipped`` bool (b,); ``matrices`` float64 (b, 2, 3): where pixels (x, y, 1) of the original went."""

    image: Tensor
    parsing: Tensor
    flipped: Tensor
    matrices: npt.NDArray[np.float64]

    def moved(self, points: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Landmarks (b, 68, 2) of the originals as those of the images; mirrored ones change their numbers."""
        out: npt.NDArray[np.float64] = (
            points @ self.matrices[:, :, :2].transpose(0, 2, 1) + self.matrices[:, None, :, 2]
        )
        mirror = self.flipped.numpy()
        out[mirror] = out[mirror][:, list(MIRRORED)]
        return out


def augment(images: Bytes, parsing: Bytes, random: Random, strength: float = 1.0, *, mirror: bool = True) -> Augmented:
    """Randomise uint8 images (b, h, w, 3) and their parsing maps (b, h, w), half of them mirrored unless told
    otherwise. ``strength`` 0 changes nothing."""
    if strength <= 0:
        plain = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255
        still = np.tile(np.eye(2, 3), (len(images), 1, 1))
        unflipped = torch.zeros(len(images), dtype=torch.bool)
        return Augmented(plain, torch.from_numpy(parsing.astype(np.int64)), unflipped, still)
    warped = np.empty_like(images)
    labels = np.empty_like(parsing)
    matrices = np.empty((len(images), 2, 3))
    flipped = random.random(len(images)) < (0.5 if mirror else 0.0)
    for i in range(len(images)):
        warped[i], labels[i], matrices[i] = _warp(images[i], parsing[i], bool(flipped[i]), random, strength)
        if random.random() < 0.3 * strength:
            _change_background(warped[i], labels[i], warped[random.integers(0, i + 1)], random)
        if random.random() < 0.3 * strength:
            _occlude(warped[i], labels[i], random)
    image = torch.from_numpy(warped).permute(0, 3, 1, 2).float() / 255
    image = _shade(image, random, strength)
    image = _blur_and_noise(image, random, strength)
    return Augmented(image, torch.from_numpy(labels.astype(np.int64)), torch.from_numpy(flipped), matrices)


def _warp(
    image: Bytes, labels: Bytes, flip: bool, random: Random, strength: float
) -> tuple[Bytes, Bytes, npt.NDArray[np.float64]]:
    """A random similarity with a little shear, mirrored half the time."""
    h, w = image.shape[:2]
    turn = np.deg2rad(random.uniform(-14, 14) * strength)
    scale = np.exp(random.uniform(-0.16, 0.13) * strength)
    shear = random.uniform(-0.06, 0.06) * strength
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = linear @ np.array([[1, shear], [0, 1 + random.uniform(-0.05, 0.05) * strength]])
    if flip:
        linear = linear @ np.array([[-1.0, 0], [0, 1]])
        labels = MIRRORED_CLASSES[labels]
    centre = np.array([(w - 1) / 2, (h - 1) / 2])
    shift = centre - linear @ centre + random.uniform(-0.06, 0.06, 2) * strength * w
    matrix = np.column_stack([linear, shift])
    border: dict[str, Any] = {"borderMode": cv2.BORDER_REFLECT_101}
    if random.random() < 0.5:
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": random.integers(0, 256, 3).tolist()}
    warped = cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR, **border)
    border["borderValue"] = 0
    moved = cv2.warpAffine(labels, matrix, (w, h), flags=cv2.INTER_NEAREST, **border)
    return np.asarray(warped, dtype=np.uint8), np.asarray(moved, dtype=np.uint8), matrix


def _change_background(image: Bytes, labels: Bytes, other: Bytes, random: Random) -> None:
    """Behind the head: a colour, a gradient, noise of any coarseness, or a piece of another picture, turned."""
    h, w = labels.shape
    kind = random.integers(0, 4)
    behind: Any
    if kind == 0:
        behind = np.broadcast_to(random.integers(0, 256, 3), (h, w, 3))
    elif kind == 1:
        corners = random.integers(0, 256, (2, 2, 3)).astype(np.uint8)
        behind = cv2.resize(corners, (w, h), interpolation=cv2.INTER_LINEAR)
    elif kind == 2:
        grain = int(2 ** random.uniform(2, 6))
        noise = random.integers(0, 256, (grain, grain, 3)).astype(np.uint8)
        behind = cv2.resize(noise, (w, h), interpolation=cv2.INTER_CUBIC)
    else:
        behind = np.ascontiguousarray(np.rot90(other, int(random.integers(1, 4))))[:h, :w]
    mask = labels == 0
    image[mask] = behind[mask]


def _occlude(image: Bytes, labels: Bytes, random: Random) -> None:
    """One or two patches of a colour or of noise in front of the face; what lies beneath is nobody's class."""
    h, w = labels.shape
    for _ in range(random.integers(1, 3)):
        mask = np.zeros((h, w), np.uint8)
        centre = random.uniform(0.1, 0.9, 2) * w
        if random.random() < 0.5:
            axes = (random.uniform(0.04, 0.16, 2) * w).astype(int) + 1
            angle = float(random.uniform(0, 180))
            cv2.ellipse(mask, centre.astype(int).tolist(), axes.tolist(), angle, 0, 360, 1, -1)
        else:
            corners = centre + random.uniform(-0.18, 0.18, (int(random.integers(3, 6)), 2)) * w
            cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
        inside = mask > 0
        image[inside] = random.integers(0, 256, 3)
        if random.random() < 0.5:
            grain = random.normal(0, 25, (int(inside.sum()), 3))
            image[inside] = np.clip(image[inside] + grain, 0, 255).astype(np.uint8)
        labels[inside] = IGNORED


def _shade(image: Tensor, random: Random, strength: float) -> Tensor:
    """Uneven light, gamma, contrast, colour: a random field, a power, and a 3x3 matrix near one, some far from it."""
    b, _, h, w = image.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(random.uniform(low, high, (b, *shape)).astype(np.float32))

    def some(share: float) -> Tensor:
        return torch.from_numpy(random.random(b) < share * strength).float()

    field = torch.nn.functional.interpolate(uniform(-0.45, 0.45, 1, 3, 3), (h, w), mode="bicubic", align_corners=True)
    light = torch.exp(field * some(0.5).view(b, 1, 1, 1))
    gamma = torch.exp(uniform(-0.4, 0.4) * strength).view(b, 1, 1, 1)
    image = (image * light).clamp(1e-4, 1).pow(gamma)
    mix = torch.eye(3).expand(b, 3, 3) + strength * uniform(-0.12, 0.12, 3, 3)
    mix = mix * torch.exp(strength * uniform(-0.25, 0.25, 1, 1))
    grey = torch.tensor([0.299, 0.587, 0.114]).expand(b, 3, 3)
    fade = (some(0.5).view(b, 1, 1) * uniform(-0.5, 1.0, 1, 1)).clamp_max(1.0)
    fade = torch.maximum(fade, some(0.12).view(b, 1, 1))
    mix = (1 - fade) * mix + fade * grey
    for i in np.nonzero(random.random(b) < 0.12 * strength)[0].tolist():
        mix[i] = mix[i][random.permutation(3)]
    offset = strength * uniform(-0.12, 0.12, 1, 1)
    flat = torch.baddbmm(offset.expand(b, 3, 1), mix, image.flatten(2))
    return flat.view_as(image)


def _blur_and_noise(image: Tensor, random: Random, strength: float) -> Tensor:
    """Blur, lost resolution, grain and compression, each on some images."""
    b, _, h, w = image.shape
    pixels = (image.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    for i in range(b):
        if random.random() < 0.25 * strength:
            pixels[i] = cv2.GaussianBlur(pixels[i], (0, 0), float(random.uniform(0.4, 1.6) * w / 128))
        if random.random() < 0.2 * strength:
            small = max(8, int(w * random.uniform(0.35, 0.8)))
            shrunk = cv2.resize(pixels[i], (small, small), interpolation=cv2.INTER_AREA)
            pixels[i] = cv2.resize(shrunk, (w, h), interpolation=cv2.INTER_LINEAR)
        if random.random() < 0.25 * strength:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(20, 90))]
            _, coded = cv2.imencode(".jpg", pixels[i], quality)
            pixels[i] = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    out = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    levels = torch.from_numpy((random.exponential(0.02, b) * (random.random(b) < 0.5)).astype(np.float32)) * strength
    # One noise picture for the batch, rolled differently for every image: normal numbers are slow to draw.
    noise = torch.from_numpy(random.standard_normal((3, h, w), dtype=np.float32))
    for i in np.nonzero(levels.numpy())[0].tolist():
        out[i] += levels[i] * noise.roll(tuple(random.integers(0, h, 2).tolist()), (1, 2))
    return out.clamp(0, 1)

"""An engine's drawings of a head as measurements: which colour each place of the surface has, and in which light.

How bright skin is by the direction it faces is fitted by spherical harmonics (Ramamoorthi and Hanrahan, SIGGRAPH 2001:
nine numbers hold almost all of a matt surface's light), so that it can be divided out of a texture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from aubench.contracts import NUISANCE_NAMES, PARSING_CLASSES
from aubench.parameters import AU, BASE_AU, POSE, au_index
from aubench.retarget.mesh import Artist, Head, Model, part_vertices
from aubench.types import Floats

NEAR, FACING = 0.025, 0.25
"""How far from the drawn depth a place may lie and still be what is drawn (eye distances); the least cosine between its
normal and the view."""
_SKIN = tuple(PARSING_CLASSES.index(name) for name in ("skin", "nose", "neck"))
_REMAP_ROWS = 8192


@dataclass(frozen=True)
class View:
    """A drawing: ``colour`` (s, s, 3) linear RGB, ``depth`` and ``parsing`` (s, s); ``vertices`` and ``normals`` (v, 3)
    of what it shows, in the model's axes; ``camera`` (7,), see :func:`camera`."""

    colour: Floats
    depth: Floats
    parsing: npt.NDArray[np.uint8]
    vertices: Floats
    normals: Floats
    camera: npt.NDArray[np.float64]

    @cached_property
    def facing(self) -> npt.NDArray[np.bool_]:
        """Which vertices (v,) are turned to the camera."""
        found: npt.NDArray[np.bool_] = self._cosine(self.vertices, self.normals) > FACING
        return found

    def _cosine(self, places: Floats, normals: Floats) -> Floats:
        to_eye = -places - np.array([0, 0, self.camera[4]], np.float32)
        out: Floats = (normals * to_eye).sum(1) / np.linalg.norm(to_eye, axis=1)
        return out

    def project(self, places: Floats) -> tuple[Floats, Floats]:
        """Pixels (n, 2) and depth (n,) of places (n, 3)."""
        a, b, tx, ty, d, sx, sy = self.camera
        x, y, z = places.astype(np.float64).T
        pixels = np.stack([a * x - b * y + tx * z + sx, b * x + a * y + ty * z + sy], 1) / (z + d)[:, None]
        return pixels.astype(np.float32), (z + d).astype(np.float32)

    def sample(self, places: Floats, normals: Floats) -> tuple[Floats, Floats, npt.NDArray[np.uint8]]:
        """The colour (n, 3), parsing class (n,) and depth behind the drawn surface (n,) at places (n, 3) with normals
        (n, 3); the depth is NaN where a place is turned away or off the picture."""
        pixels, depth = self.project(places)
        pieces = np.array_split(pixels, len(pixels) // _REMAP_ROWS + 1)
        colour = np.concatenate([cv2.remap(self.colour, p[:, :1], p[:, 1:], cv2.INTER_LINEAR) for p in pieces])
        last = len(self.depth) - 1
        inside = np.asarray(((pixels > 1) & (pixels < last - 1)).all(axis=1))
        column, row = np.round(np.where(inside[:, None], pixels, 0)).astype(np.int64).T
        behind = np.where(inside & (self._cosine(places, normals) > FACING), depth - self.depth[row, column], np.nan)
        return colour.reshape(-1, 3), self.parsing[row, column], behind.astype(np.float32)


def camera(points: Floats, pixels: Floats) -> npt.NDArray[np.float64]:
    """The perspective camera (a, b, tx, ty, d, sx, sy) along z that sees ``points`` (n, 3) at ``pixels`` (n, 2):
    x = (a X - b Y + tx Z + sx) / (Z + d) and y = (b X + a Y + ty Z + sy) / (Z + d), least squares."""
    x, y, z = points.astype(np.float64).T
    u, v = pixels.astype(np.float64).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    across = np.stack([x, -y, z, zero, -u, one, zero], 1)
    down = np.stack([y, x, zero, z, -v, zero, one], 1)
    answer = np.linalg.lstsq(np.concatenate([across, down]), np.concatenate([u * z, v * z]), rcond=None)[0]
    return np.asarray(answer, np.float64)


def views(
    engine: Artist,
    model: Model,
    head: Head,
    vector: Floats,
    turns: Sequence[tuple[float, float]],
    aus: Mapping[str, float] | None = None,
    nuisance: Mapping[str, float] | None = None,
    framing: Literal["crop", "camera"] = "crop",
) -> Iterator[View]:
    """Drawings of the person of ``vector`` (269,) at each of ``turns`` (pose numbers)."""
    vectors = np.repeat(vector[None], len(turns), axis=0).astype(np.float32)
    vectors[:, POSE], vectors[:, AU] = turns, BASE_AU
    for name, strength in (aus or {}).items():
        vectors[:, AU.start + au_index(name)] = strength
    extra = np.zeros((len(turns), len(NUISANCE_NAMES)), np.float32)
    for name, amount in (nuisance or {}).items():
        extra[:, NUISANCE_NAMES.index(name)] = amount
    faces = model.deform(vectors, extra).vertices
    drawn = engine.render(vectors, nuisance=extra, framing=framing)
    for n, face in enumerate(faces):
        seen_by = camera(face[model.landmarks], drawn.landmarks[n])
        yield View(linear(drawn.image[n]), drawn.depth[n], drawn.parsing[n], face, head.normals(face), seen_by)


@dataclass(frozen=True)
class Light:
    """How bright skin is by the direction (model's axes) it faces: ``numbers`` (9, 3) of spherical harmonics for red,
    green and blue, 1 in the mean."""

    numbers: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, drawings: Sequence[View], model: Model) -> Light:
        """From the drawn skin; fitted again without what the fit before leaves far off: brows, lips, highlights,
        cast shadows."""
        skin = part_vertices(model, "skin", "neck")
        bases, colours = [], []
        for view in drawings:
            colour, parsing, behind = view.sample(view.vertices[skin], view.normals[skin])
            seen = (np.abs(behind) < NEAR) & np.isin(parsing, _SKIN)
            bases.append(_harmonics(view.normals[skin][seen]))
            colours.append(colour[seen])
        basis, colour = np.concatenate(bases), np.concatenate(colours)
        kept = np.ones(len(basis), bool)
        for _ in range(3):
            numbers = np.linalg.lstsq(basis[kept], colour[kept], rcond=None)[0]
            ratio = colour.mean(1) / (basis @ numbers).mean(1).clip(1e-3)
            kept = np.abs(np.log(ratio.clip(1e-3))) < 0.25
        return cls(numbers / (basis @ numbers).mean(0))

    def on(self, normals: Floats) -> Floats:
        """RGB (n, 3) of the light on surfaces that face ``normals`` (n, 3)."""
        return np.asarray((_harmonics(normals) @ self.numbers).clip(0.3, 3.0), np.float32)


def _harmonics(normals: Floats) -> npt.NDArray[np.float64]:
    x, y, z = normals.astype(np.float64).T
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], 1)


def linear(image: npt.NDArray[np.uint8]) -> Floats:
    """sRGB bytes as linear light in 0..1 (IEC 61966-2-1)."""
    value = np.arange(256) / 255.0
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    out: Floats = table[image]
    return out


def encoded(colour: Floats) -> npt.NDArray[np.uint8]:
    """Linear light as sRGB bytes."""
    value = np.clip(colour, 0.0, 1.0)
    curved = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return (curved * 255 + 0.5).astype(np.uint8)

"""What is constant for the asset: triangles, charts, parts, landmarks, and the parsing class of every triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints

from .materials import EYE_SOCKET, EYEBALL, FACE, GUMS, HEAD, LASHES, MOUTH_SOCKET, TEETH
from .regions import triangle_classes
from .source import Source

PARTS = (
    "unused", "face", "back_of_head", "neck", "mouth_socket", "eye_socket", "gums", "teeth", "sclera_l",
    "sclera_r", "lashes",
)  # fmt: skip
"""Vertex parts. ``_l`` is the person's left, which is the picture's right (x > 0). The iris is painted on the sclera,
whose chart is centred on the pupil."""
PART = {name: n for n, name in enumerate(PARTS)}


@dataclass(frozen=True, eq=False)
class Topology:
    """``triangles`` (m, 3) int32, counter-clockwise seen from outside; ``uv`` (m, 3, 2) float32, v upwards;
    ``material`` (m,) int32, see :mod:`.materials`; ``parts`` (n,) int8, places in :data:`PARTS`; ``landmarks`` (68,)
    int32 vertex ids in iBUG order; ``chart`` (n, 2) float32: place of the face's vertices in the face chart, NaN for
    all others; ``classes`` (m,) uint8: parsing class of each triangle of the bare head (no brows, hair, clothes), see
    :func:`.regions.chart_classes` for the same on the face chart, pixel by pixel."""

    triangles: Ints
    uv: Floats
    material: Ints
    parts: Ints
    landmarks: Ints
    chart: Floats
    classes: Bytes


def topology_of(source: Source) -> Topology:
    """Derive parts, chart and classes of the asset."""
    triangles, material = source.triangles, source.material
    parts = np.full(len(source.neutral), PART["unused"], np.int8)

    def of(surface: int) -> Ints:
        return np.unique(triangles[material == surface])

    x, y = source.neutral[:, 0], source.neutral[:, 1]
    parts[of(LASHES)] = PART["lashes"]
    balls = of(EYEBALL)
    parts[balls] = np.where(x[balls] > 0, PART["sclera_l"], PART["sclera_r"])
    parts[of(TEETH)] = PART["teeth"]
    parts[of(GUMS)] = PART["gums"]
    parts[of(EYE_SOCKET)] = PART["eye_socket"]
    parts[of(MOUTH_SOCKET)] = PART["mouth_socket"]
    head = of(HEAD)
    parts[head] = np.where(y[head] < source.neutral[source.landmarks[8], 1], PART["neck"], PART["back_of_head"])
    parts[of(FACE)] = PART["face"]
    chart = np.full((len(parts), 2), np.nan, np.float32)
    chart[triangles[material == FACE].ravel()] = source.uv[material == FACE].reshape(-1, 2)
    classes = triangle_classes(source, chart)
    return Topology(triangles, source.uv, material, parts, source.landmarks, chart, classes)

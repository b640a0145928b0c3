"""Per frame: what every vertex sees of the sky, the camera's meter, the shadow map."""

from __future__ import annotations

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import jit, rasterise
from aubench.drawing.shading import Shadow, light_basis

from .light import COSINE, Lights, harmonics
from .mesh import Mesh

_PROBES = harmonics(
    np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)], float)
    / np.sqrt([[x * x + y * y + z * z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)
               if (x, y, z) != (0, 0, 0)])
)  # fmt: skip
_DIRECTIONS = _PROBES[:, [3, 1, 2]] / 0.488603
_INVERSE = np.linalg.pinv(_PROBES)


def turned(sky: Floats, rotation: Floats) -> Floats:
    """Coefficients (9, 3) of an environment in camera space as a head turned by ``rotation`` (3, 3) sees it."""
    return np.asarray(_INVERSE @ (harmonics(_DIRECTIONS @ rotation.T) @ sky), np.float32)


@jit
def sky_share(opened: Floats, bare: Floats, sky: Floats, out: Floats) -> None:
    """The share (n, 3) of the sky's light that arrives, into ``out``: ``opened`` and ``bare`` (n, 9) of
    :class:`.mesh.Mesh`, ``sky`` (9, 3) in head space."""
    for n in range(opened.shape[0]):
        for c in range(3):
            seen, free = np.float32(0), np.float32(0)
            for k in range(9):
                seen += opened[n, k] * sky[k, c]
                free += bare[n, k] * sky[k, c]
            share = seen / max(free, np.float32(1e-3) + np.float32(0.05) * sky[0, c])
            out[n, c] = min(max(share, np.float32(0.02)), np.float32(1.15))


def metered(mesh: Mesh, normals: Floats, share: Floats, lights: Lights) -> float:
    """The mean light (a grey number) on the landmarks, as a camera's meter sees it."""
    n = normals[mesh.landmarks].astype(np.float64)
    sky = np.maximum((harmonics(n) * COSINE) @ lights.sky, 0.0) * share[mesh.landmarks]
    key = np.maximum(n @ lights.lamps[0, :3], 0.0)[:, None] * lights.lamps[0, 3:6]
    return float((sky + 0.75 * key).mean(axis=0) @ (0.3, 0.6, 0.1))


def cast_shadow(
    vertices: Floats, triangles: Ints, mode: Bytes, lights: Lights, middle: Floats, span: float, soft: float,
    buffers: tuple[Ints, Floats],
) -> Shadow:  # fmt: skip
    """The head seen from its key light, in parallel projection over ``span`` centimetres around ``middle``; ``soft``:
    radius of the penumbra in centimetres."""
    basis = light_basis(lights.lamps[0, :3])
    ids, near = buffers
    side = len(near)
    scale = (side - 1) / span
    matrix = np.empty((3, 4))
    matrix[0, :3], matrix[1, :3], matrix[2, :3] = basis[0] * scale, -basis[1] * scale, basis[2]
    centre = basis @ middle
    matrix[:, 3] = 0.5 * (side - 1) - centre[0] * scale, 0.5 * (side - 1) + centre[1] * scale, 60.0 - centre[2]
    matrix32 = matrix.astype(np.float32)
    seen = np.ascontiguousarray(vertices @ matrix32[:, :3].T + matrix32[:, 3], np.float32)
    rasterise(seen, triangles, mode, ids, near, lining=0.0)
    # a bias of four bytes, so that gaps are computed in four bytes
    none = np.float32(0.0)
    return Shadow(near, matrix32, soft * scale, margin=soft * scale + 2.0, bias=none, slack=0.25, fade=2.2)

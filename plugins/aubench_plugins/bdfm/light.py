"""Light in numbers: lamps, and the highlights of skin. Only +, -, *, / and square roots,
which give the same bits on every machine."""

from __future__ import annotations

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import jit


@jit
def two_lobes(nh, lh, nl, roughness, broad, tight):  # type: ignore[no-untyped-def]
    """Specular light of skin: 65 % of a broad and 35 % of a tight GGX lobe, with Schlick's Fresnel term from 0.035.

    ``nh, lh, nl`` are cosines; ``broad`` and ``tight`` the lobes' a² (roughness to the fourth power).
    """
    d1 = nh * nh * (broad - 1.0) + 1.0
    d2 = nh * nh * (tight - 1.0) + 1.0
    d1, d2 = d1 * d1 + 1e-7, d2 * d2 + 1e-7
    m = 1.0 - lh
    m2 = m * m
    fresnel = 0.035 + 0.965 * m2 * m2 * m
    return (
        nl * fresnel * (0.65 * broad * d2 + 0.35 * tight * d1) / (d1 * d2 * 4.0 * max(0.1, lh * lh) * (roughness + 0.5))
    )


def lamp(
    direction: tuple[float, float, float], colour: tuple[float, float, float], wrap: float, spread: float
) -> Floats:
    """A light as shading wants it (11,): the unit vector to it, its colour, how far its diffuse light reaches round the
    terminator, the cosine of its half angle ``spread`` (radians), and the same reach for red, green and blue under
    skin.

    Wrapped diffuse light of width w is (cos + w) / (1 + w) = cos (1 - r) + r with the reach r = w / (1 + w).
    """
    unit = np.array(direction, np.float64)
    unit /= np.linalg.norm(unit)
    widths = wrap + np.array([0.0, 0.32, 0.14, 0.08])
    reach = widths / (1.0 + widths)
    return np.array([*unit, *colour, reach[0], np.cos(spread), *reach[1:]], np.float32)

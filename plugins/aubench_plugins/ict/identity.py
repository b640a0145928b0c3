"""The 208 continuous identity numbers: 100 modes of the scans, and 108 freedoms of the components' bones.

Each number in [0, 1] is at rest at 0.5. A mode's ends are :data:`SIGMA` standard deviations of the scanned
population away; a bone's ends are its reach away.
"""

from __future__ import annotations

from dataclasses import dataclass

from aubench.parameters import IDENTITY_SIZE

from .bones import BONES
from .source import MODES

AXES = "xyz"
SIGMA = 2.0
"""With identities drawn as engines draw them (deviation 0.17 about 0.5), a mode deviates by 0.68 of what the scans do:
bones add the rest."""


@dataclass(frozen=True)
class Freedom:
    """One number of a bone: ``kind`` (position, orientation, scale), ``axis``, and what 1 adds and 0 takes away:
    centimetres, radians or shares."""

    bone: str
    kind: str
    axis: str
    reach: float

    @property
    def name(self) -> str:
        return f"{self.bone}.{self.kind}.{self.axis}"


# bone: reach of positions x y z, orientations x y z, scales x y z; 0 leaves the freedom out.
_REACH: dict[str, tuple[float, float, float, float, float, float, float, float, float]] = {
    "eye": (0.16, 0.14, 0.14, 0, 0, 0.05, 0.06, 0.10, 0),
    "upper_lid": (0, 0.07, 0, 0, 0, 0.05, 0, 0, 0),
    "lower_lid": (0, 0.07, 0, 0, 0, 0.05, 0, 0, 0),
    "canthus_inner": (0.08, 0, 0, 0, 0, 0, 0, 0, 0),
    "canthus_outer": (0.10, 0.12, 0, 0, 0, 0, 0, 0, 0),
    "lid_fold": (0, 0.12, 0.12, 0, 0, 0, 0, 0, 0),
    "under_eye": (0, 0.12, 0.12, 0, 0, 0, 0, 0, 0),
    "brow": (0.10, 0.24, 0.16, 0, 0.04, 0.06, 0.05, 0.08, 0),
    "brow_inner": (0.12, 0.16, 0.10, 0, 0, 0, 0, 0, 0),
    "brow_outer": (0, 0.18, 0.10, 0, 0, 0, 0, 0, 0),
    "glabella": (0, 0.10, 0.12, 0, 0, 0, 0.08, 0, 0),
    "forehead": (0, 0.25, 0.30, 0.06, 0, 0, 0.05, 0, 0),
    "temple": (0.22, 0, 0.15, 0, 0, 0, 0, 0, 0),
    "cheekbone": (0.22, 0.18, 0.20, 0, 0.06, 0, 0, 0, 0),
    "cheek": (0.14, 0.16, 0.22, 0, 0, 0, 0, 0, 0),
    "cheek_low": (0.24, 0, 0.20, 0, 0, 0, 0, 0, 0),
    "nasolabial": (0.08, 0, 0.10, 0, 0, 0, 0, 0, 0),
    "nose": (0, 0.16, 0.16, 0.08, 0, 0, 0.10, 0.07, 0.10),
    "nose_bridge": (0, 0, 0.16, 0, 0, 0, 0.12, 0, 0),
    "nose_tip": (0, 0.12, 0.16, 0.10, 0, 0, 0.10, 0.08, 0),
    "ala": (0.10, 0.10, 0.08, 0, 0, 0, 0.10, 0.10, 0),
    "philtrum": (0, 0, 0.06, 0, 0, 0, 0.10, 0, 0),
    "mouth": (0, 0.20, 0.16, 0.05, 0, 0, 0.10, 0.06, 0),
    "mouth_corner": (0.10, 0.12, 0.08, 0, 0, 0, 0, 0, 0),
    "lip_upper": (0, 0.05, 0.08, 0, 0, 0, 0, 0.22, 0),
    "lip_lower": (0, 0.05, 0.08, 0, 0, 0, 0, 0.22, 0),
    "jaw": (0, 0.25, 0.22, 0.03, 0, 0, 0.06, 0, 0),
    "chin": (0, 0.26, 0.24, 0.07, 0, 0, 0.10, 0, 0),
    "chin_side": (0.18, 0.16, 0, 0, 0, 0, 0, 0, 0),
    "jaw_angle": (0.26, 0.22, 0.20, 0, 0, 0, 0, 0, 0),
    "ear": (0.15, 0.28, 0.18, 0.08, 0.14, 0.08, 0.08, 0.10, 0),
    "skull": (0, 0, 0, 0, 0, 0, 0.05, 0.05, 0.05),
    "crown": (0, 0.35, 0, 0, 0, 0, 0, 0, 0),
}  # fmt: skip

FREEDOMS = tuple(
    Freedom(bone, kind, axis, reach[3 * k + a])
    for bone, reach in _REACH.items()
    for k, kind in enumerate(("position", "orientation", "scale"))
    for a, axis in enumerate(AXES)
    if reach[3 * k + a]
)
IDENTITY_NAMES = (*(f"scan.mode.{k:03d}" for k in range(MODES)), *(freedom.name for freedom in FREEDOMS))
"""Names of the 208 identity numbers, in their order in the parameter vector."""

assert set(_REACH) <= set(BONES)
assert len(IDENTITY_NAMES) == IDENTITY_SIZE, len(FREEDOMS)

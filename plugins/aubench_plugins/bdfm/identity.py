"""The 208 continuous identity numbers: position, orientation and scale of the bones of the face's components.

Each number in [0, 1] moves one degree of freedom of one bone, or of a mirrored pair, by plus or minus its reach about
the base value 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from .skeleton import BONES

AXES = "xyz"


@dataclass(frozen=True)
class Freedom:
    """One identity number: ``bone``, ``kind`` (position, orientation, scale), ``axis``, and what 1 adds and 0 takes
    away: units, radians or shares."""

    bone: str
    kind: str
    axis: str
    reach: float

    @property
    def name(self) -> str:
        return f"{self.bone}.{self.kind}.{self.axis}"


# bone: reach of positions x y z, orientations x y z, scales x y z; 0 leaves the freedom out.
_REACH: dict[str, tuple[float, float, float, float, float, float, float, float, float]] = {
    "skull": (0, 0, 0, 0, 0, 0, 0.075, 0.075, 0.06),
    "jaw": (0, 0.05, 0.05, 0, 0, 0, 0.07, 0.06, 0),
    "forehead": (0, 0.05, 0.06, 0.10, 0, 0, 0.06, 0.06, 0),
    "forehead_side": (0.03, 0.03, 0.04, 0, 0.08, 0, 0, 0, 0),
    "glabella": (0, 0.02, 0.025, 0, 0, 0, 0.08, 0.08, 0),
    "brow_inner": (0.02, 0.035, 0.02, 0, 0, 0.06, 0.06, 0.06, 0.06),
    "brow_mid": (0.01, 0.032, 0.022, 0, 0, 0.06, 0, 0, 0),
    "brow_outer": (0.015, 0.035, 0.02, 0, 0, 0.06, 0, 0, 0),
    "temple": (0.045, 0.02, 0.03, 0, 0, 0, 0.05, 0.05, 0),
    "upper_lid": (0, 0.010, 0, 0, 0, 0.05, 0.04, 0.04, 0),
    "upper_lid_inner": (0, 0.008, 0, 0, 0, 0.04, 0, 0, 0),
    "upper_lid_outer": (0, 0.012, 0, 0, 0, 0.05, 0, 0, 0),
    "lower_lid": (0, 0.012, 0, 0, 0, 0.05, 0.04, 0.04, 0),
    "lid_fold": (0.0, 0.020, 0.018, 0, 0, 0.06, 0, 0.10, 0),
    "canthus_inner": (0.014, 0.014, 0.01, 0, 0, 0, 0, 0, 0),
    "canthus_outer": (0.020, 0.026, 0.01, 0, 0, 0, 0, 0, 0),
    "orbit": (0.040, 0.012, 0.02, 0, 0, 0.05, 0.08, 0.10, 0),
    "under_eye": (0.01, 0.02, 0.02, 0, 0, 0, 0.06, 0.06, 0),
    "cheekbone": (0.045, 0.035, 0.04, 0.05, 0.08, 0.05, 0.06, 0.08, 0),
    "cheek": (0.025, 0.03, 0.04, 0.06, 0, 0, 0, 0, 0),
    "cheek_low": (0.04, 0.03, 0.045, 0, 0.08, 0, 0.06, 0.06, 0),
    "nasolabial": (0.015, 0.02, 0.02, 0, 0, 0.06, 0, 0, 0),
    "nose": (0, 0.035, 0.035, 0.10, 0, 0, 0.14, 0.09, 0.14),
    "nose_bridge": (0, 0.02, 0.035, 0.08, 0, 0, 0.14, 0.06, 0.08),
    "nose_dorsum": (0, 0.01, 0.03, 0.08, 0, 0, 0.14, 0, 0.08),
    "nose_side": (0.015, 0.01, 0.015, 0, 0, 0.05, 0.08, 0, 0),
    "nose_tip": (0, 0.025, 0.035, 0.12, 0, 0, 0.14, 0.10, 0.10),
    "nose_base": (0, 0.02, 0.02, 0.10, 0, 0, 0.10, 0.08, 0),
    "ala": (0.020, 0.020, 0.015, 0.08, 0.08, 0.08, 0.12, 0.12, 0.10),
    "philtrum": (0, 0.015, 0.02, 0.06, 0, 0, 0.12, 0.08, 0),
    "mouth": (0, 0.045, 0.03, 0.06, 0, 0, 0.13, 0.08, 0),
    "mouth_corner": (0.02, 0.022, 0.02, 0, 0, 0.08, 0.05, 0.06, 0),
    "upper_lip_mid": (0, 0.012, 0.015, 0.08, 0, 0, 0.08, 0, 0.06),
    "upper_lip_side": (0.012, 0.010, 0.012, 0, 0, 0, 0, 0, 0),
    "lower_lip_mid": (0, 0.012, 0.015, 0.08, 0, 0, 0.08, 0, 0.06),
    "lower_lip_side": (0.012, 0.010, 0.012, 0, 0, 0, 0, 0, 0),
    "lips_upper": (0, 0, 0.02, 0, 0, 0, 0, 0.24, 0),
    "lips_lower": (0, 0, 0.02, 0, 0, 0, 0, 0.24, 0),
    "chin": (0, 0.06, 0.06, 0.08, 0, 0, 0.12, 0.08, 0),
    "chin_boss": (0, 0.025, 0.03, 0.08, 0, 0, 0, 0, 0),
    "chin_side": (0.035, 0.03, 0.02, 0, 0, 0.06, 0, 0, 0),
    "jaw_body": (0.045, 0.04, 0.04, 0, 0, 0, 0.06, 0.06, 0),
    "jaw_angle": (0.045, 0.04, 0.05, 0, 0.06, 0.06, 0, 0, 0),
    "throat": (0, 0.04, 0, 0, 0, 0, 0, 0, 0),
    "ear": (0.03, 0.05, 0.03, 0.10, 0.16, 0.10, 0.10, 0.12, 0.10),
    "crown": (0, 0.08, 0, 0, 0, 0, 0.06, 0, 0),
    "scalp_side": (0.05, 0, 0, 0, 0, 0, 0, 0, 0),
}

FREEDOMS = tuple(
    Freedom(bone, kind, axis, reach[3 * k + a])
    for bone, reach in _REACH.items()
    for k, kind in enumerate(("position", "orientation", "scale"))
    for a, axis in enumerate(AXES)
    if reach[3 * k + a]
)
IDENTITY_NAMES = tuple(freedom.name for freedom in FREEDOMS)
"""Names of the 208 identity numbers, in their order in the parameter vector."""

assert set(_REACH) <= set(BONES)

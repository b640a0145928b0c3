"""The 23 action units as offsets of bones, each at FACS intensity E (x = 1).

Offsets are (outwards, down, back) in units of the eye distance (63 mm): for paired bones the first number moves both
away from the median. Turns are about the bone's own pivot. After Ekman, Friesen and Hager (2002).
"""

from __future__ import annotations

from dataclasses import dataclass, field

Offset = tuple[float, float, float]


@dataclass(frozen=True)
class Action:
    """``moves``: bone to offset. ``jaw``: (opening in radians, side shift). ``narrow``: share of the lid opening that
    closes, and how much of that the upper lid does. ``scales``: bone to shares by which it grows along x, y, z."""

    moves: dict[str, Offset]
    scales: dict[str, Offset] = field(default_factory=dict)
    jaw: tuple[float, float] = (0.0, 0.0)
    narrow: tuple[float, float] = (0.0, 0.5)


ACTIONS: dict[str, Action] = {
    "AU01": Action(
        {
            "brow_inner": (-0.01, -0.150, 0.01),
            "glabella": (0.0, -0.06, 0.0),
            "brow_mid": (0.0, -0.035, 0.0),
            "forehead": (0.0, -0.03, 0.0),
        }
    ),
    "AU02": Action(
        {
            "brow_outer": (0.0, -0.130, 0.02),
            "brow_mid": (0.0, -0.090, 0.0),
            "lid_fold": (0.0, -0.03, 0.0),
            "forehead_side": (0.0, -0.03, 0.0),
        }
    ),
    "AU04": Action(
        {
            "brow_inner": (-0.060, 0.100, -0.035),
            "brow_mid": (-0.030, 0.085, -0.015),
            "brow_outer": (-0.01, 0.03, 0.0),
            "glabella": (0.0, 0.055, -0.030),
            "lid_fold": (0.0, 0.035, -0.01),
        },
        narrow=(0.10, 1.0),
    ),
    "AU05": Action({"upper_lid": (0.0, -0.072, 0.01)}),
    "AU06": Action(
        {
            "cheek": (0.015, -0.090, -0.050),
            "cheekbone": (0.0, -0.045, -0.030),
            "under_eye": (0.0, -0.055, -0.030),
            "lower_lid": (0.0, -0.012, 0.0),
            "canthus_outer": (-0.005, 0.005, 0.0),
            "brow_outer": (-0.01, 0.020, 0.0),
            "nasolabial": (0.0, -0.03, 0.0),
        },
        narrow=(0.34, 0.35),
    ),
    "AU07": Action({"under_eye": (0.0, -0.015, 0.0), "lid_fold": (0.0, 0.015, 0.0)}, narrow=(0.48, 0.45)),
    "AU09": Action(
        {
            "ala": (0.030, -0.085, 0.010),
            "nose_side": (0.010, -0.055, -0.030),
            "nose_bridge": (0.0, 0.005, -0.022),
            "nose_tip": (0.0, -0.030, 0.0),
            "glabella": (0.0, 0.060, -0.02),
            "brow_inner": (-0.025, 0.060, -0.01),
            "upper_lip_mid": (0.0, -0.050, -0.01),
            "upper_lip_side": (0.0, -0.055, -0.01),
            "nasolabial": (0.0, -0.075, -0.025),
            "under_eye": (-0.01, -0.020, -0.01),
        },
        narrow=(0.18, 0.4),
    ),
    "AU10": Action(
        {
            "upper_lip_mid": (0.0, -0.090, -0.020),
            "upper_lip_side": (0.010, -0.115, -0.020),
            "philtrum": (0.0, -0.055, -0.010),
            "nasolabial": (0.020, -0.080, -0.045),
            "ala": (0.015, -0.025, 0.0),
            "cheek": (0.0, -0.025, -0.015),
        }
    ),
    "AU12": Action(
        {
            "mouth_corner": (0.115, -0.132, 0.075),
            "upper_lip_side": (0.045, -0.058, 0.03),
            "lower_lip_side": (0.050, -0.066, 0.03),
            "cheek": (0.020, -0.075, -0.070),
            "nasolabial": (0.050, -0.060, -0.005),
            "upper_lip_mid": (0.0, -0.012, 0.03),
            "lower_lip_mid": (0.0, -0.030, 0.03),
            "cheek_low": (0.055, -0.045, -0.015),
            "ala": (0.018, 0.0, 0.0),
        },
        scales={"lips_upper": (0.0, -0.22, 0.0), "lips_lower": (0.0, -0.12, 0.0)},
        narrow=(0.08, 0.1),
    ),
    "AU14": Action(
        {
            "mouth_corner": (0.065, -0.028, 0.100),
            "cheek_low": (0.015, 0.0, -0.040),
            "upper_lip_side": (0.02, 0.015, 0.02),
            "lower_lip_side": (0.02, -0.020, 0.02),
        }
    ),
    "AU15": Action(
        {
            "mouth_corner": (0.000, 0.125, 0.015),
            "lower_lip_side": (0.0, 0.045, 0.0),
            "upper_lip_side": (0.0, 0.030, 0.0),
            "chin_side": (0.0, -0.01, -0.01),
            "cheek_low": (0.0, 0.045, 0.0),
            "nasolabial": (0.0, 0.035, 0.0),
        }
    ),
    "AU16": Action(
        {"lower_lip_mid": (0.0, 0.120, -0.025), "lower_lip_side": (0.0, 0.110, -0.015), "chin_boss": (0.0, 0.030, 0.01)}
    ),
    "AU17": Action(
        {
            "chin_boss": (0.0, -0.110, -0.040),
            "chin": (0.0, -0.035, -0.010),
            "lower_lip_mid": (0.0, -0.085, -0.060),
            "lower_lip_side": (0.0, -0.060, -0.035),
            "upper_lip_mid": (0.0, -0.040, -0.025),
            "upper_lip_side": (0.0, -0.022, -0.01),
            "mouth_corner": (0.0, 0.025, 0.0),
        }
    ),
    "AU18": Action(
        {
            "mouth_corner": (-0.130, 0.0, -0.050),
            "upper_lip_side": (-0.045, -0.004, -0.070),
            "lower_lip_side": (-0.045, 0.0, -0.070),
            "upper_lip_mid": (0.0, -0.010, -0.085),
            "lower_lip_mid": (0.0, 0.005, -0.085),
            "cheek_low": (-0.045, 0.0, 0.02),
        }
    ),
    "AU20": Action(
        {
            "mouth_corner": (0.150, 0.030, 0.085),
            "upper_lip_side": (0.045, 0.020, 0.03),
            "lower_lip_side": (0.050, 0.010, 0.03),
            "cheek_low": (0.080, 0.010, 0.02),
            "chin_side": (0.030, 0.0, 0.0),
            "nasolabial": (0.035, 0.015, 0.0),
        }
    ),
    "AU22": Action(
        {
            "mouth_corner": (-0.050, 0.0, -0.030),
            "upper_lip_mid": (0.0, -0.070, -0.085),
            "upper_lip_side": (-0.010, -0.055, -0.075),
            "lower_lip_mid": (0.0, 0.085, -0.085),
            "lower_lip_side": (-0.010, 0.072, -0.075),
            "cheek_low": (-0.03, 0.0, 0.01),
        }
    ),
    "AU23": Action(
        {
            "mouth_corner": (-0.075, 0.0, -0.01),
            "upper_lip_side": (-0.030, 0.0, 0.0),
            "lower_lip_side": (-0.030, 0.0, 0.0),
            "philtrum": (0.0, 0.015, 0.0),
        },
        scales={"lips_upper": (0.0, -0.34, 0.0), "lips_lower": (0.0, -0.34, 0.0)},
    ),
    "AU24": Action(
        {
            "lips_upper": (0.0, 0.004, 0.050),
            "lips_lower": (0.0, -0.004, 0.055),
            "philtrum": (0.0, 0.030, -0.010),
            "chin_boss": (0.0, -0.040, -0.020),
            "mouth_corner": (0.012, 0.0, 0.020),
        },
        scales={"lips_upper": (0.0, -0.62, 0.0), "lips_lower": (0.0, -0.62, 0.0)},
    ),
    "AU25": Action(
        {
            "upper_lip_mid": (0.0, -0.040, -0.005),
            "upper_lip_side": (0.0, -0.032, 0.0),
            "lower_lip_mid": (0.0, 0.085, 0.0),
            "lower_lip_side": (0.0, 0.072, 0.0),
        }
    ),
    "AU26": Action({"cheek_low": (-0.02, 0.0, 0.01)}, jaw=(0.30, 0.0)),
    "AU43": Action({"lid_fold": (0.0, 0.025, 0.0), "brow_mid": (0.0, 0.01, 0.0)}, narrow=(1.0, 0.82)),
    "AU30L": Action({}, jaw=(0.0, 0.15)),
    "AU30R": Action({}, jaw=(0.0, -0.15)),
}

"""The painters' lines: outlines of the features, and the creases with the AUs that deepen them, in the face chart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aubench.parameters import AU_NAMES

from . import feature_curves
from .constants import CHART_SCALE, Crease
from .mesh import chart_uv

Floats = npt.NDArray[np.float32]


def _uv(points: npt.NDArray[np.float64]) -> Floats:
    return chart_uv(np.asarray(points, dtype=np.float64)).astype(np.float32)


def charts() -> dict[str, Floats]:
    """All outlines, see :class:`.model.FaceModel`."""
    x = np.linspace(-feature_curves.MOUTH_HALF_WIDTH, feature_curves.MOUTH_HALF_WIDTH, 65)
    line = np.stack([x, feature_curves.lip_line(x)], axis=1)
    upper = np.stack([x, feature_curves.upper_lip(x)], axis=1)
    lower = np.stack([x, feature_curves.lower_lip(x)], axis=1)
    out = {
        "upper_lip": _uv(np.concatenate([upper, line[-2:0:-1]])),
        "lower_lip": _uv(np.concatenate([lower, line[-2:0:-1]])),
        "lip_line": _uv(line),
        "nose": _uv(feature_curves.closed(feature_curves.NOSE_OUTLINE)),
        "philtrum": _uv(np.array([(0.0, 0.81), (0.0, 1.0)])),
        "hairline": _uv(
            np.concatenate([feature_curves.mirror(feature_curves.HAIRLINE)[:0:-1], feature_curves.HAIRLINE])
        ),
        "face": _uv(feature_curves.closed(np.concatenate([feature_curves.HAIRLINE, feature_curves.JAW[1:]]))),
        "beard": _uv(feature_curves.closed(feature_curves.BEARD)),
    }
    lid_x = np.linspace(feature_curves.EYE_INNER[0] + 0.02, feature_curves.EYE_OUTER[0] + 0.03, 24)
    lid_y = feature_curves.upper_lid(np.minimum(lid_x, feature_curves.EYE_OUTER[0])) - feature_curves.LID_CREASE_LIFT
    single = {
        "eye": feature_curves.eye_ring(64),
        "lid_crease": np.stack([lid_x, lid_y], axis=1),
        "brow": feature_curves.BROW,
        "nostril": feature_curves.NOSTRIL,
        "cheek": np.array([(0.60, 0.52)]),
    }
    for name, points in single.items():
        out[f"l_{name}"], out[f"r_{name}"] = _uv(points), _uv(feature_curves.mirror(points))
    width = (feature_curves.BROW_WIDTH * CHART_SCALE).astype(np.float32)
    out["l_brow_width"], out["r_brow_width"] = width, width.copy()
    return out


# name, AU weights, half width, points at x >= 0
_FOLDS: tuple[tuple[str, dict[str, float], float, list[tuple[float, float]]], ...] = (
    ("forehead_low", {"AU01": 1.0, "AU02": 0.35}, 0.022,
     [(0.0, -0.53), (0.16, -0.55), (0.32, -0.60), (0.42, -0.66)]),
    ("forehead_mid", {"AU01": 0.9, "AU02": 0.4}, 0.022, [(0.0, -0.66), (0.18, -0.68), (0.36, -0.73)]),
    ("forehead_high", {"AU01": 0.7, "AU02": 0.4}, 0.022, [(0.0, -0.79), (0.18, -0.81), (0.34, -0.85)]),
    ("forehead_side_low", {"AU02": 1.0}, 0.022, [(0.34, -0.56), (0.50, -0.62), (0.66, -0.60), (0.80, -0.52)]),
    ("forehead_side_high", {"AU02": 0.9}, 0.022, [(0.34, -0.71), (0.50, -0.75), (0.66, -0.73), (0.78, -0.66)]),
    ("glabella", {"AU04": 1.0, "AU09": 0.3}, 0.018,
     [(0.095, -0.40), (0.080, -0.30), (0.090, -0.20), (0.105, -0.15)]),
    ("nose_root", {"AU09": 0.9, "AU04": 0.35}, 0.018, [(0.0, -0.08), (0.05, -0.085), (0.11, -0.06)]),
    ("nose_bridge", {"AU09": 1.0}, 0.016, [(0.04, 0.02), (0.10, 0.06), (0.17, 0.15)]),
    ("nose_wing", {"AU09": 1.0}, 0.016, [(0.07, 0.10), (0.13, 0.17), (0.19, 0.28)]),
    ("nasolabial", {"AU12": 0.8, "AU10": 1.0, "AU09": 0.6, "AU06": 0.35, "AU15": 0.25, "AU20": 0.25}, 0.026,
     [(0.29, 0.60), (0.345, 0.70), (0.41, 0.82), (0.47, 0.94), (0.52, 1.05)]),
    ("crow_high", {"AU06": 0.9, "AU12": 0.15, "AU43": 0.1}, 0.013, [(0.80, -0.04), (0.88, -0.09), (0.97, -0.13)]),
    ("crow_mid", {"AU06": 1.0, "AU12": 0.2}, 0.013, [(0.81, 0.015), (0.90, 0.01), (1.0, 0.01)]),
    ("crow_low", {"AU06": 0.9, "AU12": 0.15}, 0.013, [(0.80, 0.06), (0.88, 0.10), (0.97, 0.145)]),
    ("under_eye", {"AU06": 0.8, "AU07": 0.7, "AU09": 0.4}, 0.016,
     [(0.28, 0.11), (0.38, 0.165), (0.52, 0.185), (0.66, 0.155), (0.76, 0.09)]),
    ("cheek_rise", {"AU06": 0.9, "AU12": 0.4}, 0.022, [(0.36, 0.25), (0.50, 0.31), (0.66, 0.29), (0.80, 0.20)]),
    ("lid_crease", {"AU05": 0.8, "AU04": 0.3, "AU02": 0.3, "AU43": -0.6}, 0.012,
     [(0.28, -0.06), (0.40, -0.155), (0.52, -0.173), (0.64, -0.15), (0.77, -0.05)]),
    ("dimple", {"AU14": 1.0, "AU12": 0.25}, 0.020, [(0.470, 1.05), (0.490, 1.13), (0.475, 1.21)]),
    ("corner_down", {"AU15": 1.0, "AU20": 0.3}, 0.020, [(0.42, 1.17), (0.46, 1.26), (0.475, 1.36)]),
    ("stretch", {"AU20": 1.0, "AU12": 0.3}, 0.022, [(0.50, 1.00), (0.56, 1.12), (0.56, 1.26), (0.52, 1.38)]),
    ("chin_top", {"AU17": 1.0, "AU15": 0.3, "AU24": 0.35}, 0.026, [(0.0, 1.40), (0.13, 1.41), (0.24, 1.46)]),
    ("chin_pit_high", {"AU17": 1.0}, 0.020, [(0.05, 1.52), (0.09, 1.55)]),
    ("chin_pit_low", {"AU17": 1.0}, 0.020, [(0.10, 1.63), (0.15, 1.66)]),
    ("pucker_upper", {"AU18": 1.0, "AU23": 0.4}, 0.012, [(0.10, 0.93), (0.085, 1.00)]),
    ("pucker_side", {"AU18": 1.0, "AU23": 0.4}, 0.012, [(0.20, 0.96), (0.17, 1.03)]),
    ("pucker_lower", {"AU18": 0.9, "AU23": 0.3}, 0.012, [(0.13, 1.38), (0.11, 1.30)]),
)  # fmt: skip


def creases() -> tuple[Crease, ...]:
    """All folds; those of both sides are two creases ``l_`` and ``r_``."""
    out: list[Crease] = []
    for name, weights, width, points in _FOLDS:
        line = np.array(points)
        out.append(Crease(f"l_{name}", _uv(line), weights, width * CHART_SCALE))
        out.append(Crease(f"r_{name}", _uv(feature_curves.mirror(line)), weights, width * CHART_SCALE))
    return tuple(out)


def crease_weights(folds: tuple[Crease, ...]) -> Floats:
    """(23, creases): how much each AU deepens each fold."""
    table = np.zeros((len(AU_NAMES), len(folds)), dtype=np.float32)
    for k, fold in enumerate(folds):
        for name, weight in fold.weights.items():
            table[AU_NAMES.index(name), k] = weight
    return table

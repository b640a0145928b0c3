"""The bone-driven face model: what a rasteriser needs to draw faces.

Axes are OpenCV's: x to the picture's right, y down, z away from the camera, right-handed. The unit is the distance
between the eye centres of the base face. Before the pose, the eye centres of the base face lie at (-+0.5, 0) in x, y;
the origin is the head's rotation centre, on the median plane at the height of the eyes, behind them. Names with ``l_``
mean the person's own left, which is the picture's right.

Triangles run counter-clockwise as seen on the screen from outside, so ``cross(b - a, c - a)`` points out of the
surface, and a triangle that faces the camera has negative ``(bx - ax) * (cy - ay) - (cx - ax) * (by - ay)`` in pixels.

Texture coordinates are per part, each part having a unit square of its own:

* ``skin`` and ``hair`` share the *face chart*: ``uv = 0.5 + (x, y) * CHART_SCALE + CHART_SHIFT`` for the front of the
  base face, unrolled over the temples, crown and jaw towards the rim. All polylines of ``chart`` and ``creases`` are
  in this chart.
* ``eyeball``: azimuthal about the optical axis, centre (0.5, 0.5); the distance from the centre is
  ``0.5 * angle / EYE_UV_ANGLE``. The iris ends at ``IRIS_ANGLE``, the base pupil at ``PUPIL_ANGLE`` (radians).
* ``teeth``: u runs along the arc, picture's left to right, 14 teeth of equal width in u; v from 0 (gum) to 0.5 (edge)
  for the upper row and 1 (gum) to 0.5 (edge) for the lower row.
* ``tongue``, ``cavity``: azimuthal, v grows downwards. ``ear``: u from the face backwards, v from top to lobe.
* ``lash``: u along the lid from the nose outwards, v from root (0) to tip (1).
* ``neck``, ``cloth``: u around (0.5 = front), v from top to bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aubench.contracts import NUISANCE_NAMES
from aubench.drawing.variation import Variation
from aubench.parameters import SIZE

from .constants import Crease
from .posing import Rig


@dataclass(frozen=True)
class Deformed:
    """``b`` posed faces: ``vertices`` (b, v, 3) float32; ``creases`` (b, c) float32 in 0..1, one strength for each
    crease of the model. Head pose and gaze are applied; neck and shoulders stay behind when the head turns."""

    vertices: npt.NDArray[np.float32]
    creases: npt.NDArray[np.float32]


@dataclass(frozen=True)
class FaceModel:
    """A face as triangles, with its charts.

    ``triangles`` (t, 3) int32; ``part`` (t,) uint8, index into :data:`.constants.PARTS`; ``uv`` (v, 2) float32;
    ``eye_side`` (t,) int8, -1 for the eyeball on the picture's left, +1 for the one on the right, 0 for all else;
    ``landmarks`` (68,) int vertex ids in iBUG order; ``chart`` named polylines (n, 2) in the face
    chart; ``creases`` the folds.

    Names in ``chart`` (closed ones repeat no point; left and right as in the picture are ``r_`` and ``l_``):
    ``upper_lip``, ``lower_lip`` (closed outlines of the red), ``lip_line`` (where they meet), ``r_eye``, ``l_eye``
    (closed, lid margins), ``r_lid_crease``, ``l_lid_crease``, ``r_brow``, ``l_brow`` (centre lines from the nose
    outwards), ``r_brow_width``, ``l_brow_width`` (n, 2: half widths above and below the centre line), ``r_nostril``,
    ``l_nostril`` (closed), ``nose`` (closed outline of the nose region), ``philtrum`` (centre line), ``hairline``
    (open, from ear to ear over the forehead), ``face`` (closed: jaw and hairline), ``r_cheek``, ``l_cheek`` (one
    point: the apple), ``beard`` (closed)."""

    triangles: npt.NDArray[np.int32]
    uv: npt.NDArray[np.float32]
    part: npt.NDArray[np.uint8]
    eye_side: npt.NDArray[np.int8]
    landmarks: npt.NDArray[np.int64]
    chart: Mapping[str, npt.NDArray[np.float32]]
    creases: tuple[Crease, ...]
    rig: Rig

    def deform(
        self,
        vectors: npt.NDArray[np.float32],
        nuisance: npt.NDArray[np.float32] | None = None,
        variation: Variation | None = None,
    ) -> Deformed:
        """Faces for parameter vectors (b, 269), with nuisance movements (b, 9) or none, of one person's ``variation``
        or none."""
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != SIZE:
            raise ValueError(f"facial parameters are (b, {SIZE}), not {vectors.shape}")
        if nuisance is None:
            nuisance = np.zeros((len(vectors), len(NUISANCE_NAMES)), dtype=np.float32)
        return Deformed(*self.rig.pose(vectors, np.asarray(nuisance, dtype=np.float32), variation))

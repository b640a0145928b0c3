"""Which surface of the head a triangle belongs to."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from aubench.drawing.arrays import Floats, Ints
from aubench.errors import UserError

from .obj import Faces

FACE, HEAD, MOUTH_SOCKET, GUMS, TEETH, EYEBALL, LASHES, EYE_SOCKET = 0, 1, 2, 3, 4, 5, 6, 8
"""Surfaces: skin of the face chart (with ears); back of the head, neck and shoulders; mouth socket; gums and tongue;
teeth; eyeballs (the outer shell with the cornea, one chart for each); lashes; eye sockets."""

_BACK = "M_BackHead"
_NAMES = {
    "M_Face": FACE, "M_GumsTongue": GUMS, "M_Teeth": TEETH, "M_ScleraLeft": EYEBALL, "M_ScleraRight": EYEBALL,
    "M_EyeLashes": LASHES,
}  # fmt: skip
_CLEAR = {"M_IrisLeft", "M_IrisRight", "M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion"}
"""Shells before and behind the cornea, for ray tracers; the iris is painted on the eyeball instead."""


def components(triangles: Ints, count: int) -> Ints:
    """For each of ``count`` vertices, which connected piece of the mesh it lies in."""
    ones = np.ones(triangles.size)
    graph = coo_matrix((ones, (triangles.ravel(), np.roll(triangles, 1, axis=1).ravel())), shape=(count, count))
    labels: Ints = connected_components(graph, directed=False)[1]
    return labels


def surfaces(faces: Faces, vertices: Floats) -> tuple[Ints, Ints]:
    """Which triangles (m,) are drawn, in the file's order, and the surface of each. Raises :class:`UserError` for a
    material that is not ICT-FaceKit's.

    The files know one material for the back of the head and the sockets; they are told apart as pieces of the mesh:
    the largest is the head, of the others those nearer to an eyeball than to the teeth are eye sockets."""
    known = [*_NAMES, _BACK, *_CLEAR]
    strange = [name for name in faces.names if name not in known]
    absent = [name for name in (*_NAMES, _BACK) if name not in faces.names]
    if strange or absent:
        raise UserError(
            f"the neutral mesh has {'the unknown material ' + strange[0] if strange else 'no material ' + absent[0]}; "
            "it is not ICT-FaceKit (light)",
            code="file-damaged",
        )
    surface = np.array([_NAMES.get(name, HEAD if name == _BACK else -1) for name in faces.names])[faces.material]
    back = np.flatnonzero(surface == HEAD)
    piece = components(faces.corners[back], len(vertices))[faces.corners[back, 0]]
    names = np.unique(piece)
    sizes = np.array(
        [float(np.ptp(vertices[faces.corners[back[piece == name]].ravel()], axis=0).max()) for name in names]
    )
    middle = {m: vertices[faces.corners[surface == m].ravel()] for m in (TEETH, EYEBALL)}
    teeth, side = middle[TEETH].mean(axis=0), middle[EYEBALL][:, 0] > 0
    eyes = [middle[EYEBALL][side].mean(axis=0), middle[EYEBALL][~side].mean(axis=0)]
    for name in names[names != names[sizes.argmax()]]:
        mine = back[piece == name]
        centre = vertices[faces.corners[mine].ravel()].mean(axis=0)
        to_eye = min(float(np.linalg.norm(centre - eye)) for eye in eyes)
        surface[mine] = EYE_SOCKET if to_eye < np.linalg.norm(centre - teeth) else MOUTH_SOCKET
    kept = np.flatnonzero(surface >= 0)
    return kept, surface[kept].astype(np.int32)

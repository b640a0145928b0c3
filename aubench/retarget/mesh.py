"""The mesh behind an engine: a head of triangles with 23 AU movements and a turning neck, for rigs and 3D programs.

An engine shows its mesh as ``engine.model`` or ``engine.stage.model`` (:class:`Model`), and its drawings of the whole
head with :class:`Artist`'s ``render``; nothing else is asked of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from aubench.contracts import Engine
from aubench.errors import UserError
from aubench.parameters import AU, AU_SIZE, BASE_AU, BASE_POSE, POSE
from aubench.types import Floats, Ints

PARTS = ("skin", "ear", "neck", "cloth", "eyeball", "teeth", "tongue", "cavity", "lash", "hair")
"""What a triangle belongs to, by its number in :attr:`Model.part`."""
EYE_DISTANCE_METRES = 0.063
"""Between the eye centres of the base face, the unit of a model: the mean of adults."""
FLIP = np.array([1.0, -1.0, -1.0], np.float32)
"""From a model's axes (x to the picture's right, y down, z away) to glTF's (y up, z to the viewer)."""


class Deformed(Protocol):
    """Posed faces: ``vertices`` (b, v, 3) in the model's axes and unit."""

    @property
    def vertices(self) -> Floats: ...


@runtime_checkable
class Model(Protocol):
    """A face of ``v`` vertices and ``t`` triangles. Axes: x to the picture's right, y down, z away; the unit is the eye
    distance of the base face, the origin the point about which the head turns. ``triangles`` (t, 3), counter-clockwise
    from outside; ``uv`` (v, 2), each part in a unit square of its own, v downwards, a lash with v from root to tip;
    ``part`` (t,) numbers of :data:`PARTS`; ``landmarks`` (68,) vertices, iBUG order."""

    @property
    def triangles(self) -> npt.NDArray[np.int32]: ...
    @property
    def uv(self) -> Floats: ...
    @property
    def part(self) -> npt.NDArray[np.uint8]: ...
    @property
    def landmarks(self) -> Ints: ...

    def deform(self, vectors: Floats, nuisance: Floats | None = None) -> Deformed:
        """Faces of parameters (b, 269), with nuisance movements (b, 9) or none."""
        ...


class Drawing(Protocol):
    """``image`` (b, s, s, 3) uint8 RGB; ``parsing`` (b, s, s) classes; ``landmarks`` (b, 68, 2) pixels, where the
    model's lie; ``depth`` (b, s, s) along z from the camera, in the model's unit."""

    @property
    def image(self) -> npt.NDArray[np.uint8]: ...
    @property
    def parsing(self) -> npt.NDArray[np.uint8]: ...
    @property
    def landmarks(self) -> Floats: ...
    @property
    def depth(self) -> Floats: ...


@runtime_checkable
class Artist(Engine, Protocol):
    """An engine that draws its model's faces, as aligned crops or with a camera that shows the whole head."""

    def render(
        self, vectors: Floats, *, nuisance: Floats | None = None, framing: Literal["crop", "camera"] = "crop"
    ) -> Drawing: ...


def artist_of(engine: object, name: str) -> tuple[Artist, Model]:
    """An engine called ``name``, and its mesh. Raises ``UserError`` for one without."""
    if isinstance(engine, Artist):
        for holder in (engine, _get(engine, "stage")):
            model = _get(holder, "model")
            if isinstance(model, Model):
                return engine, model
    raise UserError(
        f"--to {name}: has no mesh to export; choose an engine with one, such as bdfm",
        code="plugin-unsupported",
    )


def _get(holder: object, name: str) -> object:
    try:
        return getattr(holder, name, None)
    except UserError:  # an asset that is not here: a mesh of another kind, since those we read need none
        return None


@dataclass(frozen=True)
class Head:
    """One person's head in metres, in glTF's axes, about the point on which it turns: ``vertices`` (v, 3) without
    emotion, ``targets`` (23, v, 3) what each AU adds at its full strength, ``carried`` (v,) 1 for what turns with the
    head, 0 for what stays; the rest as in :class:`Model`."""

    vertices: Floats
    targets: Floats
    carried: Floats
    triangles: Ints
    uv: Floats
    part: npt.NDArray[np.uint8]

    @cached_property
    def twins(self) -> Ints:
        """For each vertex (v,) the first of its part at the same place, so that normals are smooth over seams of the
        texture."""
        owner = np.zeros(len(self.vertices), np.int64)
        owner[self.triangles.reshape(-1)] = np.repeat(self.part, 3)
        keys = np.column_stack([np.round(self.vertices * 1e6).astype(np.int64), owner])
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return np.asarray(first[inverse.reshape(-1)], np.int64)

    def normals(self, vertices: Floats) -> Floats:
        """Unit normals (v, 3) of the vertices, each the mean of its triangles' by their area."""
        a, b, c = (vertices[self.triangles[:, k]] for k in range(3))
        across = np.cross(b - a, c - a)
        total = np.zeros_like(vertices)
        for k in range(3):
            np.add.at(total, self.twins[self.triangles[:, k]], across)
        total = total[self.twins]
        length = np.linalg.norm(total, axis=1, keepdims=True)
        out: Floats = np.where(length > 1e-20, total / np.maximum(length, 1e-20), np.array([0, 0, 1], np.float32))
        return out


def part_vertices(model: Model, *names: str) -> Ints:
    """The vertices of some of :data:`PARTS`."""
    wanted = np.isin(model.part, [PARTS.index(name) for name in names])
    return np.unique(model.triangles[wanted].astype(np.int64))


def head_of(model: Model, vector: Floats) -> Head:
    """The head whose identity numbers ``vector`` (269,) holds; its pose and AUs do not count.

    An AU's target is the model's own face with that AU at 1, less the one without emotion."""
    vectors = np.repeat(vector[None], AU_SIZE + 1, axis=0).astype(np.float32)
    vectors[:, POSE], vectors[:, AU] = BASE_POSE, BASE_AU
    vectors[np.arange(AU_SIZE) + 1, AU.start + np.arange(AU_SIZE)] = 1.0
    faces = model.deform(vectors).vertices
    scale = FLIP * EYE_DISTANCE_METRES
    return Head(
        np.ascontiguousarray(faces[0] * scale, np.float32),
        np.ascontiguousarray((faces[1:] - faces[0]) * scale, np.float32),
        carried(model, vectors[0]),
        model.triangles.astype(np.int64),
        np.asarray(model.uv, np.float32),
        model.part,
    )


def carried(model: Model, vector: Floats) -> Floats:
    """How much (v,) of the head's turn each vertex of a face makes, 0..1: the share of the way to where all of it would
    go, least squares over a turn to either side, up and down."""
    vectors = np.repeat(vector[None], 5, axis=0)
    vectors[:, POSE] = BASE_POSE + 0.5 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    rest, *turned = model.deform(vectors).vertices.astype(np.float64)
    marks = np.asarray(model.landmarks)
    above = below = np.zeros(len(rest))
    for face in turned:
        u, _, vt = np.linalg.svd(face[marks].T @ rest[marks])
        rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        whole = rest @ rotation.T - rest
        above = above + ((face - rest) * whole).sum(1)
        below = below + (whole**2).sum(1)
    return np.asarray((above / np.maximum(below, 1e-12)).clip(0, 1), np.float32)


def blend_error(model: Model, vectors: Floats) -> npt.NDArray[np.float64]:
    """How far (b, v) each vertex of the blend of AU targets lies from where the model itself puts it, for the AUs of
    ``vectors`` (b, 269) on the identity of the first; in eye distances of the base face."""
    vectors = np.asarray(vectors, np.float32).copy()
    vectors[:] = np.where(np.arange(vectors.shape[1])[None] < AU.stop, vectors, vectors[:1])
    vectors[:, POSE] = BASE_POSE
    head = head_of(model, vectors[0])
    weights = ((vectors[:, AU] - BASE_AU) / (1 - BASE_AU)).clip(0)
    blended = head.vertices + np.einsum("bk,kvc->bvc", weights, head.targets)
    own = model.deform(vectors).vertices * (FLIP * EYE_DISTANCE_METRES)
    return np.asarray(np.linalg.norm(blended - own, axis=2) / EYE_DISTANCE_METRES)

"""One face on stage: deform, align, light, rasterise, shade."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from aubench.contracts import NUISANCE_NAMES, TEMPLATE
from aubench.parameters import BROW, FacialParameters

from . import materials as m
from . import paint
from .brows import brow_styles, window
from .light import occlusion
from .looks import Person
from .model import face_model
from .picture import shade_picture
from .post import Shot, backdrop, develop
from .raster import CUTOUT, HIDDEN, OPAQUE, TWO_SIDED, project, rasterise, similarity, vertex_normals
from .shade import Paints, Surface, texture_slopes
from .textures import LAYERS, SkinTextures, skin_textures

Floats = npt.NDArray[np.float32]

ROLL_DEGREES, SHIFT, SCALE = 6.0, 0.03, 0.05
"""What a nuisance of 1 does: roll in degrees, shift as a share of the side, relative scale."""
_N = {name: n for n, name in enumerate(NUISANCE_NAMES)}


@nb.njit(cache=True, nogil=True)
def add_folds(strengths: Floats, data: Floats, boxes: npt.NDArray[np.int32], out: Floats) -> None:
    """Sum the patches of all folds, each times its strength, into ``out`` (r, r, 3), which is cleared first."""
    out[:] = 0.0
    for c in range(strengths.shape[0]):
        if strengths[c] < 1e-3:
            continue
        left, top, width, height, start = boxes[c]
        for y in range(height):
            for x in range(width):
                row = start + y * width + x
                for k in range(3):
                    out[top + y, left + x, k] += strengths[c] * data[row, k]


class Stage:
    """Mesh, textures and buffers for one picture size. Not shared between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.model = face_model()
        side = 256 if size <= 160 else (512 if size <= 320 else 1024)
        self.textures: SkinTextures = skin_textures(side)
        self.triangles = np.ascontiguousarray(self.model.triangles, np.int32)
        self.part = np.ascontiguousarray(self.model.part, np.uint8)
        self.uv = np.ascontiguousarray(self.model.uv, np.float32)
        base = FacialParameters.base().vector().numpy()
        vertices = self.model.deform(base).vertices[0]
        self.side = self._sides(vertices)
        self.twins = _twins(vertices, self.triangles, self.part)
        self.open_sky = self._bake(vertices)
        brows = brow_styles().astype(np.float32) / 255.0
        if size <= 160:
            brows = np.stack([paint.cv2.resize(b, (b.shape[1] // 2, b.shape[0] // 2), interpolation=3) for b in brows])
        self.brows = brows
        self.brow_box = np.array(window(), np.float32)
        self.detail = self._detail(side)
        self.alpha = np.ones((8, 8), np.float32)
        middle = self.model.landmarks[[62, 66]]
        self.lips = np.ascontiguousarray(middle, np.int32)
        self._folds = np.zeros((side, side, 3), np.float32)
        self._ids = np.empty((2 * size, 2 * size), np.int32)
        self._near = np.empty((2 * size, 2 * size), np.float32)

    def _sides(self, vertices: Floats) -> npt.NDArray[np.int8]:
        centre = vertices[self.triangles].mean(axis=1)[:, 0]
        return np.where(centre > 0, 1, -1).astype(np.int8)

    def _detail(self, side: int) -> npt.NDArray[np.uint8]:
        """Where the skin has lines thinner than a pixel: lids, lips, nostrils, brows."""
        layers = self.textures.layers
        fine = (layers[..., LAYERS.index("margin")] > 0.05) | (layers[..., LAYERS.index("shade")] < 0.90)
        edge = layers[..., LAYERS.index("lip")]
        fine |= (edge > 0.03) & (edge < 0.97)
        left, top, width, height = (int(round(value * side)) for value in self.brow_box)
        cover = self.brows[..., 1].max(axis=0)
        cover = paint.cv2.resize(cover, (width, height)) > 0.03
        fine[top : top + height, left : left + width] |= cover
        mirrored = side - left - width
        fine[top : top + height, mirrored : mirrored + width] |= cover[:, ::-1]
        return fine.astype(np.uint8)

    def _bake(self, vertices: Floats, views: int = 96, side: int = 160) -> Floats:
        """Ambient light (v,) of the base face: the open share of the sky, from depth maps seen from ``views`` directions."""
        normals = np.zeros_like(vertices)
        vertex_normals(vertices, self.triangles, self.twins, normals)
        n = np.arange(views) + 0.5
        height, turn = 1 - 2 * n / views, np.pi * (1 + 5**0.5) * n
        level = np.sqrt(1 - height**2)
        z = np.stack([level * np.cos(turn), height, level * np.sin(turn)], axis=1)
        x = np.cross(np.where(np.abs(z[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]]), z)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        bases = np.stack([x, np.cross(z, x), z], axis=1).astype(np.float32)
        maps = np.empty((views, side, side), np.float32)
        scales = np.empty((views, 3), np.float32)
        mode = np.full(len(self.triangles), TWO_SIDED, np.uint8)
        mode[self.part == m.P_LASH] = HIDDEN
        ids = np.empty((side, side), np.int32)
        for d in range(views):
            seen = vertices @ bases[d].T
            low, high = seen.min(axis=0), seen.max(axis=0)
            scale = (side - 1) / float(max(high[:2] - low[:2]))
            screen = np.column_stack([(seen[:, :2] - low[:2]) * scale, seen[:, 2] - low[2] + 1.0]).astype(np.float32)
            rasterise(screen, self.triangles, mode, self.uv, np.ones((1, 1), np.float32), 0.5, ids, maps[d])
            maps[d] += low[2] - 1.0
            scales[d] = low[0], low[1], scale
        out = np.zeros(len(vertices), np.float32)
        occlusion(vertices, normals, bases, maps, scales, out)
        return np.clip(out, 0.05, 1.0)

    def draw(
        self,
        vector: Floats,
        person: Person,
        shot: Shot | None,
        nuisance: Floats | None,
        framing: str,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Floats, Floats]:
        """One face: image (s, s, 3) uint8, parsing (s, s) uint8, landmarks (68, 2), depth (s, s)."""
        size = self.size
        posed = self.model.deform(vector[None], None if nuisance is None else nuisance[None])
        vertices = np.ascontiguousarray(posed.vertices[0], np.float32)
        screen = np.empty_like(vertices)
        flat = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
        project(vertices, person.distance, person.distance, flat, screen)
        warp = self._align(screen[self.model.landmarks, :2].astype(np.float64), nuisance, shot)
        project(vertices, person.distance, person.distance, warp.astype(np.float32), screen)
        landmarks = np.ascontiguousarray(screen[self.model.landmarks, :2])
        normals = np.empty_like(vertices)
        vertex_normals(vertices, self.triangles, self.twins, normals)
        slopes = np.empty((len(self.triangles), 6), np.float32)
        texture_slopes(vertices, self.triangles, self.uv, slopes)
        fine = screen.copy()
        fine[:, :2] = 2 * fine[:, :2] + 0.5
        mode = self._modes(person)
        rasterise(fine, self.triangles, mode, self.uv, self.alpha, 0.5, self._ids, self._near)
        add_folds(posed.creases[0], self.textures.creases.data, self.textures.creases.boxes, self._folds)
        weights = vector[BROW]
        brow = np.zeros_like(self.brows[0])
        for k in np.flatnonzero(weights > 0.01):
            brow += weights[k] * self.brows[k]
        surface = Surface(vertices, normals, screen, self.uv, self.open_sky, self.triangles, self.part, self.side, slopes, self.lips)
        t = self.textures
        paints = Paints(t.layers, t.label, self.detail, self._folds, brow, self.brow_box, t.iris, t.hair, t.tile)
        image = np.empty((size, size, 3), np.float32)
        parsing = np.empty((size, size), np.uint8)
        depth = np.empty((size, size), np.float32)
        unit = float(np.hypot(warp[0, 0], warp[1, 0]))
        shade_picture(
            surface, paints, person.look, self._ids, self._near, landmarks, person.distance, unit, backdrop(person.backdrop, size), image, parsing,
            depth,
        )  # fmt: skip
        if shot is not None:
            return develop(image, parsing, person, shot), parsing, landmarks, depth
        return np.clip(image + 0.5, 0, 255).astype(np.uint8), parsing, landmarks, depth

    def _modes(self, person: Person) -> npt.NDArray[np.uint8]:
        mode = np.full(len(self.triangles), OPAQUE, np.uint8)
        mode[(self.part == m.P_LASH) | (self.part == m.P_CLOTH)] = TWO_SIDED
        mode[self.part == m.P_HAIR] = HIDDEN if person.hair == "bald" else TWO_SIDED
        return mode

    def _align(
        self, points: npt.NDArray[np.float64], nuisance: Floats | None, shot: Shot | None
    ) -> npt.NDArray[np.float64]:
        """The similarity (2, 3) from the image plane to the pixels of the crop."""
        size = self.size
        warp = similarity(five_points(points), np.array(TEMPLATE, np.float64) * size)
        angle, scale, shift = 0.0, 1.0, np.zeros(2)
        if shot is not None:
            angle, scale, shift = shot.angle, shot.scale, size * np.array(shot.shift)
        if nuisance is not None:
            angle += math.radians(ROLL_DEGREES * float(nuisance[_N["roll"]]))
            scale *= 1.0 + SCALE * float(nuisance[_N["scale"]])
            shift = shift + SHIFT * size * nuisance[[_N["shift_x"], _N["shift_y"]]].astype(np.float64)
        return moved(warp, angle, scale, shift, size)


def moved(
    warp: npt.NDArray[np.float64], angle: float, scale: float, shift: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float64]:
    """``warp`` followed by a turn (radians) and a zoom about the picture's middle, and a shift in pixels."""
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    middle = np.full(2, 0.5 * (size - 1))
    out = np.empty((2, 3))
    out[:, :2] = turn @ warp[:, :2]
    out[:, 2] = turn @ (warp[:, 2] - middle) + middle + shift
    return out


def five_points(landmarks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Eye centres, nose tip and mouth corners (5, 2) of 68 landmarks."""
    return np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0), landmarks[30], landmarks[48], landmarks[54]])


def _twins(vertices: Floats, triangles: npt.NDArray[np.int32], part: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """For each vertex the first one of its part at the same place."""
    owner = np.zeros(len(vertices), np.int64)
    owner[triangles.reshape(-1)] = np.repeat(part, 3)
    keys = np.column_stack([np.round(vertices * 1e5).astype(np.int64), owner])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)].astype(np.int32)

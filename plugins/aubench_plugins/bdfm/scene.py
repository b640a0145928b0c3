"""One face on stage: deform, align, light, rasterise, shade."""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np

from aubench.drawing.alignment import HEAD_HEIGHT, HEAD_SCALE, crop_warp
from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.camera_effects import Shot, develop
from aubench.drawing.engine import Framing, Rendered
from aubench.drawing.raster import AWAY, project, rasterise, vertex_normals
from aubench.drawing.shading import Shadow, doubled, light_basis
from aubench.drawing.variation import Variation
from aubench.parameters import AU, BASE_AU, BASE_BROW_STYLE, BASE_IDENTITY, BASE_POSE, BROW, POSE, SIZE

from .ambient_occlusion import bake
from .appearance.game import Person
from .brows import brow_styles, window
from .build import face_model
from .outfits import Outfit, outfit
from .pixel_shader import shade_picture
from .post_process import backdrop, occlude
from .shade import Paints, Surface, texture_slopes
from .textures import LAYERS, SkinTextures, skin_textures

LINING = 0.35
"""How much farther the inner side of skin counts as, in interocular distances."""
SHADOW_SIDE, SHADOW_SPAN = 112, 4.4
"""Side of the shadow map in pixels and in interocular distances."""


@nb.njit(cache=True, nogil=True)
def add_folds(strengths: Floats, data: Floats, boxes: Ints, out: Floats) -> None:
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


def base_vector() -> Floats:
    """The base face's parameters (1, 269)."""
    vector = np.full((1, SIZE), BASE_IDENTITY, np.float32)
    vector[:, POSE], vector[:, AU], vector[:, BROW] = BASE_POSE, BASE_AU, 0.0
    vector[0, BROW.start + BASE_BROW_STYLE] = 1.0
    return vector


class Stage:
    """Mesh, textures and buffers for one picture size. Not shared between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.model = face_model()
        side = 256 if size <= 160 else (512 if size <= 320 else 1024)
        self.textures: SkinTextures = skin_textures(side)
        self.base = np.ascontiguousarray(self.model.deform(base_vector()).vertices[0], np.float32)
        self.open_sky = bake(self.base, self.model)
        self._outfits: dict[tuple[str, int, bool], Outfit] = {}
        brows = brow_styles().astype(np.float32) / 255.0
        if size <= 160:
            brows = np.stack([cv2.resize(b, (b.shape[1] // 2, b.shape[0] // 2), interpolation=3) for b in brows])
        self.brows = brows
        self.brow_box = np.array(window(), np.float32)
        self.detail = self._detail(side)
        middle = self.model.landmarks[[62, 66]]
        self.lips = np.ascontiguousarray(middle, np.int32)
        self._folds = np.zeros((side, side, 3), np.float32)
        self._umbra_ids = np.empty((SHADOW_SIDE, SHADOW_SIDE), np.int32)
        self._umbra_near = np.empty((SHADOW_SIDE, SHADOW_SIDE), np.float32)
        self._ids = np.empty((2 * size, 2 * size), np.int32)
        self._near = np.empty((2 * size, 2 * size), np.float32)

    def _detail(self, side: int) -> Bytes:
        """Where the skin has lines thinner than a pixel: lids, lips, nostrils, brows."""
        layers = self.textures.layers
        fine = (layers[..., LAYERS.index("margin")] > 0.05) | (layers[..., LAYERS.index("shade")] < 0.90)
        edge = layers[..., LAYERS.index("lip")]
        fine |= (edge > 0.03) & (edge < 0.97)
        left, top, width, height = (round(float(value) * side) for value in self.brow_box)
        cover = self.brows[..., 1].max(axis=0)
        cover = cv2.resize(cover, (width, height)) > 0.03
        fine[top : top + height, left : left + width] |= cover
        mirrored = side - left - width
        fine[top : top + height, mirrored : mirrored + width] |= cover[:, ::-1]
        return fine.astype(np.uint8)

    def outfit(self, person: Person) -> Outfit:
        """The mesh that ``person`` wears; joined once for each combination."""
        key = (person.hair, person.glasses, person.hat)
        if key not in self._outfits:
            self._outfits[key] = outfit(self.model, self.base, self.open_sky, person)
        return self._outfits[key]

    def draw(
        self,
        vector: Floats,
        person: Person,
        shot: Shot | None,
        nuisance: Floats | None,
        framing: Framing,
        variation: Variation | None = None,
    ) -> Rendered:
        """One face, without a batch axis; depth is in interocular distances."""
        size = self.size
        posed = self.model.deform(vector[None], None if nuisance is None else nuisance[None], variation)
        worn = self.outfit(person)
        bare = np.ascontiguousarray(posed.vertices[0], np.float32)
        normals = np.empty((len(worn.uv), 3), np.float32)
        if worn.shelled:
            vertex_normals(bare, worn.triangles[: len(self.model.triangles)], normals[: len(bare)], worn.twins)
        vertices = worn.dress(bare, normals)
        vertex_normals(vertices, worn.triangles, normals, worn.twins)
        screen = np.empty_like(vertices)
        if framing == "camera":
            warp = np.array([[HEAD_SCALE, 0.0, 0.5], [0.0, HEAD_SCALE, HEAD_HEIGHT]]) * size
        else:
            flat = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
            project(vertices, person.distance, AWAY, flat, screen)
            angle, scale, shift = (0.0, 1.0, (0.0, 0.0)) if shot is None else (shot.angle, shot.scale, shot.shift)
            marks = screen[self.model.landmarks, :2]
            warp = crop_warp(marks, size, nuisance=nuisance, angle=angle, scale=scale, shift=shift)
        project(vertices, person.distance, AWAY, warp.astype(np.float32), screen)
        landmarks = np.ascontiguousarray(screen[self.model.landmarks, :2])
        slopes = np.empty((len(worn.triangles), 6), np.float32)
        texture_slopes(vertices, worn.triangles, worn.uv, slopes)
        fine = doubled(screen)
        fine[:, 2] /= 1.0 + worn.push * fine[:, 2]
        rasterise(
            fine, worn.triangles, worn.mode, self._ids, self._near, lining=LINING, uv=worn.uv, alpha=worn.alpha
        )  # fmt: skip
        shadow = self._shadow(vertices, worn, person)
        add_folds(posed.creases[0], self.textures.creases.data, self.textures.creases.boxes, self._folds)
        weights = vector[BROW]
        brow = np.zeros_like(self.brows[0])
        for k in np.flatnonzero(weights > 0.01):
            brow += weights[k] * self.brows[k]
        surface = Surface(
            vertices, normals, screen, worn.uv, worn.open_sky, worn.triangles, worn.part, worn.side, slopes, self.lips
        )
        t = self.textures
        paints = Paints(t.layers, t.label, self.detail, self._folds, brow, self.brow_box, t.iris, t.hair, t.tile)
        image = np.empty((size, size, 3), np.float32)
        parsing = np.empty((size, size), np.uint8)
        depth = np.empty((size, size), np.float32)
        unit = float(np.hypot(warp[0, 0], warp[1, 0]))
        shade_picture(
            surface, paints, person.look, shadow, self._ids, self._near, landmarks, person.distance, unit,
            backdrop(person.backdrop, size), image, parsing,
            depth,
        )  # fmt: skip
        if shot is None:
            return Rendered(np.clip(image + 0.5, 0, 255).astype(np.uint8), parsing, landmarks, depth)
        if shot.occluder is not None:
            occlude(image, parsing, shot.occluder)
        return Rendered(develop(image, person, shot), parsing, landmarks, depth)

    def _shadow(self, vertices: Floats, worn: Outfit, person: Person) -> Shadow:
        """The head seen from its first light, in parallel projection."""
        basis = light_basis(-person.look.lights[0, :3])
        side = len(self._umbra_near)
        scale = (side - 1) / SHADOW_SPAN
        middle = basis @ vertices[worn.anchors].mean(axis=0)
        matrix = np.empty((3, 4))
        matrix[:2, :3], matrix[2, :3] = basis[:2] * scale, -basis[2]
        matrix[:2, 3], matrix[2, 3] = 0.5 * (side - 1) - middle[:2] * scale, middle[2] + 4.0
        matrix32 = matrix.astype(np.float32)
        seen = np.ascontiguousarray(vertices @ matrix32[:, :3].T + matrix32[:, 3], np.float32)
        rasterise(
            seen, worn.triangles, worn.mode, self._umbra_ids, self._umbra_near, lining=LINING, uv=worn.uv,
            alpha=worn.alpha,
        )  # fmt: skip
        return Shadow(self._umbra_near, matrix32, 1.3, margin=4.0, bias=0.05, slack=0.0, fade=25.0)

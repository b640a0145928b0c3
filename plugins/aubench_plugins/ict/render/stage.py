"""One face on stage: dress, light, rasterise, shade, develop."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.camera_effects import develop
from aubench.drawing.raster import BOTH, HIDDEN, TOWARDS, draw_strands, project, rasterise, vertex_normals
from aubench.drawing.shading import doubled

from ..camera import Camera
from . import ids as m
from .accessories import Piece, collar, covered, glasses, hat, lens_lines, through_lenses
from .backgrounds import backdrop
from .brows import brow_picture, brow_window
from .chart import hair_depth, paint_chart, tile_for
from .facial_hair import beard_strands, lash_strands
from .folds import UNIT_CM, add_folds, paint_folds
from .hair import hair_strands
from .look import Look
from .mesh import Mesh, Shape, mesh_of
from .occluders import occlude
from .pixels import shade_picture
from .scalp import scalp_of
from .shade import BROAD, FINE, Looks, Paints, Surface
from .sky_visibility import cast_shadow, metered, sky_share, turned
from .strands import Strands, joined, light_strands, place, splat

SHADOW_SIDE, SHADOW_SPAN = 176, 34.0
"""Side of the shadow map in pixels and in centimetres."""
LINING = 0.4
"""How many centimetres farther the inner side of skin counts as."""
WARDROBE = 24
"""How many looks' strands are kept."""


class Face(Protocol):
    """What drawing reads of a posed face: ``vertices`` (n, 3) in head space, ``rest`` (n, 3) without expression,
    ``rotation`` (3, 3) and ``translation`` (3,) to camera space, ``au`` (23,) in [0, 1], ``brows`` (36,) weights of
    the styles."""

    @property
    def vertices(self) -> Floats: ...
    @property
    def rest(self) -> Floats: ...
    @property
    def rotation(self) -> Floats: ...
    @property
    def translation(self) -> Floats: ...
    @property
    def au(self) -> Floats: ...
    @property
    def brows(self) -> Floats: ...


class Picture(NamedTuple):
    """``image`` (s, s, 3) uint8 RGB, ``parsing`` (s, s) uint8, ``depth`` (s, s) float32 in centimetres from the camera,
    infinite where nothing was drawn."""

    image: Bytes
    parsing: Bytes
    depth: Floats


@dataclass(frozen=True, eq=False)
class Outfit:
    """What a look adds to every face: ``strands``; ``shade`` (n,) of the hair on the skin; ``pieces`` in the mean
    head's space: hat and collar."""

    strands: Strands | None
    shade: Floats
    pieces: list[Piece]


class Stage:
    """Mesh, textures and buffers for one topology and picture size. Not shared between threads."""

    def __init__(self, topology: Shape, neutral: Floats, label: Bytes, size: int) -> None:
        """``label`` (r, r): parsing classes of the face chart, a power of two of at least 1,024 texels."""
        self.size = size
        self.mesh: Mesh = mesh_of(topology, neutral)
        side = 512 if size <= 136 else 1024
        self.chart = paint_chart(self.mesh, side)
        self.label = np.ascontiguousarray(label[:: len(label) // side, :: len(label) // side])
        self.folds = paint_folds(self.chart.points, side)
        self.window = brow_window(self.chart.points)
        marks = self.mesh.rest[self.mesh.landmarks]
        self.inside = hair_depth(self.mesh.rest, marks)
        self.normals = np.empty_like(self.mesh.rest)
        vertex_normals(self.mesh.rest, self.mesh.triangles, self.normals)
        self.scalp = scalp_of(self.mesh, self.normals, self.inside, self.label)
        self.front, self.jaw = float(marks[[62, 66], 2].mean()), float(marks[[3, 13], 1].mean())
        self._outfits: OrderedDict[tuple[object, ...], Outfit] = OrderedDict()
        self._fold_map = np.zeros((side, side, 3), np.float32)
        self._dirty = np.zeros(4, np.int64)
        double = 2 * size
        self._ids, self._near = np.empty((double, double), np.int32), np.empty((double, double), np.float32)
        self._over, self._front = np.zeros((double, double, 4), np.float32), np.zeros((double, double), np.float32)
        self._what = np.zeros((double, double), np.uint8)
        self._umbra = np.empty((SHADOW_SIDE,) * 2, np.int32), np.empty((SHADOW_SIDE,) * 2, np.float32)

    def outfit(self, look: Look) -> Outfit:
        """The strands and hat of a look; grown once and kept for a while."""
        tints = look.person.tints
        key = (
            look.collar,
            look.hair,
            look.beard,
            look.hat,
            look.strands,
            look.recede,
            tints[m.T_HAIR].tobytes(),
            look.person.lashes,
        )
        if key in self._outfits:
            self._outfits.move_to_end(key)
            return self._outfits[key]
        parts, shade = [], np.zeros(len(self.mesh.rest), np.float32)
        if look.hair != "bald" and look.hat != "scarf":
            hair, shade = hair_strands(
                self.scalp, look.hair, look.strands, look.recede, tints[m.T_HAIR], tints[m.T_HAIR_TIP]
            )
            if look.hat != "none":
                points = hair.offset + self.mesh.rest[hair.first] - self.scalp.centre
                hair = hair._replace(opacity=hair.opacity * ~covered(look.hat, points, 4.0))
            parts.append(hair)
        beard = beard_strands(
            self.mesh, self.normals, self.chart.layers, look.beard, look.strands, tints[m.T_HAIR] * 0.8
        )
        lashes = lash_strands(self.mesh, look.person.lashes, look.strands)
        parts.extend(part for part in (beard, lashes) if part is not None)
        rng = np.random.default_rng([58, look.strands])
        pieces = hat(look.hat, self.scalp, rng)
        if look.collar:
            pieces.extend(collar(self.mesh.rest, self.jaw, rng))
        worn = Outfit(joined(parts) if parts else None, shade, pieces)
        self._outfits[key] = worn
        if len(self._outfits) > WARDROBE:
            self._outfits.popitem(last=False)
        return worn

    def draw(self, face: Face, camera: Camera, look: Look) -> Picture:
        """One face under one look."""
        mesh, size, person = self.mesh, self.size, look.person
        outfit = self.outfit(look)
        rotation = np.ascontiguousarray(face.rotation, np.float32)
        translation = np.ascontiguousarray(face.translation, np.float32)
        bare = np.ascontiguousarray(face.vertices @ rotation.T + translation, np.float32)
        marks = face.rest[mesh.landmarks]
        pieces = glasses(look.glasses, marks)
        for piece in outfit.pieces:  # carried by the middle of this identity's skull
            shift = (marks - mesh.rest[mesh.landmarks])[[0, 16, 19, 24]].mean(axis=0)
            pieces.append(Piece(piece.vertices + shift, piece.triangles, piece.uv, piece.kind))
        worn = _join(mesh, bare, [(p.vertices @ rotation.T + translation, p) for p in pieces], self.inside)
        normals = np.empty_like(worn.vertices)
        vertex_normals(worn.vertices, worn.triangles, normals)
        share = np.full_like(worn.vertices, 0.9)
        sky_share(mesh.open, mesh.bare, turned(look.lights.sky, rotation.astype(np.float64)), share[: len(bare)])
        share[: len(bare)] *= (1.0 - 0.5 * outfit.shade)[:, None]
        screen = np.empty_like(worn.vertices)
        project(worn.vertices, camera.distance, TOWARDS, camera.warp, screen)
        rasterise(doubled(screen), worn.triangles, worn.mode, self._ids, self._near, lining=LINING)
        amounts = person.amounts.copy()
        amounts[m.Q_UMBRA] = look.umbra
        amounts[m.Q_HAIRLINE] = look.recede if look.hair != "bald" else 90.0
        grey = float(np.dot(person.tints[m.T_SKIN], (0.3, 0.6, 0.1)))
        amounts[m.Q_EXPOSURE] = look.target / max(grey * metered(mesh, normals, share, look.lights), 1e-4)
        strengths = self.folds.strengths(face.au, person.age, float(amounts[m.Q_CREASE]))
        add_folds(strengths, self.folds.data, self.folds.boxes, self._dirty, self._fold_map)
        both = np.where(worn.mode == HIDDEN, HIDDEN, BOTH).astype(np.uint8)
        middle = bare[mesh.landmarks].mean(axis=0)
        shadow = cast_shadow(
            worn.vertices, worn.triangles, both, look.lights, middle, SHADOW_SPAN, look.soft, self._umbra
        )
        self._over[:], self._front[:], self._what[:] = 0.0, 0.0, 0
        if outfit.strands is not None:
            strands = outfit.strands
            points, colour = np.empty_like(strands.offset), np.empty_like(strands.offset)
            place(strands, face.rest, face.vertices, rotation, translation, points)
            splat(points, strands.opacity, shadow)
            light_strands(strands, points, rotation, camera.distance, look.lights, shadow, look.umbra, colour)
            seen = np.empty_like(points)
            project(points, camera.distance, TOWARDS, camera.warp, seen)
            width = (2.0 * camera.distance * camera.unit) * strands.width * seen[:, 2]
            draw_strands(
                doubled(seen), strands.starts, width.astype(np.float32), strands.opacity, colour, strands.kind, 0.12,
                self._near, self._over, self._front, self._what,
            )  # fmt: skip
        surface = Surface(
            worn.vertices, normals, screen, worn.uv, worn.rest, worn.inside, share, worn.triangles, worn.kind
        )
        pixels = camera.unit * UNIT_CM
        paints = Paints(
            self.chart.layers, self.label, self.chart.detail, self._fold_map,
            brow_picture(face.brows, self.chart.points), self.window, tile_for(pixels / FINE),
            tile_for(pixels / BROAD), self._over, self._front, self._what,
        )  # fmt: skip
        image, parsing = np.empty((size, size, 3), np.float32), np.empty((size, size), np.uint8)
        depth = np.empty((size, size), np.float32)
        landmarks = np.ascontiguousarray(screen[mesh.landmarks, :2])
        unit = float(np.hypot(*(landmarks[42:48].mean(axis=0) - landmarks[36:42].mean(axis=0))))
        shade_picture(
            surface, paints, Looks(person.tints, amounts, look.curve), look.lights, shadow, self._ids, self._near,
            landmarks, unit, camera.distance, self.front, self.jaw, backdrop(look.backdrop, size), image, parsing,
            depth,
        )  # fmt: skip
        _fill_hair(parsing)
        if look.glasses != "none":
            rims: list[Floats] = [rim @ rotation.T + translation for rim in lens_lines(look.glasses, marks)]
            through_lenses(
                image, parsing, rims, camera, person.tints[m.T_LENS] if look.glasses != "sun" else person.dark_lens,
                look.glasses == "sun", m.C_GLASSES, np.random.default_rng([59, look.strands]),
            )  # fmt: skip
        if look.shot is None:
            return Picture(np.clip(image + 0.5, 0, 255).astype(np.uint8), parsing, depth)
        if look.shot.occluder is not None:
            occlude(image, parsing, look)
        return Picture(develop(image, look, look.shot), parsing, depth)


def _fill_hair(parsing: Bytes) -> None:
    """Close the gaps between strands and drop lone strands on skin in a parsing map (s, s), in place."""
    hair, skin = parsing == m.C_HAIR, parsing == m.C_SKIN
    near_hair = cv2.blur(hair.astype(np.float32), (3, 3), borderType=cv2.BORDER_REFLECT)
    near_skin = cv2.blur(skin.astype(np.float32), (3, 3), borderType=cv2.BORDER_REFLECT)
    parsing[(near_hair > 0.6) & (skin | (parsing == m.C_BACKGROUND))] = m.C_HAIR
    parsing[hair & (near_skin > 0.6)] = m.C_SKIN


class _Worn(NamedTuple):
    vertices: Floats
    triangles: Ints
    kind: Bytes
    mode: Bytes
    uv: Floats
    rest: Floats
    inside: Floats


def _join(mesh: Mesh, vertices: Floats, pieces: list[tuple[Floats, Piece]], inside: Floats) -> _Worn:
    """The face's arrays followed by those of the pieces, whose vertices are in camera space."""
    if not pieces:
        return _Worn(vertices, mesh.triangles, mesh.kind, mesh.mode, mesh.uv, mesh.rest, inside)
    counts = np.cumsum([len(vertices)] + [len(p.uv) for _, p in pieces])
    extra = int(counts[-1]) - len(vertices)
    kinds = [np.full(len(p.triangles), p.kind, np.uint8) for _, p in pieces]
    modes = [np.full(len(p.triangles), BOTH, np.uint8) for _, p in pieces]
    return _Worn(
        np.concatenate([vertices, *[v for v, _ in pieces]]).astype(np.float32),
        np.concatenate([mesh.triangles, *[p.triangles + n for n, (_, p) in zip(counts, pieces, strict=False)]]).astype(
            np.int32
        ),
        np.concatenate([mesh.kind, *kinds]), np.concatenate([mesh.mode, *modes]),
        np.concatenate([mesh.uv, *[p.uv for _, p in pieces]]).astype(np.float32),
        np.concatenate([mesh.rest, np.zeros((extra, 3), np.float32)]),
        np.concatenate([inside, np.full(extra, -9.0, np.float32)]),
    )  # fmt: skip

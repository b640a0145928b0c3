"""Outfits: the face model joined with what a person wears, ready for the rasteriser."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import BOTH, CUTOUT, FRONT, HIDDEN, LINED, vertex_normals

from . import accessories, brushes
from . import materials as m
from .appearance.game import Person
from .model import FaceModel


@dataclass(frozen=True)
class Outfit:
    """Arrays as :class:`.shade.Surface` wants them, for the model's vertices followed by those of the ``pieces``;
    ``mode`` (t,) for the rasteriser; ``alpha`` (2, a, a) the cut-out textures of hair or cap, and of lashes;
    ``push`` (v,) how far back in depth each vertex is moved; ``anchors`` the vertices that carry rigid pieces,
    ``base`` the base face."""

    triangles: Ints
    part: Bytes
    uv: Floats
    side: Ints
    twins: Ints
    open_sky: Floats
    mode: Bytes
    alpha: Floats
    push: Floats
    pieces: tuple[accessories.Piece, ...]
    anchors: Ints
    nose_root: int
    base: Floats

    @property
    def shelled(self) -> bool:
        """Whether a piece stands off the skin along its normals."""
        return any(piece.follows is not None and piece.push == 0.0 for piece in self.pieces)

    def dress(self, vertices: Floats, normals: Floats) -> Floats:
        """The model's posed ``vertices`` (v, 3) followed by those of the pieces; ``normals`` (v, 3) of the bare
        model."""
        if not self.pieces:
            return vertices
        parts = [vertices]
        rigid = any(piece.places is not None for piece in self.pieces)
        matrix, shift = (
            accessories.carry(self.base[self.anchors], vertices[self.anchors]) if rigid else (np.eye(3), np.zeros(3))
        )
        rest = vertices[self.nose_root] - (self.base[self.nose_root] @ matrix + shift)
        for piece in self.pieces:
            if piece.follows is not None and piece.push > 0.0:
                ring = vertices[piece.follows]
                parts.extend([ring, ring.mean(axis=0, keepdims=True)])
            elif piece.follows is not None and piece.lift is not None:
                parts.append(vertices[piece.follows] + normals[piece.follows] * piece.lift[:, None])
            elif piece.places is not None:
                worn = piece.places @ matrix + shift
                parts.append(worn + rest if piece.material == m.P_FRAME else worn)
        return np.ascontiguousarray(np.concatenate(parts), np.float32)


def hair_alpha(model: FaceModel, style: str, side: int = 512) -> Floats:
    """Where hair covers the face chart (side, side), 0..1: above the hairline with a ragged edge; over the forehead
    for a fringe."""
    rng = np.random.default_rng(91)
    u, v = brushes.grid(side)
    hairline = model.chart["hairline"]
    distance, _ = brushes.to_polyline(u, v, hairline)
    ends = np.array([[hairline[-1, 0], 2.0], [hairline[0, 0], 2.0]], np.float32)
    inside = 1 - brushes.polygon(side, np.concatenate([hairline, ends]).astype(np.float32))
    signed = np.where(inside > 0.5, distance, -distance)
    # strands: noise that is narrow across and long along the way down
    strands = brushes.fractal(rng, side, 1.2 * side / 512, 1) + 0.8 * brushes.fractal(rng, side, 4.0 * side / 512, 1)
    strands = cv2.blur(strands, (1, max(3, side // 24)))
    strands = strands / (strands.std() + 1e-9)
    alpha = signed / 0.014 + 0.5 + 0.30 * strands
    if style in ("fringe", "long"):
        low = float(hairline[:, 1].min())
        edge = low + (0.098 if style == "fringe" else 0.02)
        sweep = 0.020 * np.sin((u - 0.42) * 9.0) if style == "fringe" else 0.30 * np.abs(u - 0.46) - 0.035
        alpha = np.maximum(alpha, (edge + sweep - v) / 0.010 + 0.5 + 0.55 * strands)
    alpha *= np.clip((float(hairline[:, 1].max()) + 0.01 + 0.012 * strands - v) / 0.01, 0, 1)
    return np.asarray(np.clip(alpha, 0, 1).astype(np.float32))


def lash_alpha(side: int = 512, hairs: int = 46) -> Floats:
    """Lashes (side, side): tapering, curved hairs, u along the lid and v from root to tip; bunched a little."""
    rng = np.random.default_rng(17)
    u, v = brushes.grid(side)
    alpha = np.where(v < 0.10, 1.0, 0.0).astype(np.float32)
    for root in (np.arange(hairs) + rng.uniform(-0.4, 0.4, hairs)) / hairs:
        tip, bow, reach = rng.normal(0.012, 0.012), rng.normal(0.0, 0.01), rng.uniform(0.65, 1.0)
        centre = root + tip * v + bow * v * v
        half = 0.40 / hairs * (1.05 - v / reach)
        alpha = np.maximum(alpha, (np.abs(u - centre) < half).astype(np.float32))
    return alpha


def hat_alpha(model: FaceModel, side: int = 512) -> Floats:
    """A cap's cloth in the face chart (side, side), with a smooth lower edge that dips towards the ears."""
    u, v = brushes.grid(side)
    edge = float(model.chart["hairline"][:, 1].min()) + 0.055 + 0.5 * np.clip(np.abs(u - 0.5) - 0.12, 0, 1) ** 2
    return np.asarray(np.clip((edge - v) / 0.004 + 0.5, 0, 1).astype(np.float32))


def outfit(model: FaceModel, base: Floats, sky: Floats, person: Person) -> Outfit:
    """What ``person`` wears over the base face ``base`` (v, 3), whose ambient light is ``sky`` (v,)."""
    part = np.ascontiguousarray(model.part, np.uint8)
    mode = np.full(len(part), FRONT, np.uint8)
    # lids and lips fold inwards: at the corners their inner side is seen
    mode[part == m.P_CLOTH] = BOTH
    mode[part == m.P_SKIN] = LINED
    mode[part == m.P_LASH] = CUTOUT + 1
    bald = person.hair == "bald"
    mode[part == m.P_HAIR] = HIDDEN if bald or person.hat else CUTOUT
    pieces = accessories.backings(model)
    if person.hat:
        pieces.append(accessories.hat(model))
    elif person.hair in ("fringe", "long"):
        pieces.append(accessories.fringe(model))
    if person.hair == "long":
        pieces.append(accessories.long_hair())
    if person.glasses:
        pieces.extend(accessories.glasses(person.glasses))
    start = len(base)
    pushes = [np.zeros(start, np.float32)]
    triangles, parts, modes, uvs, skies = [model.triangles], [part], [mode], [model.uv], [sky]
    for piece in pieces:
        count = len(piece.uv)
        triangles.append(piece.triangles + start)
        parts.append(np.full(len(piece.triangles), piece.material, np.uint8))
        shell = piece.follows is not None
        how = CUTOUT if shell and piece.push == 0.0 else BOTH
        modes.append(np.full(len(piece.triangles), how, np.uint8))
        uvs.append(piece.uv)
        outer = shell and piece.push == 0.0
        skies.append(np.maximum(0.75, sky[piece.follows]) if outer else np.full(count, 0.8, np.float32))
        pushes.append(np.full(count, piece.push, np.float32))
        start += count
    everything = np.ascontiguousarray(np.concatenate(triangles), np.int32)
    all_parts = np.concatenate(parts)
    skull = np.unique(model.triangles[(model.part == m.P_EAR) | (model.part == m.P_HAIR)])
    worn = Outfit(
        triangles=everything,
        part=all_parts,
        uv=np.ascontiguousarray(np.concatenate(uvs), np.float32),
        side=np.zeros(len(everything), np.int8),
        twins=np.arange(start, dtype=np.int32),
        open_sky=np.ascontiguousarray(np.concatenate(skies), np.float32),
        mode=np.concatenate(modes),
        alpha=np.stack([hat_alpha(model) if person.hat else hair_alpha(model, person.hair), lash_alpha()]),
        push=np.concatenate(pushes),
        pieces=tuple(pieces),
        anchors=skull,
        nose_root=int(model.landmarks[27]),
        base=base,
    )
    normals = np.zeros_like(base)
    vertex_normals(base, np.ascontiguousarray(model.triangles, np.int32), normals)
    dressed = worn.dress(base, normals)
    worn.side[:] = np.where(dressed[everything].mean(axis=1)[:, 0] > 0, 1, -1)
    worn.twins[:] = twins(dressed, everything, all_parts)
    return worn


def twins(vertices: Floats, triangles: Ints, part: Bytes) -> Ints:
    """For each vertex the first one of its part at the same place."""
    owner = np.zeros(len(vertices), np.int64)
    owner[triangles.reshape(-1)] = np.repeat(part, 3)
    keys = np.column_stack([np.round(vertices * 1e5).astype(np.int64), owner])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)], np.int32)

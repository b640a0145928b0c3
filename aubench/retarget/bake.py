"""Textures of a head, taken off its engine's own drawings.

The head is drawn from many sides, and with its eyes and mouth open. Each texel's place is looked up in every drawing
that shows it; its colour is the median, which leaves out highlights, since they wander when the head turns. The light
on skin is divided out: the program that shows the head has lights of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from aubench.retarget.mesh import PARTS, Artist, Model, head_of
from aubench.retarget.views import NEAR, Light, View, encoded, views
from aubench.types import Floats, Ints

SIDES: Mapping[str, int] = {
    "skin": 1024, "ear": 256, "neck": 256, "cloth": 256, "eyeball": 256, "teeth": 256, "tongue": 128, "cavity": 64,
    "lash": 512, "hair": 1024,
}  # fmt: skip
"""Texels along a texture: about those that a drawing of 512 pixels resolves."""
CUT = ("lash", "hair")
"""Parts with holes."""
_UNLIT = frozenset({"skin", "ear", "neck", "cloth", "hair"})
"""Parts whose light is taken out; eyes and mouth lie in shade of their own."""
_INSIDE = ("teeth", "tongue", "cavity")
_TURNS = (
    (0.5, 0.5), (0.25, 0.5), (0.75, 0.5), (0.0, 0.5), (1.0, 0.5), (0.5, 0.1), (0.5, 0.9), (0.15, 0.9), (0.85, 0.9),
    (0.15, 0.1), (0.85, 0.1),
)  # fmt: skip
_OPEN_MOUTH = dict.fromkeys(("AU10", "AU12", "AU16", "AU25", "AU26"), 1.0)
_GAZES = tuple({"gaze_x": x, "gaze_y": y} for x in (-0.8, 0.0, 0.8) for y in (-0.6, 0.0, 0.6))
_ROWS = 128
_LASHES, _LASH_COLOUR = 44, 22

Bytes = npt.NDArray[np.uint8]


def textures(engine: Artist, model: Model, vector: Floats) -> dict[str, Bytes]:
    """For each part its texture (s, s, 3) RGB, with a fourth channel (0 or 255) for :data:`CUT` ones. ``vector`` (269,)
    says who; the same gives the same."""
    head = head_of(model, vector)
    near = list(views(engine, model, head, vector, _TURNS))
    whole = list(views(engine, model, head, vector, _TURNS, framing="camera"))
    eyes = [v for gaze in _GAZES for v in views(engine, model, head, vector, _TURNS[:1], {"AU05": 1.0}, gaze)]
    mouth = list(views(engine, model, head, vector, _TURNS[:7], _OPEN_MOUTH))
    shut = list(views(engine, model, head, vector, _TURNS[:3], {"AU43": 1.0}))
    light = Light.fit([*near, *whole], model)
    shown = {"skin": [near, whole, shut, mouth], "eyeball": [eyes]} | {part: [mouth] for part in _INSIDE}
    out = {}
    for number, part in enumerate(PARTS):
        triangles = model.triangles[model.part == number].astype(np.int64)
        if part == "lash":
            out[part] = _lashes(SIDES[part])
        elif len(triangles):
            colour, cover = _bake(
                model.uv, triangles, shown.get(part, [[*near, *whole]]), SIDES[part], light if part in _UNLIT else None
            )
            out[part] = np.dstack([colour, cover]) if part in CUT else colour
    return out


def _bake(
    uv: Floats, triangles: Ints, groups: Sequence[Sequence[View]], side: int, light: Light | None
) -> tuple[Bytes, Bytes]:
    """One part's colours (s, s, 3), and 255 (s, s) where it is there, 0 where drawings show what lies behind it. What
    the first group of drawings does not show comes from the next; what none shows, from around it."""
    colour, seen = np.zeros((side * side, 3), np.float32), np.zeros(side * side, bool)
    votes = np.zeros(side * side, np.float32)
    charts = [_chart(uv, triangles, piece, side) for piece in _pieces(triangles)]
    used = np.any([ids >= 0 for ids, _ in charts], axis=0)
    for drawings in groups:
        for texels in np.array_split(np.flatnonzero(used & ~seen), max(1, side // _ROWS)):
            found: list[Floats] = []
            for ids, shares in charts:
                covered = ids[texels] >= 0
                for view in drawings:
                    here = np.flatnonzero(covered & np.asarray(view.facing[triangles].any(axis=1))[ids[texels]])
                    if not len(here):
                        continue
                    at = texels[here]
                    corners, share = triangles[ids[at]], shares[at][..., None]
                    normals = (view.normals[corners] * share).sum(1)
                    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
                    values, _, behind = view.sample((view.vertices[corners] * share).sum(1), normals)
                    shown = np.abs(behind) < NEAR
                    votes[at] += shown.astype(np.float32) - (behind < -NEAR)
                    row = np.full((len(texels), 3), np.nan, np.float32)
                    row[here[shown]] = values[shown] / (1 if light is None else light.on(normals[shown]))
                    found.append(row)
            if found:
                middle, fresh = _median(np.stack(found))
                colour[texels[fresh]] = middle[fresh]
                seen[texels[fresh]] = True
    filled = spread(colour.reshape(side, side, 3), seen.reshape(side, side).astype(np.float32))
    return encoded(filled), np.where(votes >= 0, np.uint8(255), np.uint8(0)).reshape(side, side)


def _median(samples: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The lower median (n, 3) of what is no NaN among samples (k, n, 3), and where there is one (n,)."""
    ordered = np.sort(samples, axis=0)  # NaN comes last
    count = (~np.isnan(samples)).sum(axis=0)
    middle = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
    return middle, count[:, 0] > 0


def _pieces(triangles: Ints) -> list[Ints]:
    """Which triangles hang together. Pieces may lie over each other in the texture, as a part's left and right do."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = int(triangles.max()) + 1
    links = triangles[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    label = connected_components(graph, directed=False)[1][triangles[:, 0]]
    return [np.flatnonzero(label == k) for k in np.unique(label)]


def _chart(uv: Floats, triangles: Ints, piece: Ints, side: int) -> tuple[Ints, Floats]:
    """Which of ``triangles`` covers each texel (s², ), -1 for none, and the shares of its corners (s², 3)."""
    canvas = np.full((side, side), -1, np.int32)
    corners = uv[triangles] * side - 0.5
    whole = np.round(corners * 16).astype(np.int32)
    for number in piece:
        cv2.fillConvexPoly(canvas, whole[number], int(number), lineType=cv2.LINE_8, shift=4)
    ids = canvas.reshape(-1).astype(np.int64)
    a, b, c = (corners[ids, k].astype(np.float64) for k in range(3))
    y, x = np.divmod(np.arange(side * side), side)
    p, ab, ac = np.stack([x, y], 1) - a, b - a, c - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) < 1e-9, np.inf, area)
    to_b = (p[:, 0] * ac[:, 1] - p[:, 1] * ac[:, 0]) / area
    to_c = (ab[:, 0] * p[:, 1] - ab[:, 1] * p[:, 0]) / area
    shares = np.stack([1 - to_b - to_c, to_b, to_c], 1).clip(0, 1)  # fills reach half a texel beyond the edge
    return ids, (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def spread(colour: Floats, weight: Floats) -> Floats:
    """``colour`` (s, s, 3) where ``weight`` (s, s) is 1, elsewhere what lies around: coarser means show through."""
    side = len(weight)
    if side == 1 or weight.all():
        return colour
    shape = (side // 2, side // 2)
    share = cv2.resize(weight, shape, interpolation=cv2.INTER_AREA)
    total = cv2.resize(colour * weight[..., None], shape, interpolation=cv2.INTER_AREA)
    mean = np.asarray(total / np.maximum(share, 1e-9)[..., None], np.float32)
    coarse = spread(mean, (share > 0).astype(np.float32))
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR).reshape(side, side, 3)
    return np.asarray(np.where(weight[..., None] > 0, colour, smooth), np.float32)


def _lashes(side: int) -> Bytes:
    """Dark hairs (s, s, 4) from the root, v = 0, that taper to v = 1: finer than any drawing resolves."""
    rng = np.random.default_rng(0)
    u, v = np.meshgrid((np.arange(side) + 0.5) / side, (np.arange(side) + 0.5) / side)
    cover = v < 0.08
    for root in (np.arange(_LASHES) + rng.uniform(-0.35, 0.35, _LASHES)) / _LASHES:
        length, lean = rng.uniform(0.65, 1.0), rng.normal(0.0, 0.015)
        cover |= np.abs(u - root - lean * v) < 0.38 / _LASHES * (1 - v / length)
    out = np.full((side, side, 4), _LASH_COLOUR, np.uint8)
    out[..., 3] = np.where(cover, 255, 0)
    return out

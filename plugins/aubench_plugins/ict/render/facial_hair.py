"""Short hair of the face: beards and moustaches hair by hair, and lashes."""

from __future__ import annotations

import numpy as np

from aubench.drawing.arrays import Bytes, Floats

from .ids import K_SKIN, L_BEARD, L_MOUSTACHE
from .mesh import Mesh
from .pixels import KEEP
from .strands import Strands

_STEPS = 5


def beard_strands(mesh: Mesh, normals: Floats, layers: Bytes, style: str, seed: int, colour: Floats) -> Strands | None:
    """The hairs of a beard style, or None where there are none; ``layers`` of the chart tell where they grow."""
    if style in ("none", "stubble"):
        return None
    rng = np.random.default_rng([56, seed])
    triangles = mesh.triangles[mesh.kind == K_SKIN]
    side = len(layers)
    middle = mesh.uv[triangles].mean(axis=1)
    cells = np.clip((middle * side).astype(np.int64), 0, side - 1)
    texel = layers[cells[:, 1], cells[:, 0]].astype(np.float64) / 255
    lip, across = texel[:, L_MOUSTACHE], np.abs(middle[:, 0] - 0.5)
    share = {
        "moustache": lip, "goatee": np.maximum(lip, texel[:, L_BEARD] * (across < 0.10)),
        "full": np.maximum(texel[:, L_BEARD], lip),
    }[style]  # fmt: skip
    edges = mesh.rest[triangles]
    area = 0.5 * np.linalg.norm(np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0]), axis=1)
    chance = area * np.clip(share - 0.25, 0.0, 1.0)
    if chance.sum() <= 0.0:
        return None
    count = int(np.clip(38 * chance.sum(), 200, 4200))
    which = np.searchsorted(np.cumsum(chance) / chance.sum(), rng.random(count)).clip(0, len(chance) - 1)
    weight = rng.dirichlet((1.0, 1.0, 1.0), count)
    corners = triangles[which]
    root = (mesh.rest[corners] * weight[..., None]).sum(axis=1)
    normal = normals[corners[:, 0]].astype(np.float64)
    reach = float(rng.uniform(0.35, 0.8) if style != "full" else np.exp(rng.uniform(np.log(0.3), np.log(2.6))))
    length = reach * rng.uniform(0.6, 1.2, count) * np.clip(1.3 - 4.0 * np.abs(across[which] - 0.05), 0.35, 1.0)
    moustached = lip[which] > 0.4
    length = np.where(moustached, np.minimum(length, rng.uniform(0.45, 0.85)), length)
    down = np.array([0.0, -1.0, 0.12])
    way = 0.45 * normal + 0.85 * down + 0.18 * rng.normal(0, 1, (count, 3))
    way[:, 0] += np.where(moustached, 0.7 * np.sign(root[:, 0]), 0.1 * root[:, 0])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    bow = rng.normal(0, 0.16, (count, 3)) + np.array([0.0, -0.15, -0.1])
    s = np.linspace(0.0, 1.0, _STEPS)
    points = root[:, None] + length[:, None, None] * (s[:, None] * way[:, None] + s[:, None] ** 2 * bow[:, None])
    offset = points - mesh.rest[corners[:, 0]][:, None]
    grey = (rng.random(count) < 0.12)[:, None, None]
    albedo = (
        np.where(grey, 1.6, 1.0) * np.exp(rng.normal(0, 0.25, (count, 1, 1))) * colour * np.ones((count, _STEPS, 1))
    )
    carrier = np.repeat(corners[:, 0].astype(np.int32), _STEPS)
    n = count * _STEPS
    ones = np.ones((count, 1))
    return Strands(
        offset.reshape(-1, 3).astype(np.float32), carrier, carrier, np.zeros(n, np.float32), np.ones(n, np.uint8),
        albedo.reshape(-1, 3).astype(np.float32),
        (0.040 * ones * np.array([1.0, 1.0, 0.9, 0.7, 0.3])).reshape(-1).astype(np.float32),
        (ones * np.array([0.85, 0.9, 0.9, 0.8, 0.4])).reshape(-1).astype(np.float32),
        (ones * np.array([0.4, 0.55, 0.7, 0.8, 0.85])).reshape(-1).astype(np.float32),
        np.repeat(normal, _STEPS, axis=0).astype(np.float32), np.arange(0, n + 1, _STEPS, dtype=np.int32),
        np.full(count, KEEP, np.uint8), np.full(count, float(rng.uniform(0.3, 0.9)), np.float32),
    )  # fmt: skip


def lash_strands(mesh: Mesh, strength: float, seed: int) -> Strands | None:
    """Lashes along the rows of the mesh's lash cards; ``strength`` 0..1 makes them longer, thicker and darker."""
    if len(mesh.lashes) == 0:
        return None
    rng = np.random.default_rng([57, seed])
    cards, columns, rows = mesh.lashes.shape
    per, used = 15, int(np.clip(round(3 + 3 * strength), 4, rows))
    level = mesh.rest[mesh.landmarks[[36, 45]], 1].mean()
    upper = np.repeat(mesh.rest[mesh.lashes, 1].mean(axis=(1, 2)) > level, per)
    at = (np.arange(per)[None] + rng.uniform(-0.45, 0.45, (cards, per))) / per * (columns - 1)
    at = np.clip(at, 0, columns - 1.001).reshape(-1)
    card, left = np.repeat(np.arange(cards), per), at.astype(np.int64)
    first, second = mesh.lashes[card, left, :used], mesh.lashes[card, left + 1, :used]
    mix = np.repeat(at - left, used)
    row = np.arange(used)
    thick = np.where(upper, 0.020, 0.010) * (0.5 + 0.8 * strength) * rng.uniform(0.7, 1.2, len(at))
    width = thick[:, None] * np.interp(row, [0, 0.6 * used, used - 1], [1.3, 1.0, 0.4])
    dark = (0.55 + 0.45 * strength) * np.where(upper, 1.0, 0.55)
    opacity = dark[:, None] * np.interp(row, [0, used - 2, used - 1], [1.0, 0.9, 0.45])
    k = len(first)
    n = k * used
    front = np.tile(np.array([0.0, 0.3, 0.95], np.float32), (n, 1))
    return Strands(
        np.zeros((n, 3), np.float32), first.reshape(-1).astype(np.int32), second.reshape(-1).astype(np.int32),
        mix.astype(np.float32), np.ones(n, np.uint8), np.full((n, 3), 0.010, np.float32),
        width.reshape(-1).astype(np.float32), opacity.reshape(-1).astype(np.float32),
        np.full(n, 0.7, np.float32), front, np.arange(0, n + 1, used, dtype=np.int32), np.full(k, KEEP, np.uint8),
        np.full(k, 0.1, np.float32),
    )  # fmt: skip

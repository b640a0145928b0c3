"""A head and its movements as a glTF 2.0 binary: 23 morph targets, two joints, one animation.

Each part is a primitive with a material of its own. A vertex is blended first (morph targets) and turned then (skin),
as the engines do it: the joint ``head`` turns about the engine's own point, ``body`` stays, and a vertex of the neck
follows both in the shares by which the engine moves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

import aubench
from aubench.parameters import AU_NAMES
from aubench.retarget.glb import INDICES, VERTICES, Glb
from aubench.retarget.mesh import PARTS, Head
from aubench.retarget.motion import Motion
from aubench.stamp import stamp
from aubench.types import Floats

ROUGHNESS: Mapping[str, float] = {
    "skin": 0.55, "ear": 0.6, "neck": 0.6, "cloth": 0.95, "eyeball": 0.08, "teeth": 0.25, "tongue": 0.35, "cavity": 0.8,
    "lash": 0.9, "hair": 0.6,
}  # fmt: skip
_OPEN = frozenset({"skin", "cloth", "lash", "hair"})
"""Parts seen from both sides."""
LEAST_METRES, LEAST_NORMAL = 2e-6, 2e-3
"""Movements and turns of normals under these are left out."""
_JPEG_QUALITY = 92
_BODY, _HEAD, _MESH = 0, 1, 2


def document(head: Head, textures: Mapping[str, npt.NDArray[np.uint8]], motion: Motion, name: str) -> bytes:
    """The file. ``textures``: for each part that the head has a picture (s, s, 3 or 4), see
    :func:`aubench.retarget.bake.textures`; ``name`` of the mesh."""
    glb = Glb(f"{stamp('head')} {aubench.__version__}")
    low = float(head.vertices[:, 1].min())
    joints = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    joints[_BODY, 3, 1] = -low
    glb.document |= {
        "scene": 0,
        "scenes": [{"nodes": [_BODY, _MESH]}],
        "nodes": [
            {"name": "body", "translation": [0.0, low, 0.0], "children": [_HEAD]},
            {"name": "head", "translation": [0.0, -low, 0.0]},
            {"name": name, "mesh": 0, "skin": 0},
        ],
        "skins": [{"joints": [_BODY, _HEAD], "inverseBindMatrices": glb.accessor(joints), "skeleton": _BODY}],
        "materials": [],
        "meshes": [
            {
                "name": name,
                "primitives": _primitives(glb, head, textures),
                "weights": [0.0] * len(AU_NAMES),
                "extras": {"targetNames": list(AU_NAMES)},
            }
        ],
        "animations": [_animation(glb, motion)],
    }
    glb.document["materials"] = [
        _material(glb, part, textures[part]) for number, part in enumerate(PARTS) if (head.part == number).any()
    ]
    return glb.data()


def _primitives(glb: Glb, head: Head, textures: Mapping[str, npt.NDArray[np.uint8]]) -> list[dict[str, Any]]:
    rest = head.normals(head.vertices)
    turns = [head.normals(head.vertices + target) - rest for target in head.targets]
    turned = _cleaned(np.stack(turns), LEAST_NORMAL)
    moved = _cleaned(head.targets, LEAST_METRES)
    joints = np.tile(np.array([_BODY, _HEAD, 0, 0], np.uint8), (len(head.vertices), 1))
    shares = np.zeros((len(head.vertices), 4), np.float32)
    shares[:, _HEAD] = head.carried
    shares[:, _BODY] = 1 - head.carried
    joints[shares == 0] = 0  # a joint that has no share is to be the first
    out: list[dict[str, Any]] = []
    for number in range(len(PARTS)):
        triangles = head.triangles[head.part == number]
        if not len(triangles):
            continue
        used, index = np.unique(triangles, return_inverse=True)
        small = len(used) < 0xFFFF
        attributes = {
            "POSITION": glb.accessor(head.vertices[used], VERTICES, bounds=True),
            "NORMAL": glb.accessor(rest[used], VERTICES),
            "TEXCOORD_0": glb.accessor(head.uv[used], VERTICES),
            "JOINTS_0": glb.accessor(joints[used], VERTICES),
            "WEIGHTS_0": glb.accessor(shares[used], VERTICES),
        }
        out.append(
            {
                "attributes": attributes,
                "indices": glb.accessor(index.reshape(-1).astype(np.uint16 if small else np.uint32), INDICES),
                "material": len(out),
                "targets": [
                    {"POSITION": glb.sparse(moved[k, used], bounds=True), "NORMAL": glb.sparse(turned[k, used])}
                    for k in range(len(AU_NAMES))
                ],
            }
        )
    return out


def _cleaned(values: Floats, least: float) -> Floats:
    return np.where(np.linalg.norm(values, axis=-1, keepdims=True) >= least, values, np.float32(0))


def _material(glb: Glb, part: str, picture: npt.NDArray[np.uint8]) -> dict[str, Any]:
    cut = picture.shape[2] == 4
    if cut:
        file = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))[1]
    else:
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        file = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)[1]
    texture = glb.texture(file.tobytes(), "image/png" if cut else "image/jpeg")
    surface = {"baseColorTexture": {"index": texture}, "metallicFactor": 0.0, "roughnessFactor": ROUGHNESS[part]}
    entry: dict[str, Any] = {"name": part, "pbrMetallicRoughness": surface}
    if cut:
        entry |= {"alphaMode": "MASK", "alphaCutoff": 0.5}
    return entry | ({"doubleSided": True} if part in _OPEN else {})


def _animation(glb: Glb, motion: Motion) -> dict[str, Any]:
    times = glb.accessor(motion.seconds.astype(np.float32), bounds=True)
    turns = glb.accessor(motion.quaternions().astype(np.float32))
    weights = glb.accessor(motion.weights.astype(np.float32).reshape(-1))
    return {
        "name": "face",
        "samplers": [{"input": times, "output": turns}, {"input": times, "output": weights}],
        "channels": [
            {"sampler": 0, "target": {"node": _HEAD, "path": "rotation"}},
            {"sampler": 1, "target": {"node": _MESH, "path": "weights"}},
        ],
    }

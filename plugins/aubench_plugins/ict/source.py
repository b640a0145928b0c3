"""The asset: where ICT-FaceKit is, what is read of it, and the compact copy in the cache.

ICT-FaceKit (Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020; MIT licence) is a folder
``FaceXModel/`` of Wavefront files. A compact ``.npz`` of the same arrays is read as well. Either becomes one
safetensors file in the cache, named by the hash of what was read, so that the second use maps it at once.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from aubench.drawing.arrays import Arrays, Floats, Ints
from aubench.errors import UserError
from aubench.files import atomic_write_bytes, cache_folder, content_digest

from . import ASSET
from .materials import surfaces
from .obj import read_faces, read_vertices

NEUTRAL, INDICES, MODES = "generic_neutral_mesh.obj", "vertex_indices.json", 100
EXPRESSIONS = (
    "PupilDilate_L", "PupilDilate_R", "browDown_L", "browDown_R", "browInnerUp_L", "browInnerUp_R", "browOuterUp_L",
    "browOuterUp_R", "cheekPuff_L", "cheekPuff_R", "cheekRaiser_L", "cheekRaiser_R", "cheekSquint_L", "cheekSquint_R",
    "eyeBlink_L", "eyeBlink_R", "eyeLookDown_L", "eyeLookDown_R", "eyeLookIn_L", "eyeLookIn_R", "eyeLookOut_L",
    "eyeLookOut_R", "eyeLookUp_L", "eyeLookUp_R", "eyeSquint_L", "eyeSquint_R", "eyeWide_L", "eyeWide_R", "jawForward",
    "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimple_L", "mouthDimple_R", "mouthFrown_L", "mouthFrown_R",
    "mouthFunnel", "mouthLeft", "mouthLowerDown_L", "mouthLowerDown_R", "mouthPress_L", "mouthPress_R", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmile_L",
    "mouthSmile_R", "mouthStretch_L", "mouthStretch_R", "mouthUpperUp_L", "mouthUpperUp_R", "noseSneer_L",
    "noseSneer_R",
)  # fmt: skip
"""File names, without ``.obj``, of the expression shapes that the engine uses; others in the folder are left alone."""
_FORM = "1"
"""Changes when what is stored changes."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Source:
    """ICT-FaceKit in arrays; ``n`` vertices in centimetres, y up, z to the camera.

    ``neutral`` (n, 3); ``triangles`` (m, 3); ``uv`` (m, 3, 2); ``material`` (m,), see :mod:`.materials`; ``modes``
    (k, n, 3) identity deltas, coefficients N(0, 1); ``shapes`` (e, n, 3) expression deltas, coefficients 0..1, by
    ``names``; ``landmarks`` (68,) vertex ids."""

    neutral: Floats
    triangles: Ints
    uv: Floats
    material: Ints
    modes: Floats
    shapes: Floats
    names: tuple[str, ...]
    landmarks: Ints

    def shape(self, name: str) -> Floats:
        """The delta (n, 3) of one expression shape."""
        out: Floats = self.shapes[self.names.index(name)]
        return out


def open_source(path: Path | None = None, progress: Progress | None = None) -> Source:
    """The asset at ``path``, by default where the user says it is, through the cache. ``progress`` is told the files
    read and all of them. Raises :class:`UserError` when it is absent or incomplete."""
    files = _files(ASSET.locate() if path is None else path)
    compact = cache_folder() / "ict" / f"{content_digest(files)[:32]}-{_FORM}.safetensors"
    if not compact.is_file():
        content = _read_npz(files) if files[0].suffix == ".npz" else _read_folder(files, progress)
        atomic_write_bytes(compact, save(content))
    return Source(**load_file(compact), names=EXPRESSIONS)


def asset_digest() -> str:
    """Hash of the content of the files that are read of the asset. Raises :class:`UserError` as
    :func:`open_source` does."""
    return content_digest(_files(ASSET.locate()))


def _files(given: Path) -> list[Path]:
    """What is to be read: the .npz and its landmarks, or the .obj files of the folder, the neutral mesh first."""
    if given.is_dir():
        inner = given / "FaceXModel"
        folder = inner if not (given / NEUTRAL).is_file() and (inner / NEUTRAL).is_file() else given
        wanted = [NEUTRAL, *(f"identity{k:03d}.obj" for k in range(MODES)), *(f"{name}.obj" for name in EXPRESSIONS)]
        wanted.append(INDICES)
        missing = [name for name in wanted if not (folder / name).is_file()]
        if not missing:
            return [folder / name for name in wanted]
        packed = sorted(given.glob("*.npz"))
        if len(packed) != 1:
            few = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
            raise UserError(
                f"{folder}: {len(missing)} of {len(wanted)} files are missing ({few}): {ASSET.source}",
                code="asset-missing",
            )
        given = packed[0]
    if given.suffix != ".npz":
        raise UserError(
            f"{given}: neither the folder FaceXModel nor a compact .npz: {ASSET.source}", code="format-unknown"
        )
    beside = [place / INDICES for place in (given.parent, given.parent / "FaceXModel")]
    return [given, *(path for path in beside if path.is_file())][:2]


def _landmarks(path: Path) -> Ints:
    try:
        ids = np.array(json.loads(path.read_text())["idx_to_landmark_verts"], np.int32)
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{path}: holds no idx_to_landmark_verts; clone the folder again", code="file-damaged"
        ) from None
    return ids


def _read_folder(files: list[Path], progress: Progress | None) -> dict[str, Arrays]:
    neutral, landmarks = read_vertices(files[0]), _landmarks(files[-1])
    deltas = np.empty((len(files) - 2, len(neutral), 3), np.float32)
    for n, path in enumerate(files[1:-1]):
        if progress is not None:
            progress(n, len(deltas))
        vertices = read_vertices(path)
        if vertices.shape != neutral.shape:
            raise UserError(
                f"{path}: {len(vertices)} vertices, but {files[0].name} has {len(neutral)}; clone it again",
                code="file-damaged",
            )
        deltas[n] = vertices - neutral
    faces = read_faces(files[0])
    kept, material = surfaces(faces, neutral)
    return _checked(
        files[0],
        {
            "neutral": neutral, "triangles": faces.corners[kept], "uv": faces.uv[kept], "material": material,
            "modes": deltas[:MODES], "shapes": deltas[MODES:], "landmarks": landmarks,
        },
    )  # fmt: skip


def _read_npz(files: list[Path]) -> dict[str, Arrays]:
    try:
        with np.load(files[0], allow_pickle=False) as packed:
            names = [str(name) for name in packed["ex"]]
            missing = [name for name in EXPRESSIONS if name not in names]
            if missing:
                raise UserError(
                    f"{files[0]}: the expression shapes {', '.join(missing[:3])} are missing in `ex`",
                    code="file-damaged",
                )
            content = {
                "neutral": packed["V"], "triangles": packed["T"], "uv": packed["UV"], "material": packed["mat"],
                "modes": packed["I"], "shapes": packed["E"][[names.index(name) for name in EXPRESSIONS]],
            }  # fmt: skip
            if "landmarks" in packed:
                content["landmarks"] = packed["landmarks"]
    except KeyError as error:
        name = re.sub(r"\W", "", str(error).split(" ")[0])
        raise UserError(
            f"{files[0]}: holds no array {name}; it is not the compact form of ICT-FaceKit", code="file-damaged"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{files[0]}: cannot be read as .npz ({' '.join(str(error).split())})", code="file-damaged"
        ) from None
    if "landmarks" not in content:
        if len(files) < 2:
            raise UserError(
                f"{files[0]}: {INDICES} of the folder FaceXModel must lie beside it (it names the 68 landmarks)",
                code="asset-missing",
            )
        content["landmarks"] = _landmarks(files[1])
    return _checked(files[0], content)


def _checked(path: Path, content: dict[str, Arrays]) -> dict[str, Arrays]:
    """The arrays in the types in which they are stored. Raises :class:`UserError` where they do not fit together."""
    kinds = dict.fromkeys(content, np.float32) | {
        "triangles": np.int32,
        "material": np.int32,
        "landmarks": np.int32,
    }
    out: dict[str, Arrays] = {name: np.ascontiguousarray(value, kinds[name]) for name, value in content.items()}
    n, m = len(out["neutral"]), len(out["triangles"])
    shapes = {
        "neutral": (n, 3), "triangles": (m, 3), "uv": (m, 3, 2), "material": (m,), "modes": (MODES, n, 3),
        "shapes": (len(EXPRESSIONS), n, 3), "landmarks": (68,),
    }  # fmt: skip
    for name, shape in shapes.items():
        if out[name].shape != shape:
            raise UserError(
                f"{path}: {name} is {out[name].shape}, not {shape}; it is not ICT-FaceKit (light)", code="file-damaged"
            )
        if out[name].dtype == np.float32 and not np.isfinite(out[name]).all():
            raise UserError(f"{path}: {name} holds NaN or infinity; the file is damaged", code="file-damaged")
    for name in ("triangles", "landmarks"):
        if out[name].min() < 0 or out[name].max() >= n:
            raise UserError(
                f"{path}: {name} names vertices beyond the {n} that there are; the files do not match",
                code="file-damaged",
            )
    return out

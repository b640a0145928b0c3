"""A crude head in the layout of ICT-FaceKit's folder ``FaceXModel/``: same materials, chart, landmarks and file names.

Made by formulas, with nothing of the real asset in it. Shapes are soft bumps that move what their names say.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from aubench_plugins.ict.source import EXPRESSIONS, INDICES, MODES, NEUTRAL

DISTINCT = 10
"""So many identities differ, to write them quickly."""
EYE, BALL = np.array([3.1, 3.6]), 1.5
U = np.unique(np.round(np.concatenate([np.linspace(0, 1, 27), 0.5 + np.linspace(-0.21, 0.21, 29)]), 4))
V = np.array(
    [0.0, 0.08, 0.16, 0.22, 0.26, 0.29, 0.32, 0.35, 0.37, 0.385, 0.40, 0.41, 0.42, 0.4375, 0.455, 0.465, 0.475, 0.49,
     0.51, 0.53, 0.545, 0.56, 0.58, 0.60, 0.615, 0.63, 0.65, 0.67, 0.685, 0.70, 0.706, 0.712, 0.724, 0.730, 0.736, 0.75,
     0.77, 0.79, 0.81, 0.83, 0.86, 0.90, 0.95, 1.0]
)  # fmt: skip
_Y = ([0.0, 0.29, 0.435, 0.545, 0.61, 0.718, 0.81, 1.0], [-16.0, -8.0, -3.0, -1.3, 0.0, 3.6, 6.0, 12.0])


def _bow(x: np.ndarray, centre: float, half: float) -> np.ndarray:
    return np.asarray(np.sqrt(np.clip(1 - ((x - centre) / half) ** 2, 0, None)))


def _surface(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Places (n, 3) of chart points."""
    x = 9.2 * np.tanh(24 * (u - 0.5) / 9.2)
    y = np.interp(v, *_Y)
    z = 10.6 * np.sqrt(np.clip(1 - (x / 10.5) ** 2, 0.01, None)) - 0.012 * (y - 0.5) ** 2
    z += 2.2 * np.exp(-((x / 1.3) ** 2) - ((y + 0.3) / 1.5) ** 2)
    side = np.where(v > 0.718, 1.0, -1.0)
    lid = np.clip(1 - (np.abs(v - 0.718) - 0.006) / 0.04, 0, 1)
    y = y + side * 0.42 * _bow(np.abs(x), EYE[0], 1.5) * lid
    inside = np.clip(1 - np.abs(v - 0.4375) / 0.0276, 0, 1) * (np.abs(u - 0.5) < 0.085)
    z = z - 0.9 * inside
    lips = np.clip(1 - (np.abs(v - 0.4375) - 0.02) / 0.03, 0, 1) * (np.abs(u - 0.5) < 0.085)
    y = y + lips * (np.interp(0.4375, *_Y) + 0.04 * np.sign(v - 0.4375) - y) * (np.abs(v - 0.4375) < 0.04)
    return np.stack([x, y, z], axis=-1)


class _Mesh:
    def __init__(self) -> None:
        self.vertices: list[np.ndarray] = []
        self.chart: list[np.ndarray] = []
        self.faces: list[tuple[str, list[tuple[int, ...]]]] = []
        self.count = 0

    def grid(self, material: str, points: np.ndarray, chart: np.ndarray, keep: np.ndarray | None = None) -> np.ndarray:
        """Add a grid (r, c, 3) with texture coordinates (r, c, 2); returns the ids (r, c)."""
        rows, columns = points.shape[:2]
        ids = self.count + np.arange(rows * columns).reshape(rows, columns)
        self.vertices.append(points.reshape(-1, 3))
        self.chart.append(chart.reshape(-1, 2))
        quads = []
        for r in range(rows - 1):
            for c in range(columns - 1):
                if keep is None or keep[r, c]:
                    quads.append((ids[r, c], ids[r, c + 1], ids[r + 1, c + 1], ids[r + 1, c]))
        self.faces.append((material, quads))
        self.count += rows * columns
        return ids


def _sheet(u: tuple[float, float], v: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    return np.stack(np.meshgrid(np.linspace(*u, shape[1]), np.linspace(*v, shape[0])), axis=-1)


_HALF = {
    8: (0.5, 0.29), 9: (0.56, 0.29), 10: (0.64, 0.30), 11: (0.70, 0.33), 12: (0.77, 0.37), 13: (0.80, 0.455),
    14: (0.81, 0.53), 15: (0.82, 0.60), 16: (0.84, 0.70), 22: (0.54, 0.81), 23: (0.585, 0.82), 24: (0.64, 0.83),
    25: (0.70, 0.82), 26: (0.74, 0.80), 27: (0.5, 0.724), 28: (0.5, 0.685), 29: (0.5, 0.65), 30: (0.5, 0.61),
    33: (0.5, 0.545), 34: (0.53, 0.545), 35: (0.565, 0.545), 51: (0.5, 0.51), 52: (0.53, 0.513), 53: (0.565, 0.495),
    54: (0.605, 0.4375), 55: (0.575, 0.385), 56: (0.545, 0.365), 57: (0.5, 0.36), 62: (0.5, 0.465), 63: (0.545, 0.465),
    64: (0.585, 0.4375), 65: (0.545, 0.41), 66: (0.5, 0.41),
}  # fmt: skip
_TWIN = {9: 7, 10: 6, 11: 5, 12: 4, 13: 3, 14: 2, 15: 1, 16: 0, 22: 21, 23: 20, 24: 19, 25: 18, 26: 17, 34: 32, 35: 31,
         52: 50, 53: 49, 54: 48, 55: 59, 56: 58, 63: 61, 64: 60, 65: 67}  # fmt: skip
_LIDS = {42: (1.6, 0), 43: (2.6, 1), 44: (3.6, 1), 45: (4.6, 0), 46: (3.6, -1), 47: (2.6, -1)}
_LID_TWIN = {42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40}


def _landmarks(chart: np.ndarray, ids: np.ndarray) -> list[int]:
    flat, names = chart.reshape(-1, 2), ids.ravel()
    marks = np.zeros(68, int)

    def nearest(place: tuple[float, float]) -> int:
        return int(names[np.linalg.norm((flat - place) * (1, 1.5), axis=1).argmin()])

    for mark, (u, v) in _HALF.items():
        marks[mark] = nearest((u, v))
        if mark in _TWIN:
            marks[_TWIN[mark]] = nearest((1 - u, v))
    for mark, (x, row) in _LIDS.items():
        u = 0.5 + 9.2 * np.arctanh(x / 9.2) / 24
        v = 0.724 if row >= 0 else 0.712
        marks[mark], marks[_LID_TWIN[mark]] = nearest((u, v)), nearest((1 - u, v))
    return marks.tolist()


def write_head(folder: Path) -> Path:
    """Write all 159 files into ``folder`` and return it."""
    mesh = _Mesh()
    chart = np.stack(np.meshgrid(U, V), axis=-1)
    face = _surface(chart[..., 0], chart[..., 1])
    x = 9.2 * np.tanh(24 * (np.abs(0.5 * (U[1:] + U[:-1]) - 0.5)) / 9.2)
    middle = 0.5 * (V[1:] + V[:-1])
    eye = (np.abs(middle - 0.718) < 0.006)[:, None] & (np.abs(x - EYE[0]) < 1.5)[None]
    mouth = (np.abs(middle - 0.4375) < 0.012)[:, None] & (x < 1.98)[None]
    ids = mesh.grid("M_Face", face, chart, ~(eye | mouth))
    marks = _landmarks(chart, ids)
    depth = float(_surface(np.array([0.5 + 3.1 / 24]), np.array([0.724]))[0, 2]) - BALL - 0.02
    back = _sheet((np.pi * 0.5, np.pi * 1.5), (-18.0, 13.0), (14, 15))
    turned = np.stack([9.2 * np.sin(back[..., 0]), back[..., 1], 2.0 + 9.0 * np.cos(back[..., 0])], axis=-1)
    mesh.grid("M_BackHead", turned[:, ::-1], back * 0 + 1.5)
    hole = _sheet((-2.6, 2.6), (-4.5, -1.2), (6, 7))
    mesh.grid("M_BackHead", np.dstack([hole, np.full(hole.shape[:2], 6.0)]), hole * 0 + 1.1)
    for side in (1, -1):
        pit = _sheet((side * EYE[0] - 1.2, side * EYE[0] + 1.2), (2.6, 4.6), (4, 5))
        mesh.grid("M_BackHead", np.dstack([pit, np.full(pit.shape[:2], depth - 1.2)]), pit * 0 + 1.8)
    front = float(face[..., 2][np.abs(V - 0.465).argmin(), len(U) // 2])
    for material, low, radius in (("M_GumsTongue", 0.0, 3.2), ("M_Teeth", 0.0, 3.5)):
        for sign in (1, -1):
            arc = _sheet((-0.75, 0.75), (0.0, 1.1), (3, 17))
            y = -3.0 + sign * (low + 0.02 + arc[..., 1])
            row = np.stack([radius * np.sin(arc[..., 0]), y, front - 4.2 + radius * np.cos(arc[..., 0])], axis=-1)
            mesh.grid(material, row if sign > 0 else row[::-1], arc * 0.3 + (3.5 if material == "M_Teeth" else 2.5))
    for side, name in ((1, "Left"), (-1, "Right")):
        around = _sheet((0, 2 * np.pi), (0, np.pi), (13, 17))
        ball = np.stack(
            [np.sin(around[..., 1]) * np.cos(around[..., 0]), np.sin(around[..., 1]) * np.sin(around[..., 0]),
             np.cos(around[..., 1])], axis=-1,
        )  # fmt: skip
        bulged = BALL + 0.12 * np.exp(-((around[..., 1:] / 0.45) ** 2))
        place = 0.5 + 0.5 * around[..., 1:] / np.pi * np.stack(
            [np.cos(around[..., 0]), np.sin(around[..., 0])], axis=-1
        )
        centre = np.array([side * EYE[0], EYE[1], depth])
        mesh.grid(f"M_Sclera{name}", (ball * bulged + centre)[::-1], place[::-1])
        mesh.grid(f"M_Iris{name}", ball[:3, :5] + centre, place[:3, :5])
    for material in ("M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion"):
        mesh.grid(material, np.dstack([hole[:2, :2], np.full((2, 2), 5.0)]), hole[:2, :2] * 0 + 0.5)
    for side in (1, -1):
        for up in (1, -1):
            card = _sheet((-1.3, 1.3), (0, 0.8), (6, 19))
            y = EYE[1] + up * (0.42 * _bow(card[..., 0], 0, 1.5) + 0.3 * card[..., 1])
            z = depth + BALL + 0.1 + card[..., 1]
            mesh.grid(
                "M_EyeLashes", np.stack([side * EYE[0] + card[..., 0], y, z], axis=-1), card * (0.3, 1) + (6.5, 0.1)
            )
    vertices, uv = np.concatenate(mesh.vertices), np.concatenate(mesh.chart)
    tail = "".join(f"vt {a:.6f} {b:.6f}\n" for a, b in uv)
    for material, quads in mesh.faces:
        tail += f"usemtl {material}\n" + "".join("f " + " ".join(f"{i + 1}/{i + 1}" for i in q) + "\n" for q in quads)
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, points: np.ndarray) -> None:
        lines = ("v %.6f %.6f %.6f\n" * len(points)) % tuple(points.ravel().tolist())
        rest = tail if name == NEUTRAL else "vt 0.5 0.5\nusemtl M_Face\nf 1/1 2/1 3/1\n"
        (folder / name).write_text(f"# a crude head\nmtllib none.mtl\n{lines}{rest}")

    write(NEUTRAL, vertices)
    rng = np.random.default_rng(0)
    for k in range(DISTINCT):
        wave = rng.normal(0, 0.06, (3, 3)) / (1 + 0.2 * k)
        turn = np.sin(vertices[:, [1, 1, 2]] * 0.25 + rng.uniform(0, 6, 3)) @ wave
        turn[:, 0] *= np.sin(vertices[:, 0] * 0.2)  # no mode is lopsided
        write(f"identity{k:03d}.obj", vertices + turn)
    for k in range(DISTINCT, MODES):
        shutil.copy(folder / f"identity{k % DISTINCT:03d}.obj", folder / f"identity{k:03d}.obj")
    shapes = _shapes(vertices, vertices[marks])
    for name in EXPRESSIONS:
        write(f"{name}.obj", vertices + shapes[name])
    (folder / INDICES).write_text(json.dumps({"expressions": [], "idx_to_landmark_verts": marks}))
    return folder


def _shapes(points: np.ndarray, marks: np.ndarray) -> dict[str, np.ndarray]:
    """Displacements by name."""

    def bump(centre: np.ndarray, move: tuple[float, float, float], radius: float) -> np.ndarray:
        far = np.linalg.norm(points - centre, axis=1) / radius
        return np.exp(-(far**2))[:, None] * np.array(move)

    upper, lower = marks[62], marks[66]
    open_mouth = {
        "up": np.where(points[:, 1:2] > -3.0, 1.0, 0.0), "down": np.where(points[:, 1:2] > -3.0, 0.0, 1.0)
    }  # fmt: skip
    jaw = np.clip((-2.6 - points[:, 1:2]) / 0.8, 0, 1) * (points[:, 1:2] > -12)
    out: dict[str, np.ndarray] = {}
    sided = {
        "browDown": (24, (-0.3, -0.5, 0.1), 2.0), "browInnerUp": (22, (0, 0.6, 0), 1.6),
        "browOuterUp": (25, (0, 0.6, 0), 1.8), "cheekPuff": (54, (0.4, 0, 0.6), 2.5),
        "cheekRaiser": (46, (0, 0.5, 0.1), 1.8), "cheekSquint": (46, (0, 0.4, 0.1), 1.6),
        "eyeLookDown": (43, (0, -0.3, 0), 1.0), "eyeLookIn": (43, (-0.1, 0, 0), 1.0),
        "eyeLookOut": (43, (0.1, 0, 0), 1.0), "eyeLookUp": (43, (0, 0.3, 0), 1.0), "eyeSquint": (47, (0, 0.25, 0), 1.0),
        "eyeWide": (43, (0, 0.3, 0), 1.0),
        "mouthDimple": (54, (0.1, 0.1, -0.4), 1.2), "mouthFrown": (54, (0, -0.6, 0), 1.4),
        "mouthSmile": (54, (0.6, 0.9, -0.6), 1.8), "mouthStretch": (54, (0.6, -0.2, -0.4), 1.5),
        "noseSneer": (35, (0.1, 0.6, 0), 1.4), "PupilDilate": (43, (0, 0, 0), 1.0),
    }  # fmt: skip
    for name, (mark, move, radius) in sided.items():
        for side, flip in (("L", 1), ("R", -1)):
            where = marks[mark] * (flip, 1, 1)
            out[f"{name}_{side}"] = bump(where, (flip * move[0], move[1], move[2]), radius)
    for side, flip in (("L", 1), ("R", -1)):
        eye = np.array([flip * EYE[0], EYE[1], marks[43, 2]])
        above = np.clip((points[:, 1:2] - EYE[1]) / 0.05, 0, 1)
        near = np.exp(-((np.linalg.norm(points - eye, axis=1) / 2.2) ** 4))[:, None]
        across = _bow(points[:, :1], eye[0], 1.5)
        skin = (points[:, 2:] > marks[43, 2] - 1.2) * near * across
        out[f"eyeBlink_{side}"] = np.concatenate([0 * above, -0.84 * above * skin, 0 * above], axis=1)
        mouth = np.array([flip * 0.8, -3.0, upper[2]])
        soft = np.exp(-((np.linalg.norm(points - mouth, axis=1) / 2.4) ** 2))[:, None]
        out[f"mouthUpperUp_{side}"] = soft * open_mouth["up"] * np.array([0, 0.5, 0])
        out[f"mouthLowerDown_{side}"] = soft * open_mouth["down"] * np.array([0, -0.9, 0])
        out[f"mouthPress_{side}"] = soft * np.where(points[:, 1:2] > -3, -0.15, 0.15) * np.array([0, 1, 0])
    out["jawOpen"] = jaw * np.array([0, -2.0, -0.6])
    out["mouthClose"] = bump(lower, (0, 1.9, 0.4), 1.6)
    out["jawForward"], out["jawLeft"], out["jawRight"] = (
        jaw * np.array(m) for m in ((0, 0, 0.6), (0.7, 0, 0), (-0.7, 0, 0))
    )
    out["mouthFunnel"] = (
        bump(upper, (0, 0.3, 0.5), 1.2) * open_mouth["up"] + bump(lower, (0, -0.3, 0.5), 1.2) * open_mouth["down"]
    )
    squeeze = np.exp(-((np.linalg.norm(points - 0.5 * (upper + lower), axis=1) / 2.2) ** 2))[:, None]
    out["mouthPucker"] = squeeze * np.concatenate(
        [-0.3 * points[:, :1], 0 * points[:, :1], 0.6 + 0 * points[:, :1]], axis=1
    )
    out["mouthLeft"], out["mouthRight"] = bump(upper, (0.8, 0, 0), 2.0), bump(upper, (-0.8, 0, 0), 2.0)
    out["mouthRollLower"] = bump(lower, (0, 0.2, -0.3), 1.0) * open_mouth["down"]
    out["mouthRollUpper"] = bump(upper, (0, -0.2, -0.3), 1.0) * open_mouth["up"]
    out["mouthShrugLower"] = bump(marks[8], (0, 0.7, 0.2), 2.2)
    out["mouthShrugUpper"] = bump(upper, (0, 0.3, 0.1), 1.2)
    return out

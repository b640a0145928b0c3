"""The bone-driven face model: symmetric, anatomically right, whole under random parameters."""

from __future__ import annotations

import numpy as np
import pytest

from aubench.contracts import NUISANCE_NAMES
from aubench.parameters import AU, AU_NAMES, BASE_AU, IDENTITY, SIZE, au_index
from aubench_plugins.bdfm.build import face_model
from aubench_plugins.bdfm.constants import PARTS
from aubench_plugins.bdfm.identity import IDENTITY_NAMES

MIRRORED = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
     41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)  # fmt: skip


def vectors(count: int = 1, **action: float) -> np.ndarray:
    out = np.full((count, SIZE), 0.5, np.float32)
    out[:, AU] = BASE_AU
    out[:, 233:] = 0.0
    out[:, 233] = 1.0
    for name, x in action.items():
        out[:, 2 + au_index(name)] = x
    return out


def landmarks(vector: np.ndarray, nuisance: np.ndarray | None = None) -> np.ndarray:
    model = face_model()
    return model.deform(vector, nuisance).vertices[:, model.landmarks]


@pytest.fixture(scope="module")
def rest() -> np.ndarray:
    return landmarks(vectors())[0]


def moved(rest: np.ndarray, **action: float) -> np.ndarray:
    return landmarks(vectors(**action))[0] - rest


def opening(points: np.ndarray) -> float:
    return float(np.mean([points[b, 1] - points[a, 1] for a, b in ((37, 41), (38, 40), (43, 47), (44, 46))]))


def test_parts_and_shapes() -> None:
    model = face_model()
    assert set(np.unique(model.part)) == set(range(len(PARTS)))
    assert model.uv.min() >= 0
    assert model.uv.max() <= 1
    assert len(model.uv) == model.rig.base.shape[0]
    assert model.triangles.max() < len(model.uv)
    assert model.landmarks.shape == (68,)
    assert len(np.unique(model.landmarks)) >= 66
    assert len(model.uv) < 12_000


def test_identity_has_208_distinct_names() -> None:
    assert len(IDENTITY_NAMES) == 208 == len(set(IDENTITY_NAMES))
    assert all(name.count(".") == 2 for name in IDENTITY_NAMES)


def test_eyes_are_one_unit_apart(rest: np.ndarray) -> None:
    left, right = rest[36:42].mean(axis=0), rest[42:48].mean(axis=0)
    assert right[0] - left[0] == pytest.approx(1.0, abs=0.01)
    assert abs(left[1]) < 0.03


def test_base_face_is_symmetric(rest: np.ndarray) -> None:
    assert np.allclose(rest[MIRRORED] * (-1, 1, 1), rest, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in AU_NAMES if not n.startswith("AU30")])
def test_action_units_move_both_sides_alike(name: str, rest: np.ndarray) -> None:
    move = moved(rest, **{name: 1.0})
    assert np.allclose(move[MIRRORED] * (-1, 1, 1), move, atol=1e-4)
    assert np.abs(move).max() > 0.02


def test_skin_faces_the_camera_around_eyes_and_mouth() -> None:
    """Triangles keep their orientation under random identities and single AUs."""
    model = face_model()
    rng = np.random.default_rng(3)
    batch = vectors(24)
    batch[:, IDENTITY] = rng.random((24, 208))
    batch[np.arange(23), 2 + np.arange(23)] = 1.0
    uv = (model.uv - 0.5) / 0.2 + (0, 0.15)
    near = (np.hypot((np.abs(uv[:, 0]) - 0.5) / 0.45, uv[:, 1] / 0.3) < 1) | (
        np.hypot(uv[:, 0] / 0.6, (uv[:, 1] - 1.14) / 0.3) < 1
    )
    skin = model.triangles[(model.part == 0) & near[model.triangles].all(axis=1)]

    def area(vertices: np.ndarray) -> np.ndarray:
        a, b, c = (vertices[..., skin[:, k], :2] for k in range(3))
        return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (c[..., 0] - a[..., 0]) * (b[..., 1] - a[..., 1])

    front = area(model.rig.base) < -1e-6
    flipped = area(model.deform(batch).vertices)[:, front] > 0
    assert front.mean() > 0.8
    assert flipped.mean() < 0.02


def test_no_two_action_units_look_alike(rest: np.ndarray) -> None:
    moves = []
    for name in AU_NAMES:
        vertices = face_model().deform(vectors(**{name: 1.0})).vertices[0] - face_model().deform(vectors()).vertices[0]
        moves.append(vertices.ravel() / np.linalg.norm(vertices))
    alike = np.array(moves) @ np.array(moves).T - np.eye(len(moves))
    i, j = np.unravel_index(alike.argmax(), alike.shape)
    assert alike.max() < 0.9, (AU_NAMES[i], AU_NAMES[j])


INNER, OUTER, CORNERS = (21, 22), (17, 26), (48, 54)


def test_brows(rest: np.ndarray) -> None:
    up = moved(rest, AU01=1.0)[:, 1]
    assert up[list(INNER)].mean() < -0.08
    assert up[list(INNER)].mean() < 3 * up[list(OUTER)].mean() - 0.02
    up = moved(rest, AU02=1.0)[:, 1]
    assert up[list(OUTER)].mean() < -0.06
    assert up[list(OUTER)].mean() < 2 * up[list(INNER)].mean()
    frown = moved(rest, AU04=1.0)
    assert frown[list(INNER), 1].mean() > 0.04
    assert frown[22, 0] - frown[21, 0] < -0.04


def test_lids(rest: np.ndarray) -> None:
    assert opening(landmarks(vectors(AU43=1.0))[0]) < 0.015
    assert opening(landmarks(vectors(AU43=1.0, AU05=1.0))[0]) < 0.015
    assert opening(landmarks(vectors(AU05=1.0))[0]) > 1.2 * opening(rest)
    for name in ("AU06", "AU07"):
        assert opening(landmarks(vectors(**{name: 1.0}))[0]) < 0.8 * opening(rest)
    assert moved(rest, AU06=1.0)[[40, 41, 46, 47], 1].mean() < -0.02


def test_lids_close_for_every_identity() -> None:
    batch = vectors(16, AU43=1.0)
    batch[:, IDENTITY] = np.random.default_rng(5).random((16, 208))
    points = landmarks(batch)
    for a, b in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert np.abs(points[:, b, 1] - points[:, a, 1]).max() < 0.03


def test_mouth(rest: np.ndarray) -> None:
    smile = moved(rest, AU12=1.0)
    assert smile[list(CORNERS), 1].mean() < -0.08
    assert smile[54, 0] - smile[48, 0] > 0.12
    assert moved(rest, AU15=1.0)[list(CORNERS), 1].mean() > 0.06
    stretch = moved(rest, AU20=1.0)
    assert stretch[54, 0] - stretch[48, 0] > 0.15
    assert stretch[list(CORNERS), 1].mean() > 0
    assert moved(rest, AU18=1.0)[54, 0] < -0.08
    assert moved(rest, AU10=1.0)[[50, 51, 52], 1].mean() < -0.05
    assert moved(rest, AU16=1.0)[57, 1] > 0.05
    assert moved(rest, AU17=1.0)[57, 1] < -0.03
    assert moved(rest, AU14=1.0)[54, 2] > 0.05


def test_lip_thickness(rest: np.ndarray) -> None:
    def thickness(points: np.ndarray) -> float:
        return float(points[57, 1] - points[51, 1])

    for name in ("AU23", "AU24"):
        assert thickness(landmarks(vectors(**{name: 1.0}))[0]) < 0.85 * thickness(rest)


def test_lips_part_with_25_and_the_jaw_drops_with_26(rest: np.ndarray) -> None:
    gap = moved(rest, AU25=1.0)
    assert gap[66, 1] - gap[62, 1] > 0.06
    drop = moved(rest, AU26=1.0)
    assert drop[8, 1] > 0.2
    assert drop[66, 1] - drop[62, 1] > 0.15
    assert np.abs(drop[27:31]).max() < 0.02


def test_nose_wrinkle(rest: np.ndarray) -> None:
    move = moved(rest, AU09=1.0)
    assert move[[31, 35], 1].mean() < -0.03
    assert move[list(INNER), 1].mean() > 0.02


def test_jaw_goes_to_the_persons_own_side(rest: np.ndarray) -> None:
    assert moved(rest, AU30L=1.0)[8, 0] > 0.08
    assert moved(rest, AU30R=1.0)[8, 0] < -0.08


def test_no_identity_parts_the_lips() -> None:
    batch = vectors(32)
    batch[:, IDENTITY] = np.random.default_rng(7).random((32, 208))
    points = landmarks(batch)
    assert np.abs(points[:, 66, 1] - points[:, 62, 1]).max() < 0.01


def test_identity_keeps_a_human_face() -> None:
    batch = vectors(64)
    batch[:, IDENTITY] = np.random.default_rng(11).random((64, 208))
    points = landmarks(batch)
    eyes = points[:, 42:48].mean(axis=1) - points[:, 36:42].mean(axis=1)
    assert eyes[:, 0].min() > 0.85
    assert eyes[:, 0].max() < 1.15
    assert (points[:, 8, 1] > points[:, 57, 1] + 0.2).all()
    assert (points[:, 51, 1] > points[:, 33, 1] + 0.05).all()
    assert points.std(axis=0).max() > 0.02


def test_base_au_is_neutral_and_offsets_are_proportional(rest: np.ndarray) -> None:
    half = moved(rest, AU12=BASE_AU + 0.5 * (1 - BASE_AU))
    assert np.allclose(half[CORNERS, :], 0.5 * moved(rest, AU12=1.0)[CORNERS, :], atol=0.01)
    assert np.abs(moved(rest, AU12=0.0)).max() == 0


def test_pose_turns_the_nose_the_right_way(rest: np.ndarray) -> None:
    turned, nodded = vectors(), vectors()
    turned[0, 0], nodded[0, 1] = 1.0, 1.0
    assert landmarks(turned)[0, 30, 0] > 0.5
    assert landmarks(nodded)[0, 30, 1] > rest[30, 1] + 0.3


def test_nuisance(rest: np.ndarray) -> None:
    def with_(**numbers: float) -> np.ndarray:
        row = np.zeros((1, len(NUISANCE_NAMES)), np.float32)
        for name, value in numbers.items():
            row[0, NUISANCE_NAMES.index(name)] = value
        return row

    rolled = landmarks(vectors(), with_(roll=1.0))[0]
    assert rolled[45, 1] > rolled[36, 1] + 0.3
    lopsided = landmarks(vectors(AU12=1.0), with_(asymmetry=1.0))[0] - rest
    assert lopsided[54, 1] < 1.5 * lopsided[48, 1] < 0
    assert landmarks(vectors(), with_(jaw_forward=1.0))[0, 8, 2] < rest[8, 2] - 0.05
    model = face_model()
    ball = np.unique(model.triangles[model.eye_side == 1])
    pole = ball[np.linalg.norm(model.uv[ball] - 0.5, axis=1).argmin()]
    straight, looking = (model.deform(vectors(), with_(gaze_x=x)).vertices[0, pole] for x in (0.0, 1.0))
    assert looking[0] > straight[0] + 0.05


def test_creases_follow_their_action_units() -> None:
    model = face_model()
    names = [crease.name for crease in model.creases]
    strength = model.deform(vectors(AU04=1.0)).creases[0]
    assert strength[names.index("l_glabella")] == pytest.approx(1.0)
    assert strength[names.index("l_dimple")] == 0
    assert model.deform(vectors()).creases.max() == 0


def test_batches_equal_single_faces_and_repeat_exactly() -> None:
    rng = np.random.default_rng(2)
    batch = rng.random((5, SIZE)).astype(np.float32)
    nuisance = rng.uniform(-1, 1, (5, len(NUISANCE_NAMES))).astype(np.float32)
    model = face_model()
    together = model.deform(batch, nuisance)
    again = model.deform(batch, nuisance)
    assert np.array_equal(together.vertices, again.vertices)
    for k in range(5):
        alone = model.deform(batch[k : k + 1], nuisance[k : k + 1])
        assert np.allclose(alone.vertices[0], together.vertices[k], atol=2e-5)
    assert np.isfinite(together.vertices).all()
    assert model.deform(batch[:0]).vertices.shape == (0, len(model.uv), 3)


def test_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match="269"):
        face_model().deform(np.zeros((1, 10), np.float32))

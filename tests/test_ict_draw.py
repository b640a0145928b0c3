"""The drawing half of the engine ict, on a miniature face that the test makes itself; a few tests on the real asset
where it is."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from aubench.contracts import PARSING_CLASSES
from aubench.drawing.raster import TOWARDS, project, vertex_normals
from aubench_plugins.ict.camera import crop_camera
from aubench_plugins.ict.materials import EYEBALL, FACE
from aubench_plugins.ict.regions import chart_classes
from aubench_plugins.ict.render.brows import brow_picture
from aubench_plugins.ict.render.folds import paint_folds
from aubench_plugins.ict.render.light import COSINE, harmonics, soft_lamp
from aubench_plugins.ict.render.look import game_look, photo_look
from aubench_plugins.ict.render.person import skin_tone
from aubench_plugins.ict.render.sky_visibility import turned
from aubench_plugins.ict.render.stage import Stage

CLASS = {name: n for n, name in enumerate(PARSING_CLASSES)}

MARKS = np.array(
    [(0.14, 0.71), (0.16, 0.62), (0.17, 0.53), (0.18, 0.46), (0.21, 0.37), (0.28, 0.30), (0.35, 0.28), (0.43, 0.28),
     (0.50, 0.28), (0.57, 0.28), (0.65, 0.28), (0.72, 0.30), (0.79, 0.37), (0.82, 0.46), (0.83, 0.53), (0.84, 0.62),
     (0.86, 0.71), (0.24, 0.80), (0.30, 0.81), (0.35, 0.81), (0.41, 0.81), (0.46, 0.80), (0.54, 0.80), (0.59, 0.81),
     (0.65, 0.81), (0.70, 0.81), (0.76, 0.80), (0.50, 0.72), (0.50, 0.68), (0.50, 0.65), (0.50, 0.61), (0.43, 0.54),
     (0.47, 0.54), (0.50, 0.54), (0.53, 0.54), (0.57, 0.54), (0.315, 0.719), (0.34, 0.729), (0.37, 0.728), (0.40,
     0.714), (0.37, 0.708), (0.33, 0.708), (0.60, 0.714), (0.63, 0.728), (0.66, 0.729), (0.685, 0.719), (0.67, 0.708),
     (0.63, 0.708), (0.39, 0.44), (0.42, 0.49), (0.47, 0.51), (0.50, 0.51), (0.53, 0.51), (0.58, 0.49), (0.61, 0.44),
     (0.59, 0.38), (0.56, 0.36), (0.50, 0.36), (0.44, 0.36), (0.41, 0.38), (0.41, 0.434), (0.46, 0.466), (0.50, 0.469),
     (0.54, 0.466), (0.59, 0.434), (0.556, 0.395), (0.50, 0.391), (0.444, 0.395)]
)  # fmt: skip
"""Where a face's 68 points lie on a chart, u to the right and v upwards."""


class Toy:
    """A bent sheet of skin with a chart, and one eyeball before it."""

    def __init__(self, side: int = 57) -> None:
        axis = np.linspace(0.0, 1.0, side)
        u, v = np.meshgrid(axis, axis)
        x, y = (u - 0.5) * 20.0, (v - 0.565) * 25.0
        self.skin = side * side
        sheet = np.stack([x, y, 10.0 - 0.07 * x**2 - 0.015 * y**2], axis=-1).reshape(-1, 3)
        index = np.arange(self.skin).reshape(side, side)
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
        faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
        turn = np.linspace(0, 2 * np.pi, 17)[:-1]
        disc = np.concatenate([[[0.0, 0.0]], np.stack([np.cos(turn), np.sin(turn)], 1)])
        ball = np.column_stack([3.2 + 0.9 * disc[:, 0], 4.0 + 0.6 * disc[:, 1], np.full(17, 10.2)])
        fan = np.array([[0, 1 + k, 1 + (k + 1) % 16] for k in range(16)]) + self.skin
        self.vertices = np.concatenate([sheet, ball]).astype(np.float32)
        self.triangles = np.concatenate([faces, fan]).astype(np.int32)
        chart = np.concatenate([np.stack([u, v], -1).reshape(-1, 2), 0.493 + 0.3 * disc])
        self.uv = chart[self.triangles].astype(np.float32)
        self.material = np.where(np.arange(len(self.triangles)) < len(faces), FACE, EYEBALL).astype(np.int32)
        cells = np.round(MARKS * (side - 1)).astype(int)
        self.landmarks = (cells[:, 1] * side + cells[:, 0]).astype(np.int32)
        self.chart = chart.astype(np.float32)
        self.chart[self.skin :] = np.nan


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy()


@pytest.fixture(scope="module")
def stage(toy: Toy) -> Stage:
    return Stage(toy, toy.vertices, chart_classes(toy.landmarks, toy.chart), 96)


def face(toy: Toy, **au: float) -> Any:
    from aubench.parameters import AU_NAMES

    strengths = np.array([au.get(name, 0.0) for name in AU_NAMES])
    brows = np.zeros(36, np.float32)
    brows[0] = 1.0
    return SimpleNamespace(
        vertices=toy.vertices, rest=toy.vertices, rotation=np.eye(3, dtype=np.float32),
        translation=np.zeros(3, np.float32), au=strengths, brows=brows,
    )  # fmt: skip


def camera_of(toy: Toy, size: int = 96) -> Any:
    return crop_camera(toy.vertices[toy.landmarks], size, distance=90.0)


def test_projection_agrees_with_the_camera(toy: Toy) -> None:
    camera = camera_of(toy)
    out = np.empty_like(toy.vertices)
    project(toy.vertices, camera.distance, TOWARDS, camera.warp, out)
    seen = camera.project(toy.vertices)
    np.testing.assert_allclose(out[:, :2], seen[:, :2], atol=1e-3)
    np.testing.assert_allclose(1.0 / out[:, 2], seen[:, 2], rtol=1e-5)


def test_normals_point_to_the_camera(toy: Toy) -> None:
    normals = np.empty_like(toy.vertices)
    vertex_normals(toy.vertices, toy.triangles, normals)
    assert (normals[:, 2] > 0.3).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)


def test_a_soft_lamp_lights_what_faces_it_with_its_colour() -> None:
    way = np.array([[0.0, 0.6, 0.8]])
    for width in (0.2, 0.8, 1.3):
        sky = soft_lamp(way[0], np.array([0.5, 0.4, 0.3]), width)
        np.testing.assert_allclose((harmonics(way) * COSINE) @ sky, [[0.5, 0.4, 0.3]], atol=1e-9)
        assert ((harmonics(-way) * COSINE) @ sky)[0, 0] < 0.25


def test_a_turned_head_sees_the_sky_from_another_side() -> None:
    sky = soft_lamp(np.array([1.0, 0.0, 0.0]), np.ones(3), 0.5)
    quarter = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # head's z looks along camera's x
    own = turned(sky, quarter)
    expected = soft_lamp(np.array([0.0, 0.0, 1.0]), np.ones(3), 0.5)
    np.testing.assert_allclose(own, expected, atol=1e-5)


def test_skin_darkens_with_melanin_and_stays_warm() -> None:
    tones = np.array([skin_tone(m) for m in np.linspace(0, 1, 12)])
    assert (np.diff(tones, axis=0) < 0).all()
    assert (tones[:, 0] > tones[:, 1]).all()
    assert (tones[:, 1] > tones[:, 2]).all()


def test_looks_come_from_seeds_alone() -> None:
    one, again, other = photo_look(5, 2), photo_look(5, 2), photo_look(6, 2)
    assert one.hair == again.hair
    np.testing.assert_array_equal(one.lights.sky, again.lights.sky)
    assert one.shot == again.shot
    assert not np.array_equal(one.lights.sky, other.lights.sky)
    next_frame = photo_look(5, 3)
    np.testing.assert_array_equal(one.person.tints, next_frame.person.tints)
    assert one.shot != next_frame.shot
    hairs = {photo_look(n).hair for n in range(120)}
    assert {"bald", "short", "long", "fringe", "curly"} <= hairs
    melanin = [photo_look(n).person.melanin for n in range(120)]
    assert min(melanin) < 0.08
    assert max(melanin) > 0.85


def test_creases_deepen_with_their_action_units_and_age() -> None:
    from aubench.parameters import AU_NAMES

    folds = paint_folds(MARKS * (1, -1) + (0, 1), 256)
    idle = folds.strengths(np.zeros(23), 0.0, 1.0)
    assert idle.max() == 0.0
    assert folds.strengths(np.zeros(23), 0.9, 1.0).max() > 0.2
    for name in ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12"):
        au = np.zeros(23)
        au[AU_NAMES.index(name)] = 1.0
        assert folds.strengths(au, 0.2, 1.0).max() > 0.4, name


def test_every_brow_style_is_its_own() -> None:
    points = MARKS * (1, -1) + (0, 1)
    pictures = [brow_picture(np.eye(36)[n], points) for n in range(36)]
    covers = np.array([picture[..., 0].sum() for picture in pictures])
    assert (covers > 500).all()
    assert covers[:6].mean() > 1.3 * covers[6:12].mean()  # dense more than sparse
    flat = np.array([picture[..., 0].ravel() for picture in pictures])
    assert np.linalg.norm(flat[:, None] - flat[None], axis=2)[~np.eye(36, dtype=bool)].min() > 5.0


def test_the_toy_is_drawn_with_its_classes(toy: Toy, stage: Stage) -> None:
    drawn = stage.draw(face(toy), camera_of(toy), game_look())
    assert drawn.image.shape == (96, 96, 3)
    assert drawn.image.dtype == np.uint8
    found = set(np.unique(drawn.parsing))
    assert {CLASS[name] for name in ("skin", "l_brow", "r_brow", "nose", "u_lip", "l_lip", "l_eye", "hair")} <= found
    marks = camera_of(toy).project(toy.vertices[toy.landmarks])
    column, row = np.round(marks[30, :2]).astype(int)
    assert drawn.parsing[row, column] == CLASS["nose"]
    assert drawn.depth[row, column] == pytest.approx(marks[30, 2], rel=0.02)
    assert np.isinf(drawn.depth[drawn.parsing == CLASS["background"]]).mean() > 0.7


def test_equal_arguments_give_equal_pixels_and_faces_differ_by_light(toy: Toy, stage: Stage) -> None:
    camera = camera_of(toy)
    one = stage.draw(face(toy), camera, photo_look(3, 1))
    stage.draw(face(toy, AU01=1.0), camera, photo_look(8, 0))
    again = stage.draw(face(toy), camera, photo_look(3, 1))
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.parsing, again.parsing)
    np.testing.assert_array_equal(one.depth, again.depth)


def test_a_raised_brow_wrinkles_the_forehead(toy: Toy, stage: Stage) -> None:
    camera = camera_of(toy)
    calm = stage.draw(face(toy), camera, game_look()).image.astype(float)
    raised = stage.draw(face(toy, AU01=1.0, AU02=1.0), camera, game_look()).image.astype(float)
    level = int(camera.project(toy.vertices[toy.landmarks[[19, 24]]])[:, 1].mean())
    change = np.abs(raised - calm).mean(axis=(1, 2))
    assert change[: level - 2].max() > 1.0
    assert change[: level - 2].max() > 3.0 * change[level + 14 :].max()


def test_dark_skin_comes_out_darker_but_not_black(toy: Toy, stage: Stage) -> None:
    camera, looks = camera_of(toy), []
    for melanin in (0.05, 0.95):
        person = replace(game_look().person, tints=game_look().person.tints.copy())
        person.tints[0] = skin_tone(melanin)
        grey = float(person.tints[0] @ (0.3, 0.6, 0.1))
        looks.append(replace(game_look(), person=person, target=0.27 * (grey / 0.3) ** 0.55))
    levels = [
        drawn.image[drawn.parsing == CLASS["skin"]].mean()
        for drawn in (stage.draw(face(toy), camera, look) for look in looks)
    ]
    assert levels[0] > 1.5 * levels[1]
    assert levels[1] > 15


def test_an_occluder_hides_what_is_behind_it(toy: Toy, stage: Stage) -> None:
    look = photo_look(4, 0)
    assert look.shot is not None
    plain = stage.draw(face(toy), camera_of(toy), replace(look, shot=replace(look.shot, occluder=None)))
    hidden = stage.draw(face(toy), camera_of(toy), replace(look, shot=replace(look.shot, occluder=11)))
    lost = (plain.parsing != CLASS["background"]) & (hidden.parsing == CLASS["background"])
    assert lost.sum() > 100
    assert np.abs(plain.image.astype(int) - hidden.image)[lost].mean() > 5


def test_glasses_and_hats_are_labelled(toy: Toy, stage: Stage) -> None:
    camera = camera_of(toy)
    sun = stage.draw(face(toy), camera, replace(game_look(), glasses="sun"))
    assert (sun.parsing == CLASS["eye_g"]).sum() > 300
    rims = stage.draw(face(toy), camera, replace(game_look(), glasses="square"))
    assert 30 < (rims.parsing == CLASS["eye_g"]).sum() < 900


@pytest.mark.skipif("AUBENCH_ASSET_ICT" not in os.environ, reason="needs ICT-FaceKit: set AUBENCH_ASSET_ICT")
def test_the_real_asset_shows_every_part_of_a_laughing_face() -> None:
    from aubench.parameters import AU, AU_NAMES, BASE_AU, BROW, SIZE
    from aubench_plugins.ict.model import face_model
    from aubench_plugins.ict.render.mesh import mesh_of

    model = face_model()
    topology = model.topology
    stage = Stage(topology, model.rig.base, chart_classes(topology.landmarks, topology.chart), 128)
    assert mesh_of(topology, model.rig.base, views=4).lashes.shape == (12, 19, 6)
    vector = np.full(SIZE, 0.5, np.float32)
    vector[AU], vector[BROW] = BASE_AU, 0.0
    vector[BROW.start] = 1.0
    for name, value in (("AU12", 0.8), ("AU25", 0.8), ("AU26", 0.5)):
        vector[AU.start + AU_NAMES.index(name)] = value
    posed = model.pose(vector)
    marks = posed.in_camera(posed.vertices[topology.landmarks])
    drawn = stage.draw(posed, crop_camera(marks, 128), game_look())
    share = np.bincount(drawn.parsing.ravel(), minlength=19) / drawn.parsing.size
    for name, least in (("skin", 0.3), ("l_eye", 1e-3), ("r_eye", 1e-3), ("mouth", 0.004), ("u_lip", 4e-3),
                        ("l_lip", 4e-3), ("nose", 0.02), ("hair", 0.01),
                        ("l_brow", 4e-3), ("r_brow", 4e-3)):  # fmt: skip
        assert share[CLASS[name]] > least, name
    teeth = drawn.image[drawn.parsing == CLASS["mouth"]]
    assert teeth.max() > 120

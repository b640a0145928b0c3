"""What engines share (``aubench.drawing``): the rasteriser, the crop, the camera, and the base class of engines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from refusals import refused

from aubench.contracts import TEMPLATE, Engine
from aubench.drawing.alignment import crop_warp, five_points
from aubench.drawing.arrays import Floats
from aubench.drawing.camera_effects import develop, motion_blur, sample_shot
from aubench.drawing.engine import EngineBase, Framing, Rendered
from aubench.drawing.raster import AWAY, BOTH, CUTOUT, FRONT, HIDDEN, LINED, TOWARDS, draw_strands, project, rasterise
from aubench.drawing.raster import vertex_normals as normals_of
from aubench.drawing.shading import most_frequent, tone_curve
from aubench.drawing.sky import depth_maps
from aubench.parameters import FacialParameters
from aubench.predict.align import similarity

BUFFERS = np.empty((12, 12), np.int32), np.empty((12, 12), np.float32)
CORNER = np.array([[0, 0, 1], [0, 9, 1], [9, 0, 0.5]], np.float32)
FACING = np.array([[0, 1, 2]], np.int32)
TURNED = np.array([[0, 2, 1]], np.int32)


def drawn(triangles: np.ndarray, mode: int, **options: Floats) -> np.ndarray:
    rasterise(CORNER, triangles, np.array([mode], np.uint8), *BUFFERS, lining=0.5, **options)
    return np.asarray(BUFFERS[0] == 0)


# --- the rasteriser ---------------------------------------------------------------------------------------------------


def test_a_triangle_is_covered_once_and_its_back_is_culled() -> None:
    assert drawn(FACING, FRONT).sum() == 55
    assert BUFFERS[1][0, 0] == pytest.approx(1.0)
    assert BUFFERS[1][0, 9] == pytest.approx(0.5)
    assert drawn(TURNED, FRONT).sum() == 0
    assert drawn(TURNED, BOTH).sum() == 55
    assert drawn(FACING, HIDDEN).sum() == 0


def test_the_nearer_triangle_wins() -> None:
    near, far = 0.5, 0.25
    screen = np.array([[0, 0, far], [0, 8, far], [8, 0, far], [0, 0, near], [0, 4, near], [4, 0, near]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    ids, depth = np.empty((8, 8), np.int32), np.empty((8, 8), np.float32)
    rasterise(screen, triangles, np.full(2, FRONT, np.uint8), ids, depth, lining=0.0)
    assert ids[1, 1] == 1
    assert ids[3, 3] == 0
    assert ids[7, 7] == -1
    assert depth[1, 1] == near
    turned_away = np.ascontiguousarray(triangles[:, ::-1])
    rasterise(screen, turned_away, np.full(2, FRONT, np.uint8), ids, depth, lining=0.0)
    assert (ids == -1).all()


def test_the_inner_side_of_a_lined_triangle_lies_farther_away() -> None:
    assert drawn(FACING, LINED).sum() == 55
    assert BUFFERS[1][0, 0] == pytest.approx(1.0)
    assert drawn(TURNED, LINED).sum() == 55
    assert 1 / BUFFERS[1][0, 0] == pytest.approx(1.0 + 0.5)


def test_cut_outs_have_holes_where_their_layer_is_low() -> None:
    uv = np.array([[0, 0], [0, 1], [1, 0]], np.float32)
    layers = np.ones((2, 8, 8), np.float32)
    layers[1, :4] = 0.4  # the upper half, v < 0.5
    assert drawn(TURNED, CUTOUT, uv=uv, alpha=layers).sum() == 55
    assert BUFFERS[0][8, 0] == 0
    holed = drawn(TURNED, CUTOUT + 1, uv=uv, alpha=layers)
    assert not holed[0].any()
    assert holed[8, 0]


def test_strands_cover_what_they_cross_and_hide_behind_surfaces() -> None:
    over, front = np.zeros((9, 9, 4), np.float32), np.zeros((9, 9), np.float32)
    what, near = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.float32)
    near[:, 5:] = 0.2
    screen = np.array([[-1, 4, 0.1], [9.5, 4, 0.1]], np.float32)
    draw_strands(
        screen, np.array([0, 2], np.int32), np.full(2, 1.0, np.float32), np.ones(2, np.float32),
        np.tile(np.array([0.3, 0.2, 0.1], np.float32), (2, 1)), np.array([17], np.uint8), 0.1, near, over, front, what,
    )  # fmt: skip
    np.testing.assert_allclose(over[4, 2], [0.3, 0.2, 0.1, 1.0], atol=1e-5)
    assert what[4, 2] == 17
    assert over[4, 6, 3] == 0.0
    assert over[1].sum() == 0.0


def test_both_kinds_of_axes_show_the_same_picture() -> None:
    points = np.random.default_rng(0).normal(0, 1, (20, 3)).astype(np.float32)
    warp = np.array([[3, 1, 5], [-1, 3, 6]], np.float32)
    one, other = np.empty_like(points), np.empty_like(points)
    project(points, 9.0, AWAY, warp, one)
    project(points * np.array([1, -1, -1], np.float32), 9.0, TOWARDS, warp, other)
    assert np.array_equal(one, other)
    middle = np.empty((1, 3), np.float32)
    project(np.array([[2, 1, 0]], np.float32), 9.0, AWAY, warp, middle)
    np.testing.assert_allclose(middle, [[3 * 2 + 1 + 5, -2 + 3 + 6, 1 / 9]], rtol=1e-6)


def test_twins_share_a_normal() -> None:
    """Two triangles that meet at a right angle, with two vertices of their own on the edge."""
    vertices = np.array(
        [[0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, -1]], np.float32
    )  # fmt: skip
    triangles = np.array([[2, 0, 1], [3, 5, 4]], np.int32)
    apart, smooth = np.empty_like(vertices), np.empty_like(vertices)
    normals_of(vertices, triangles, apart)
    normals_of(vertices, triangles, smooth, np.array([0, 1, 2, 0, 1, 5], np.int32))
    np.testing.assert_allclose(apart[[0, 3]], [[0, 0, 1], [1, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(smooth[[0, 3]], [[0.5**0.5, 0, 0.5**0.5]] * 2, atol=1e-6)


def test_depth_maps_show_the_side_that_is_seen() -> None:
    box = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 3)], np.float32)
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))], np.int32)
    seen = depth_maps(box, triangles, np.full(12, BOTH, np.uint8), 40, 32)
    assert seen.maps.shape == (40, 32, 32)
    heights = seen.maps.reshape(40, -1).max(axis=1)
    np.testing.assert_allclose(heights, (box @ seen.directions.T).max(axis=0), atol=0.15)


def test_the_most_frequent_class_wins_and_the_first_of_several() -> None:
    assert most_frequent(np.array([3, 5, 5, 1])) == 5
    assert most_frequent(np.array([3, 5, 5, 3])) == 3


def test_the_tone_curve_rises_to_white() -> None:
    curve = tone_curve()
    assert curve[0] == 0.0
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 255.0
    assert (tone_curve(gain=0.5) <= curve).all()


# --- the camera -------------------------------------------------------------------------------------------------------


def test_similarity_recovers_a_turn() -> None:
    points = np.random.default_rng(0).normal(size=(7, 2))
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])
    np.testing.assert_allclose(similarity(points, points @ turn.T + (3, 4)), np.column_stack([turn, (3, 4)]), atol=1e-9)
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((4, 2)), points[:4])


def landmarks() -> Floats:
    """Some whose five points lie as on the template, in a unit of their own."""
    marks = np.zeros((68, 2))
    for rows, place in zip((slice(36, 42), slice(42, 48), 30, 48, 54), TEMPLATE, strict=True):
        marks[rows] = 7.0 * np.array(place) - 2.0
    return marks


def test_a_crop_brings_five_points_to_the_template() -> None:
    warp = crop_warp(landmarks(), 100)
    seen = five_points(landmarks()) @ warp[:, :2].T + warp[:, 2]
    np.testing.assert_allclose(seen, np.array(TEMPLATE) * 100, atol=1e-6)


def test_errors_of_a_crop_are_about_its_middle() -> None:
    nuisance = np.zeros(9, np.float32)
    plain, moved = crop_warp(landmarks(), 101), crop_warp(landmarks(), 101, angle=0.3, scale=1.2, shift=(0.1, 0.0))
    middle = np.linalg.solve(plain[:, :2], 50.0 - plain[:, 2])
    np.testing.assert_allclose(moved[:, :2] @ middle + moved[:, 2], [50 + 10.1, 50], atol=1e-9)
    assert np.linalg.det(moved[:, :2]) == pytest.approx(1.44 * np.linalg.det(plain[:, :2]))
    np.testing.assert_array_equal(crop_warp(landmarks(), 101, nuisance=nuisance), plain)


@dataclass(frozen=True)
class Plain:
    lens_blur: float = 0.0
    noise: float = 0.0
    vignette: float = 0.0
    resolution: float = 1.0
    grey: bool = False


def test_each_effect_of_a_camera_is_seen() -> None:
    rng = np.random.default_rng(0)
    smooth_wave = np.sin(np.arange(48) / 7)[None, :, None] * np.ones((48, 1, 3)) * (60, 40, 20)
    image = (120 + smooth_wave + rng.normal(0, 4, (48, 48, 3))).astype(np.float32)
    still = replace(
        sample_shot(rng, steady=0.0, quality=98, lowest_quality=98, motion=0.0, occluded=0.0), blur=0.0, gain=1.0
    )
    assert still.scale == 1.0
    assert still.occluder is None
    plain = develop(image.copy(), Plain(), still)
    assert np.abs(plain - image).mean() < 3
    for change in (
        {"lens_blur": 0.02}, {"noise": 9.0}, {"vignette": 0.3}, {"resolution": 0.5}, {"grey": True}
    ):  # fmt: skip
        assert np.abs(develop(image.copy(), Plain(**change), still).astype(int) - plain).mean() > 1.5, change
    grey = develop(image.copy(), Plain(grey=True), still).astype(int)
    assert np.abs(grey[..., 0] - grey[..., 2]).max() <= 6
    assert develop(image.copy(), Plain(), replace(still, gain=1.2)).mean() > 1.1 * plain.mean()


def test_motion_blurs_along_its_vector_only() -> None:
    image = np.zeros((21, 21, 1), np.float32)
    image[10, 10] = 1.0
    blurred = motion_blur(image, np.array([6.0, 0.0]))
    assert np.flatnonzero(blurred.reshape(21, 21).sum(axis=0) > 0.01).size >= 6
    assert blurred.reshape(21, 21)[10].sum() > 0.9
    assert motion_blur(image, np.zeros(2)) is image


# --- the base class ---------------------------------------------------------------------------------------------------


class Noted(EngineBase):
    """Draws nothing, and writes down what it was asked for."""

    def __init__(self, gap: float = 0.0) -> None:
        super().__init__(64, gap=gap, interocular=6.0)
        self.asked: list[tuple[object, ...]] = []

    def render_one(
        self, vector: Floats, look: int | None, shot: int, nuisance: Floats | None, framing: Framing
    ) -> Rendered:
        self.asked.append((vector, look, shot, nuisance, framing))
        grey = np.full((64, 64, 3), 51 if look is None else look, np.uint8)
        return Rendered(
            grey, np.ones((64, 64), np.uint8), np.full((68, 2), shot, np.float32), np.ones((64, 64), np.float32)
        )


def test_a_new_engine_writes_how_one_face_is_drawn() -> None:
    engine = Noted()
    assert isinstance(engine, Engine)
    faces = engine.sample(3, seed=1)
    nuisance = np.full((3, 9), 7.0, np.float32)
    drawn = engine.draw(faces, style="photo", looks=[10, 20, 30], shots=[4, 5, 6], nuisance=nuisance)
    assert drawn.image.shape == (3, 3, 64, 64)
    assert drawn.image[:, 0, 0, 0].tolist() == pytest.approx([10 / 255, 20 / 255, 30 / 255])
    assert drawn.landmarks is not None
    assert drawn.landmarks[:, 0, 0].tolist() == [4, 5, 6]
    vector, look, shot, extra, framing = engine.asked[1]
    np.testing.assert_array_equal(vector, faces.vector()[1].numpy())
    assert (look, shot, framing) == (20, 5, "crop")
    np.testing.assert_array_equal(extra, np.ones(9))
    engine.draw(faces)
    assert engine.asked[-1][1:4] == (None, 0, None)


def test_parameters_out_of_range_are_clipped_and_faces_sampled_anew_are_others() -> None:
    engine = Noted()
    engine.render(np.full((1, 269), 3.0, np.float32))
    np.testing.assert_array_equal(engine.asked[0][0], np.ones(269))
    one, again, other = (engine.sample(5, seed).vector() for seed in (1, 1, 2))
    assert (one == again).all()
    assert not (one == other).all()


def test_only_people_of_photo_looks_vary_and_only_with_a_gap() -> None:
    assert Noted().variation(3) is None
    assert Noted(gap=1.0).variation(None) is None
    own = Noted(gap=0.5).variation(3)
    assert own is not None
    assert (own.gap, own.unit) == (0.5, 6.0)


def test_mistakes_are_named() -> None:
    engine, vectors = Noted(), FacialParameters.base(2).vector().numpy()
    with refused("option-invalid", 269, 268):
        engine.render(vectors[:, :-1])
    with refused("option-invalid", "NaN"):
        engine.render(np.where(np.arange(269) == 5, np.nan, vectors))
    with refused("option-invalid", "'oil'"):
        engine.render(vectors, style="oil")  # type: ignore[arg-type]
    with refused("option-invalid", "shots", 3):
        engine.render(vectors, style="photo", shots=[1, 2, 3])
    with refused("option-invalid", "nuisance", "(2, 8)"):
        engine.render(vectors, nuisance=np.zeros((2, 8), np.float32))
    assert engine.asked == []

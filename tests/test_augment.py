"""Augmentation: nothing where nothing is asked, the right way where something is, the same for the same seed."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from pydantic import ValidationError
from scipy.linalg import lu_factor

from aubench.contracts import TEMPLATE, Frames
from aubench.data.augment import Augmentation, Copies, augment, augment_batch, augmented, key, thinplate
from aubench.data.augment.batch import MOVING, draw
from aubench.data.augment.expression import STEEPEST, backward, displacement, field, generic_plate
from aubench.data.augment.fill import fill
from aubench.data.augment.maps import look_up
from aubench.data.augment.points import complete, five, moved, realigned, similarity, turned
from aubench.data.augment.pose import Turn, cells, generic_relief, search
from aubench.data.augment.prior import face
from aubench.data.augment.sheet import Crop, sheet
from aubench.data.augment.thinplate import CELLS, ThinPlate
from aubench.parameters import AU_NAMES

SIZE = 128
NOSE, CHIN, LEFT_EYE, RIGHT_EYE = 30, 8, slice(36, 42), slice(42, 48)


def picture(size: int = SIZE, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), size / 20), None, 0, 255, cv2.NORM_MINMAX)


def landmarks(size: int = SIZE) -> np.ndarray:
    return face().landmarks[:, :2] * size - 0.5


def strengths(**values: float) -> np.ndarray:
    given = np.zeros(len(AU_NAMES), np.float32)
    for name, value in values.items():
        given[AU_NAMES.index(name)] = value
    return given


# --- the generic face ----------------------------------------------------------------------------------------------


def test_the_generic_face_is_an_aligned_face() -> None:
    np.testing.assert_allclose(five(face().landmarks[:, :2]), TEMPLATE, atol=0.02)
    z = face().landmarks[:, 2]
    assert z[NOSE] > z[LEFT_EYE].max() > z[[0, 16]].max(), "the nose stands out, the ears lie back"
    assert face().height.min() >= 0
    np.testing.assert_allclose(face().height, face().height[:, ::-1], atol=1e-3)


def test_aus_move_the_generic_face_as_they_should() -> None:
    moves = dict(zip(AU_NAMES, face().moves, strict=True))
    assert moves["AU12"][48, 1] < -0.02, "a smile lifts the mouth's corners"
    assert moves["AU12"][48, 0] < 0 < moves["AU12"][54, 0], "and draws them apart"
    assert moves["AU15"][[48, 54], 1].min() > 0.01
    assert moves["AU01"][[21, 22], 1].max() < -0.02
    assert moves["AU04"][[21, 22], 1].min() > 0.01
    assert moves["AU26"][57, 1] > 0.03


# --- nothing asked, nothing done -------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [None, landmarks()])
def test_without_pose_and_expression_the_crop_stays_as_it_is(own: np.ndarray | None) -> None:
    made = augment(picture(), own)
    np.testing.assert_array_equal(made.image, picture())
    np.testing.assert_allclose(made.landmarks, landmarks(), atol=1e-2)
    assert made.filled.max() == 0


def test_switched_off_nothing_changes() -> None:
    batch = np.stack([picture(seed=k) for k in range(3)])
    np.testing.assert_array_equal(augment_batch(batch, None, 0, 0, Augmentation(pose=False, expression=False)), batch)


# --- pose ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [None, landmarks()])
def test_yaw_takes_the_nose_to_the_right_and_pitch_down(own: np.ndarray | None) -> None:
    """Against the eyes, as alignment keeps the middle of the five points where it is."""

    def beyond_the_eyes(yaw: float, pitch: float) -> np.ndarray:
        points = augment(picture(), own, yaw=yaw, pitch=pitch).landmarks
        return points[NOSE] - (points[LEFT_EYE].mean(axis=0) + points[RIGHT_EYE].mean(axis=0)) / 2

    still = beyond_the_eyes(0, 0)
    assert beyond_the_eyes(20, 0)[0] - still[0] > 5
    assert beyond_the_eyes(-20, 0)[0] - still[0] < -5
    assert beyond_the_eyes(0, 12)[1] - still[1] > 3
    assert beyond_the_eyes(0, -12)[1] - still[1] < -3


def test_pixels_go_where_landmarks_go() -> None:
    """A white spot on the nose's tip is found where the landmark says, from whatever side."""
    places = landmarks().round().astype(int)
    for point in (NOSE, CHIN - 3, 36, 45, 48, 54):
        image = np.zeros((SIZE, SIZE, 3), np.uint8)
        cv2.circle(image, places[point].tolist(), 3, (255, 255, 255), -1)
        for yaw, pitch in ((18, 0), (-18, 0), (0, 10), (10, -8)):
            made = augment(image, landmarks(), yaw=yaw, pitch=pitch)
            light = made.image[..., 0].astype(float)
            rows, columns = np.mgrid[:SIZE, :SIZE]
            centre = np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()
            np.testing.assert_allclose(centre, made.landmarks[point], atol=2.0)


def test_the_five_points_of_a_turned_face_are_aligned_again() -> None:
    after = augment(picture(), yaw=25, pitch=8, strengths=strengths(AU12=0.8)).landmarks
    again = similarity(five((after + 0.5) / SIZE), np.asarray(TEMPLATE))
    before = similarity(five(face().landmarks[:, :2]), np.asarray(TEMPLATE))
    np.testing.assert_allclose(again, before, atol=5e-3)


def test_the_nose_hides_the_cheek_behind_it_and_not_the_other_way_round() -> None:
    """A surface with a wall: of the two source points that fall on one place, the nearer must be seen."""
    g = 64
    height = np.zeros((g, g), np.float32)
    height[:, 24:40] = 0.3
    turn = Turn.of(30, 0)
    where = cells(g)
    tau, crossed = search(turn.shift(where, height), where, turn.direction)
    source = where[..., 0] - tau
    row = source[g // 2]
    # The ridge, 0.375 to 0.625, moves right by 0.15 and covers what stood there.
    at = int((0.70) * g)
    assert 0.375 < row[at] < 0.625
    # Where it stood on its left something that was hidden comes out.
    assert crossed[g // 2, int(0.43 * g)] < 0.4
    assert crossed[g // 2, at] > 0.6


def test_what_was_hidden_is_filled_and_told() -> None:
    image = np.full((SIZE, SIZE, 3), (200, 150, 120), np.uint8)
    made = augment(image, yaw=40)
    assert 0.01 < (made.filled > 0.5).mean() < 0.3
    np.testing.assert_allclose(made.image.astype(int), image.astype(int), atol=2)


def test_filling_takes_the_colour_of_what_counts() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 200
    keep = np.ones((64, 64), np.float32)
    keep[:, 28:36] = 0
    source = keep.copy()
    source[:, :28] = 0.001
    filled = fill(image, keep, source)
    assert filled[32, 30].min() > 150
    np.testing.assert_array_equal(filled[:, :28], image[:, :28])
    np.testing.assert_array_equal(filled[:, 36:], image[:, 36:])


def test_the_background_stays_while_the_head_turns() -> None:
    shift = generic_relief().shift(Turn.of(25, 0))
    assert np.abs(shift[:, 0]).max() < 1e-6
    assert np.abs(shift[:, -1]).max() < 1e-6
    assert shift.max() > 0.1


def test_landmarks_tell_how_a_head_is_turned() -> None:
    prior = face()
    for yaw in (-30.0, 0.0, 20.0):
        c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
        points = prior.landmarks - [0.5, 0.5, 0]
        seen = (0.9 * points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T)[:, :2] + 0.5
        rotation = turned(seen.astype(np.float32), prior)
        np.testing.assert_allclose(rotation[2], 0.9 * np.array([-s, 0, c]), atol=0.02)


# --- expression ------------------------------------------------------------------------------------------------------


def test_a_thin_plate_goes_through_its_points_and_continues_a_plane() -> None:
    dice = np.random.default_rng(0)
    at = np.unique(dice.integers(2, CELLS - 2, (20, 2)), axis=0)  # on nodes, where nothing is interpolated
    points = (at / (CELLS - 1)).astype(np.float32)
    values = dice.normal(size=(len(at), 1)).astype(np.float32)
    nodes = ThinPlate(points, smoothing=0.0)(values)
    np.testing.assert_allclose(nodes[at[:, 1], at[:, 0]], values, atol=1e-3)
    plane = ThinPlate(points, smoothing=0.0)(points @ np.array([[2.0], [-3.0]], np.float32))[..., 0]
    line = np.linspace(0, 1, CELLS)
    np.testing.assert_allclose(plane, 2 * line[None, :] - 3 * line[:, None], atol=1e-3)


def test_a_thin_plate_is_factorised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(1)
    points, values = dice.random((68, 2)).astype(np.float32), dice.normal(size=(68, 2)).astype(np.float32)
    factorised = []
    monkeypatch.setattr(thinplate, "lu_factor", lambda system: factorised.append(system.copy()) or lu_factor(system))
    plate = ThinPlate(points)
    first, again = plate(values), plate(2 * values)
    assert len(factorised) == 1
    right = np.concatenate([values.astype(np.float64), np.zeros((3, 2))])
    solved = np.linalg.solve(factorised[0], right)
    np.testing.assert_allclose(plate.weights(values), solved, rtol=1e-9, atol=1e-9 * np.abs(solved).max())
    np.testing.assert_allclose(again, 2 * first, rtol=1e-5, atol=1e-5 * np.abs(first).max())


def test_a_smile_lifts_the_corners_and_leaves_the_eyes() -> None:
    made = augment(picture(), strengths=strengths(AU12=0.8))
    move = made.landmarks - landmarks()
    eyes = move[36:48].mean(axis=0)  # alignment moves them a little, all alike
    assert (move - eyes)[[48, 54], 1].max() < -4
    assert np.abs(move[36:48] - eyes).max() < 0.5
    assert made.strengths[AU_NAMES.index("AU12")] == pytest.approx(0.8)


@pytest.mark.parametrize("name", AU_NAMES)
def test_no_expression_folds_the_picture(name: str) -> None:
    """Going there and back again ends where it began, so the map is one to one; too strong a move is weakened."""
    prior = face()
    move = displacement(prior.landmarks[:, :2], prior, 3 * strengths(**{name: 1.0}))
    forward, kept = field(generic_plate(), move)
    assert kept <= 1
    steepest = np.linalg.norm(np.diff(forward, axis=1), axis=2).max() * (CELLS - 1)
    assert steepest <= STEEPEST + 1e-4
    back = backward(forward)
    line = np.arange(CELLS, dtype=np.float32)
    nodes = np.stack(np.meshgrid(line, line), axis=2)
    there = nodes + back * (CELLS - 1)
    inside = ((there > 0) & (there < CELLS - 1)).all(axis=2)
    again = there + look_up(forward, there) * (CELLS - 1)
    assert np.abs(again - nodes)[inside].max() < 0.2  # of a cell: under 1 px of a crop of 128


# --- landmarks -------------------------------------------------------------------------------------------------------


def test_missing_landmarks_are_put_where_the_generic_face_has_them() -> None:
    prior = face()
    moved_face = moved(np.array([[0.9, 0.1, 0.02], [-0.1, 0.9, 0.05], [0, 0, 1]]), prior.landmarks[:, :2])
    torn = moved_face.copy()
    torn[:17] = np.nan
    torn[[60, 64]] = np.nan
    whole = complete(torn, prior)
    assert whole is not None
    np.testing.assert_allclose(whole, moved_face, atol=1e-3)
    assert complete(np.full((68, 2), np.nan, np.float32), prior) is None


def test_a_frame_without_landmarks_is_taken_for_the_generic_face() -> None:
    gone = np.full((68, 2), np.nan, np.float32)
    made = augment(picture(), gone, yaw=20, strengths=strengths(AU04=0.5))
    np.testing.assert_array_equal(made.image, augment(picture(), None, yaw=20, strengths=strengths(AU04=0.5)).image)


def test_realignment_does_nothing_where_nothing_moved() -> None:
    points = face().landmarks[:, :2] + np.random.default_rng(0).normal(0, 0.01, (68, 2)).astype(np.float32)
    np.testing.assert_allclose(realigned(points, points), np.eye(3), atol=1e-6)


# --- batches ---------------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_copies_and_others_give_others() -> None:
    batch = np.stack([picture(size=64)] * 3)
    first = augment_batch(batch, None, 5, 2)
    np.testing.assert_array_equal(first, augment_batch(batch, None, 5, 2))
    for other in (augment_batch(batch, None, 6, 2), augment_batch(batch, None, 5, 3)):
        assert all(np.abs(a.astype(int) - b).max() > 20 for a, b in zip(first, other, strict=True))
    assert np.abs(first[0].astype(int) - first[1]).max() > 20, "rows differ from one another"


def test_a_copy_belongs_to_its_row_not_to_its_batch() -> None:
    batch = np.stack([picture(size=64, seed=k) for k in range(4)])
    points = np.stack([landmarks(64)] * 4)
    whole = augment_batch(batch, points, 1, 0, rows=[10, 11, 12, 13])
    np.testing.assert_array_equal(augment_batch(batch[2:3], points[2:3], 1, 0, rows=[12])[0], whole[2])


def test_copies_are_frames_like_any_others() -> None:
    images = np.stack([picture(size=64, seed=k) for k in range(5)])
    points = np.stack([landmarks(64)] * 5)
    text = np.array(["a"] * 5)
    frames = Frames("some", images, text, text, np.arange(5))
    copy = augmented(frames, points, 3, 1, Augmentation(yaw=20))
    assert copy.dataset == "some"
    assert len(copy.images) == 5
    assert copy.images.shape == images.shape
    whole = copy.images[:]
    np.testing.assert_array_equal(whole, augment_batch(images, points, 3, 1, Augmentation(yaw=20)))
    np.testing.assert_array_equal(copy.images[2], whole[2])
    np.testing.assert_array_equal(copy.images[1:4], whole[1:4])
    np.testing.assert_array_equal(copy.images[np.array([4, 0])], whole[[4, 0]])
    other = augmented(frames, points, 3, 2, Augmentation(yaw=20)).images[:]
    assert np.abs(whole.astype(int) - other).max() > 20
    with pytest.raises(ValueError, match=r"landmarks"):
        augmented(frames, points[:3], 0, 0)


@pytest.mark.parametrize("own", [None, landmarks(64)])
def test_copies_tell_the_strengths_that_they_show(own: np.ndarray | None) -> None:
    images = np.stack([picture(size=64, seed=k) for k in range(6)])
    options = Augmentation(pose=False, active=0.6, strength=1.0)
    copies = Copies(images, None if own is None else np.stack([own] * 6), 3, 1, options)
    asked = np.stack([draw(options, 3, 1, row)[2] for row in range(6)])
    shown = np.stack([augment(images[row], own, strengths=asked[row]).strengths for row in range(6)])
    np.testing.assert_allclose(copies.strengths(), shown, rtol=1e-6)
    assert (shown < asked).any(), "some warps were weakened"
    assert copies.strengths().any()


def test_keys_tell_copies_apart() -> None:
    keys = [
        key(0, 0, Augmentation()),
        key(0, 1, Augmentation()),
        key(1, 0, Augmentation()),
        key(0, 0, Augmentation(yaw=5)),
    ]
    assert len({json.dumps(k, sort_keys=True) for k in keys}) == 4
    assert key(0, 0, Augmentation()) == keys[0]


def test_the_source_is_left_alone() -> None:
    batch = np.stack([picture(size=64)])
    kept = batch.copy()
    augment_batch(batch, None, 0, 0)
    np.testing.assert_array_equal(batch, kept)


def test_draws_keep_to_the_options() -> None:
    options = Augmentation(yaw=20, pitch=5, aus=("AU04", "AU12"), active=0.5, strength=0.6)
    drawn = [draw(options, 0, 0, row) for row in range(400)]
    yaw, pitch, strong = (np.array([d[k] for d in drawn]) for k in range(3))
    assert 15 < yaw.max() <= 20
    assert -20 <= yaw.min() < -15
    assert 3.5 < np.abs(pitch).max() <= 5
    assert np.abs(yaw.mean()) < 2
    moving = [AU_NAMES.index(name) for name in ("AU04", "AU12")]
    assert strong[:, moving].max() <= 0.6
    assert 0.4 < (strong[:, moving] > 0).mean() < 0.6
    assert np.delete(strong, moving, axis=1).max() == 0
    assert all(d[:2] == (0, 0) for d in (draw(Augmentation(pose=False), 0, 0, row) for row in range(5)))


def test_unknown_aus_are_refused() -> None:
    assert set(MOVING) <= set(AU_NAMES)
    with pytest.raises(ValidationError, match=r"AU99"):
        Augmentation(aus=("AU99",))


def test_what_is_no_aligned_crop_is_refused() -> None:
    with pytest.raises(ValueError, match=r"aligned crop"):
        augment(np.zeros((64, 32, 3), np.uint8))
    with pytest.raises(ValueError, match=r"rows"):
        augment_batch(np.zeros((2, 64, 64, 3), np.uint8), None, 0, 0, rows=[1])


def test_other_sizes_show_the_same() -> None:
    small = augment(picture(), yaw=15, strengths=strengths(AU12=0.5)).image
    large = cv2.resize(picture(), (256, 256), interpolation=cv2.INTER_CUBIC)
    made = cv2.resize(
        augment(large, yaw=15, strengths=strengths(AU12=0.5)).image, (128, 128), interpolation=cv2.INTER_AREA
    )
    assert np.abs(small.astype(int) - made).mean() < 3


def test_the_sheet_shows_every_crop() -> None:
    page = sheet([Crop(picture(size=64), None, "a"), Crop(picture(size=64, seed=1), landmarks(64), "b")], side=48)
    assert page.shape[0] == 4 * (48 + 15 + 4) + 4
    assert (page[5:48, 5:48] != 255).mean() > 0.5

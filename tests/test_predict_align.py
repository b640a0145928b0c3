"""Alignment: the similarity is the least-squares one, and resampling neither shifts nor aliases."""

from __future__ import annotations

import numpy as np
import pytest

from aubench.contracts import TEMPLATE
from aubench.predict.align import Canvas, apply, compose, crop, rescaling, similarity, template


def _turned(points: np.ndarray, scale: float, angle: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + shift


def _blob(width: int, height: int, x: float, y: float, sigma: float) -> np.ndarray:
    ys, xs = np.mgrid[:height, :width]
    grey = 255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return np.repeat(grey[..., None], 3, axis=2).round().astype(np.uint8)


def _centre(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(float)
    ys, xs = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * xs).sum(), (weight * ys).sum()]) / weight.sum()


def test_template_fractions_count_from_the_edge() -> None:
    # The middle of a crop of 128 pixels lies between pixels 63 and 64.
    assert template(128)[2, 0] == pytest.approx(63.5)
    assert np.allclose((template(256) + 0.5) / 256, TEMPLATE)


def test_similarity_is_recovered_exactly() -> None:
    target = template(128)
    source = _turned(target, 1.7, 0.4, (31.0, -12.0))
    assert np.allclose(apply(similarity(source, target), source), target, atol=1e-9)


def test_similarity_has_the_least_squared_distance() -> None:
    rng = np.random.default_rng(0)
    target = template(128)
    source = _turned(target, 0.8, -0.2, (5.0, 9.0)) + rng.normal(0, 4, (5, 2))
    best = similarity(source, target)
    assert best[0, 0] == pytest.approx(best[1, 1])
    assert best[0, 1] == pytest.approx(-best[1, 0])
    error = np.sum((apply(best, source) - target) ** 2)
    for a, b, x, y in rng.normal(0, 1e-3, (50, 4)):
        other = best + np.array([[a, -b, 100 * x], [b, a, 100 * y]])
        assert np.sum((apply(other, source) - target) ** 2) >= error


def test_mirrored_points_are_not_mirrored_back() -> None:
    target = template(128)
    matrix = similarity(target * (-1, 1), target)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2)), template(128))


@pytest.mark.parametrize("scale", [3.0, 1.0, 0.7, 0.31, 0.12])
def test_warping_puts_things_where_the_matrix_says(scale: float) -> None:
    image = _blob(801, 700, 380.0, 340.0, 4 / min(scale, 1))
    turn = similarity(np.array([[0.0, 0], [1, 0]]), _turned(np.array([[0.0, 0], [1, 0]]), scale, 0.3, (0, 0)))
    shift = np.array([64.3, 60.8]) - apply(turn, np.array([[380.0, 340.0]]))[0]
    turn[:, 2] += shift
    assert np.abs(_centre(Canvas(image).warp(turn, 128)) - (64.3, 60.8)).max() < 0.1


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    for scale in (0.51, 0.45, 0.21, 0.05):
        out = Canvas(stripes).warp(rescaling(scale, scale), 24).astype(float)
        # Sampled without averaging, the stripes beat: spreads of 60 and more.
        assert np.abs(out - 127.5).max() < 6, scale


def test_resizing_keeps_edges_in_place() -> None:
    corners = np.array([[-0.5, -0.5], [99.5, 49.5]])
    assert np.allclose(apply(rescaling(0.5, 0.5), corners), [[-0.5, -0.5], [49.5, 24.5]])
    assert np.allclose(compose(rescaling(0.5, 0.5), rescaling(2, 2)), [[1, 0, 0], [0, 1, 0]])


def test_crop_brings_the_points_to_the_template() -> None:
    target = template(128)
    source = _turned(target, 2.3, 0.25, (60.0, 30.0))
    image = np.zeros((480, 480, 3), np.uint8)
    for point in source:
        image = np.maximum(image, _blob(480, 480, *point, 6.0))
    canvas = Canvas(image)
    out, matrix = crop(canvas, source, 128)
    assert out.shape == (128, 128, 3)
    assert np.allclose(apply(matrix, source), target)
    for point in target:
        x, y = np.round(point).astype(int)
        assert out[y, x, 0] > 200


def test_a_face_at_the_border_is_padded() -> None:
    image = np.full((100, 100, 3), 90, np.uint8)
    out, _ = crop(Canvas(image), template(128) - (60, 70), 128)
    assert np.all(out == 90)

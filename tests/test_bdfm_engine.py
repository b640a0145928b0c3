"""The engine ``bdfm``: its pictures keep the promises of :class:`aubench.contracts.Engine`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from refusals import refused

from aubench.contracts import PARSING_CLASSES, TEMPLATE, Engine
from aubench.drawing.alignment import five_points
from aubench.drawing.engine import sample_vectors
from aubench.parameters import AU_NAMES, BROW_SIZE, SIZE, FacialParameters, au_index
from aubench.predict.align import similarity
from aubench_plugins.bdfm import BdfmConfig
from aubench_plugins.bdfm.appearance.photo import photo_person, skin_colour
from aubench_plugins.bdfm.engine import Bdfm


@pytest.fixture(scope="module")
def engine() -> Bdfm:
    return Bdfm(BdfmConfig(size=128))


def with_aus(**strengths: float) -> FacialParameters:
    base = FacialParameters.base()
    au = base.au.clone()
    for name, strength in strengths.items():
        au[0, au_index(name)] = strength
    return FacialParameters(base.pose, au, base.identity, base.brow)


def test_draw_keeps_the_contract(engine: Bdfm) -> None:
    assert isinstance(engine, Engine)
    drawn = engine.draw(engine.sample(3, seed=4), style="photo", looks=[1, 2, 3], shots=[0, 1, 2])
    assert drawn.image.shape == (3, 3, 128, 128)
    assert drawn.image.dtype == torch.float32
    assert 0.0 <= float(drawn.image.min()) < 0.3 < float(drawn.image.max()) <= 1.0
    assert drawn.parsing is not None
    assert drawn.landmarks is not None
    assert drawn.depth is not None
    assert drawn.parsing.shape == (3, 128, 128)
    assert drawn.parsing.dtype == torch.int64
    assert 0 <= int(drawn.parsing.min()) <= int(drawn.parsing.max()) < len(PARSING_CLASSES)
    assert drawn.landmarks.shape == (3, 68, 2)
    assert drawn.depth.shape == (3, 128, 128)
    assert bool(torch.isinf(drawn.depth).any())
    assert bool((drawn.depth > 0).all())


@pytest.mark.parametrize("size", [64, 256])
def test_other_sizes_show_the_same_face(engine: Bdfm, size: int) -> None:
    base = FacialParameters.base()
    other = Bdfm(BdfmConfig(size=size)).draw(base)
    same = engine.draw(base)
    assert other.image.shape == (1, 3, size, size)
    assert other.landmarks is not None
    assert same.landmarks is not None
    torch.testing.assert_close(other.landmarks / size, same.landmarks / 128, atol=1e-4, rtol=0)
    small = torch.nn.functional.interpolate(other.image, (64, 64), mode="area")
    assert float((small - torch.nn.functional.interpolate(same.image, (64, 64), mode="area")).abs().mean()) < 0.02


@pytest.mark.parametrize("style", ["game", "photo"])
def test_equal_arguments_give_equal_pixels_whatever_the_batch(engine: Bdfm, style: str) -> None:
    vectors = sample_vectors(4, seed=9)
    nuisance = np.random.default_rng(0).uniform(-1, 1, (4, 9)).astype(np.float32)
    looks, shots = [5, 6, 7, 8], [3, 1, 4, 1]
    whole = engine.render(vectors, style=style, looks=looks, shots=shots, nuisance=nuisance)  # type: ignore[arg-type]
    alone = Bdfm(BdfmConfig(size=128)).render(
        vectors[2:3],
        style=style,
        looks=looks[2:3],
        shots=shots[2:3],
        nuisance=nuisance[2:3],  # type: ignore[arg-type]
    )
    np.testing.assert_array_equal(whole.image[2:3], alone.image)
    np.testing.assert_array_equal(whole.parsing[2:3], alone.parsing)
    np.testing.assert_array_equal(whole.landmarks[2:3], alone.landmarks)
    np.testing.assert_array_equal(whole.depth[2:3], alone.depth)


def test_a_look_is_a_person_and_a_shot_is_a_frame(engine: Bdfm) -> None:
    vectors = np.repeat(FacialParameters.base().vector().numpy(), 3, axis=0)
    r = engine.render(vectors, style="photo", looks=[20, 20, 21], shots=[0, 1, 0])
    image = r.image.astype(float)
    between_shots = np.abs(image[0] - image[1]).mean()
    between_people = np.abs(image[0] - image[2]).mean()
    assert 0.0 < between_shots < 0.5 * between_people
    assert photo_person(20) is photo_person(20)
    np.testing.assert_array_equal(photo_person(33).look.tints, photo_person.__wrapped__(33).look.tints)


def test_the_base_face_has_every_facial_class(engine: Bdfm) -> None:
    parsing = engine.draw(FacialParameters.base()).parsing
    assert parsing is not None
    seen = {PARSING_CLASSES[n] for n in parsing.unique().tolist()}
    facial = {"skin", "l_brow", "r_brow", "l_eye", "r_eye", "nose", "u_lip", "l_lip", "neck", "hair", "background"}
    assert facial <= seen
    assert not seen & {"eye_g", "hat"}
    for left, right in (("l_eye", "r_eye"), ("l_brow", "r_brow")):
        columns = [(parsing[0] == PARSING_CLASSES.index(name)).nonzero()[:, 1].float().mean() for name in (left, right)]
        assert columns[0] > columns[1], "the person's left is the picture's right"


def test_landmarks_hit_the_template_and_lie_on_what_they_name(engine: Bdfm) -> None:
    r = engine.render(FacialParameters.base().vector().numpy())
    residual = five_points(r.landmarks[0].astype(np.float64)) - np.array(TEMPLATE) * 128
    # a least-squares fit of five points to a face that is not the template's leaves some residual, but no shift
    assert np.abs(residual.mean(axis=0)).max() < 0.01 * 128 * 0.01
    assert np.sqrt((residual**2).mean()) < 0.025 * 128
    fit = similarity(five_points(r.landmarks[0].astype(np.float64)), np.array(TEMPLATE) * 128)
    np.testing.assert_allclose(fit, [[1, 0, 0], [0, 1, 0]], atol=0.01)
    nose = PARSING_CLASSES.index("nose")
    x, y = np.round(r.landmarks[0, 30]).astype(int)
    assert r.parsing[0, y, x] == nose
    for eye, name in (((36, 42), "r_eye"), ((42, 48), "l_eye")):
        x, y = np.round(r.landmarks[0, eye[0] : eye[1]].mean(axis=0)).astype(int)
        assert r.parsing[0, y, x] == PARSING_CLASSES.index(name)


@pytest.mark.parametrize("name", AU_NAMES)
def test_every_au_changes_the_picture(engine: Bdfm, name: str) -> None:
    neutral = engine.draw(FacialParameters.base()).image
    moved = engine.draw(with_aus(**{name: 1.0})).image
    change = (neutral - moved).abs().amax(dim=1)[0]
    assert int((change > 0.04).sum()) > 40


def test_mouth_opens_and_eyes_close(engine: Bdfm) -> None:
    mouth, eyes = PARSING_CLASSES.index("mouth"), [PARSING_CLASSES.index("l_eye"), PARSING_CLASSES.index("r_eye")]

    def count(parameters: FacialParameters, classes: list[int]) -> int:
        parsing = engine.draw(parameters).parsing
        assert parsing is not None
        return int(torch.isin(parsing, torch.tensor(classes)).sum())

    assert count(FacialParameters.base(), [mouth]) < 15
    assert count(with_aus(AU25=1.0, AU26=1.0), [mouth]) > 150
    assert count(FacialParameters.base(), eyes) > 80
    assert count(with_aus(AU43=1.0), eyes) < 8


def test_styles_nuisance_and_brows_differ(engine: Bdfm) -> None:
    base = FacialParameters.base()
    game = engine.draw(base).image
    assert float((game - engine.draw(base, style="photo").image).abs().mean()) > 0.03
    nuisance = np.zeros((1, 9), np.float32)
    nuisance[0, 2] = 1.0
    assert float((game - engine.draw(base, nuisance=nuisance).image).abs().mean()) > 0.005
    styles = torch.eye(BROW_SIZE)
    faces = FacialParameters.base(BROW_SIZE)
    images = engine.draw(FacialParameters(faces.pose, faces.au, faces.identity, styles)).image.flatten(1)
    apart = torch.cdist(images, images) + 1e3 * torch.eye(BROW_SIZE)
    assert float(apart.min()) > 0.5


def test_samples_are_varied_and_repeatable(engine: Bdfm) -> None:
    a, b = engine.sample(500, seed=1), engine.sample(500, seed=1)
    assert torch.equal(a.vector(), b.vector())
    assert not torch.equal(a.vector(), engine.sample(500, seed=2).vector())
    assert a.vector().shape == (500, SIZE)
    assert 0.0 <= float(a.vector().min()) <= float(a.vector().max()) <= 1.0
    torch.testing.assert_close(a.brow.sum(1), torch.ones(500))
    active = (a.au > 0.05).sum(1)
    assert int(active.min()) == 0
    assert int(active.max()) > 15
    assert bool(((a.au > 0.5).float().mean(0) > 0.05).all()), "every AU is often strong"


def test_skin_spans_the_human_range() -> None:
    fair, dark = skin_colour(0.0, 0.0, 0.0), skin_colour(1.0, 0.0, 0.0)
    assert (fair > 0.38).all()
    assert (dark < 0.16).all()
    assert fair[0] > fair[1] > fair[2]
    assert dark[0] > dark[1] > dark[2]


def test_mistakes_are_named(engine: Bdfm) -> None:
    vectors = FacialParameters.base().vector().numpy()
    with refused("option-invalid", 269, 268):
        engine.render(vectors[:, :-1])
    with refused("option-invalid", "'oil'"):
        engine.render(vectors, style="oil")  # type: ignore[arg-type]
    with refused("option-invalid", "looks", 2):
        engine.render(vectors, style="photo", looks=[1, 2])
    with refused("option-invalid", "NaN"):
        engine.render(np.full_like(vectors, np.nan))
    with refused("option-invalid", "nuisance", "(2, 9)"):
        engine.render(vectors, nuisance=np.zeros((2, 9), np.float32))

"""Baselines: they learn what can be learned, use labels only where they say so, and say what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused

from aubench import discovery
from aubench.compare.baselines import size_of
from aubench.contracts import Estimator, Frames
from aubench.data.labels import locked, open_labels
from aubench.parameters import au_index
from aubench_plugins.baselines import linear
from aubench_plugins.baselines.features import Reader, batches
from aubench_plugins.baselines.linear import LinearModel

NAMES = ("zero", "mean", "shuffle", "cnn", "ridge", "supervised-features", "resnet18", "resnet18-extra")
AUS = ("AU01", "AU12", "AU26")
"""The AUs that the fake face can show."""
FAKE = {"extractor": "fake", "columns": 60}
DATA = {"subjects": 9, "sequences": 2, "frames_per_sequence": 40, "size": 32, "engine": "fake", "workers": 1}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def fake(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUBENCH_PLUGINS", "fake_plugin,aubench_plugins.baselines")
    monkeypatch.setenv("AUBENCH_CACHE", str(cache))
    discovery.forget()
    yield
    discovery.forget()


@pytest.fixture
def data():
    return discovery.build("dataset", "synth", DATA)


def labels_of(data, split: str) -> np.ndarray:
    return open_labels(data, split)[:, [data.aus.index(name) for name in AUS]]


def correlation(prediction: np.ndarray, truth: np.ndarray) -> list[float]:
    return [float(np.corrcoef(p, t)[0, 1]) for p, t in zip(prediction.T, truth.T, strict=True)]


def every_fourth(frames: Frames) -> Frames:
    return Frames(
        frames.dataset, *(part[::4] for part in (frames.images, frames.subject, frames.sequence, frames.frame))
    )


def config_of(name: str) -> dict[str, object]:
    config: dict[str, object] = {"aus": AUS}
    if name in ("ridge", "supervised-features"):
        config |= FAKE
    if name == "ridge":
        config |= {"engine": "fake", "samples": 300}
    if name.startswith("resnet") or name == "cnn":
        config |= {"size": 32, "epochs": 1, "batch": 60}
    if name == "resnet18-extra":
        config |= {"dataset_config": {"engine": "fake", "extra_subjects": 5, "extra_frames": 8, "workers": 1}}
    return config


@pytest.mark.parametrize("name", NAMES)
def test_each_meets_the_contract(name: str, data) -> None:
    estimator = discovery.build("estimator", name, config_of(name))
    assert isinstance(estimator, Estimator)
    assert estimator.aus == AUS
    train, test = every_fourth(data.frames("train")), every_fourth(data.frames("test"))
    if not estimator.supervised:
        with locked():
            estimator.fit(train, None, seed=0)
    else:
        with refused("labels-missing", name):
            estimator.fit(train, None, seed=0)
        estimator.fit(train, labels_of(data, "train")[::4], seed=0)
    prediction = estimator.predict(test)
    assert prediction.shape == (len(test), 3)
    assert prediction.dtype == np.float64
    assert ((prediction >= 0) & (prediction <= 5)).all()
    if name not in ("zero", "mean", "shuffle"):  # they hold a label or two, not a model
        numbers, megabytes = size_of(estimator)
        assert numbers > 0
        assert megabytes >= 0


@pytest.mark.parametrize("name", ["mean", "shuffle", "ridge", "supervised-features", "resnet18", "cnn"])
def test_prediction_needs_a_fit(name: str, data) -> None:
    with pytest.raises(RuntimeError, match="fit"):
        discovery.build("estimator", name, config_of(name)).predict(data.frames("test"))


def test_zero_and_mean(data) -> None:
    frames = data.frames("train")
    assert not discovery.build("estimator", "zero").predict(frames).any()
    labels = labels_of(data, "train")
    labels[:10, 0] = np.nan
    labels[:, 2] = np.nan
    mean = discovery.build("estimator", "mean", {"aus": AUS})
    mean.fit(frames, labels, seed=0)
    expected = [labels[10:, 0].mean(), labels[:, 1].mean(), np.nan]
    np.testing.assert_allclose(mean.predict(data.frames("test"))[3], expected)


def test_shuffle_draws_from_the_training_labels(data) -> None:
    labels = labels_of(data, "train")
    labels[:, 2] = np.nan
    shuffle = discovery.build("estimator", "shuffle", {"aus": AUS})
    shuffle.fit(data.frames("train"), labels, seed=3)
    drawn = shuffle.predict(data.frames("test"))
    assert np.isin(drawn[:, :2], labels[:, :2]).all()
    assert np.isnan(drawn[:, 2]).all()
    assert np.abs(drawn[:, :2].mean(axis=0) - labels[:, :2].mean(axis=0)).max() < 0.5
    np.testing.assert_array_equal(drawn, shuffle.predict(data.frames("test")))


def test_ridge_reads_aus_without_labels(data) -> None:
    ridge = discovery.build("estimator", "ridge", {**config_of("ridge"), "samples": 600})
    with locked():
        ridge.fit(data.frames("train"), None, seed=0)
    assert np.mean(correlation(ridge.predict(data.frames("test")), labels_of(data, "test"))) > 0.25
    again = discovery.build("estimator", "ridge", {**config_of("ridge"), "samples": 600})
    again.fit(data.frames("train"), None, seed=0)
    np.testing.assert_array_equal(again.predict(data.frames("test")), ridge.predict(data.frames("test")))


def test_supervised_features_read_aus(data) -> None:
    estimator = discovery.build("estimator", "supervised-features", config_of("supervised-features"))
    labels = labels_of(data, "train")
    labels[::7] = np.nan  # frames that nobody annotated
    estimator.fit(data.frames("train"), labels, seed=0)
    assert np.mean(correlation(estimator.predict(data.frames("test")), labels_of(data, "test"))) > 0.4


def test_the_linear_model_is_ridge_regression() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 90)).astype(np.float32)
    targets = rows[:, :2] @ np.array([[1.0, 0.5], [0.0, 2.0]]) + 3.0
    model = LinearModel(rows, targets, np.arange(60) % 4 == 0)
    strength = model.alpha * np.mean((rows.astype(np.float64) ** 2).sum(axis=1))
    wide = rows.astype(np.float64)
    weights = np.linalg.solve(wide.T @ wide + strength * np.eye(90), wide.T @ (targets - targets.mean(0)))
    np.testing.assert_allclose(model(rows), wide @ weights + targets.mean(0), atol=1e-3)


def test_alpha_follows_the_noise() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(200, 50)).astype(np.float32)
    clean = rows[:, :1].astype(np.float64)
    held_out = np.arange(200) % 4 == 0
    noisy = clean + random.normal(0, 5, clean.shape)
    assert LinearModel(rows, clean, held_out).alpha < LinearModel(rows, noisy, held_out).alpha


def test_the_reader_keeps_what_varies_and_only_that(data) -> None:
    images = data.frames("train").images
    reader = Reader("fake", {}, 10)
    rows = reader.read(batches(images), len(images), "faces")
    assert rows.shape == (len(images), 50)
    assert (rows.std(axis=0) > 0).all()
    # Same columns whatever comes later, and a batch's neighbours do not matter.
    np.testing.assert_array_equal(reader.read(batches(images[100:101]), 1, "faces"), rows[100:101])


@pytest.mark.parametrize("name", ["resnet18", "cnn"])
def test_a_network_learns_what_it_is_shown(name: str) -> None:
    random = np.random.default_rng(0)
    side = random.random((64, 1, 1)) < 0.5  # stripes lie or stand
    stripes = np.where(side, np.arange(32)[:, None] // 4 % 2, np.arange(32)[None] // 4 % 2)
    images = (stripes[..., None] * random.integers(60, 200, (64, 1, 1, 3))).astype(np.uint8)
    names = np.full(64, "a")
    frames = Frames("stripes", images, names, names, np.arange(64))
    labels = np.hstack([4.0 * side[:, 0], np.full((64, 1), np.nan)])
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    options = {"aus": ["AU01", "AU02"], "size": 32, "epochs": 6, "batch": 16}
    estimator = discovery.build("estimator", name, options)
    estimator.fit(frames, labels, seed=1)
    assert (torch.random.get_rng_state() == before).all(), "the global generator is left alone"
    prediction = estimator.predict(frames)[:, 0]
    assert prediction[side[:, 0, 0]].mean() > prediction[~side[:, 0, 0]].mean() + 1.0


def test_extra_people_join_the_training(data, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    estimator = discovery.build("estimator", "resnet18-extra", config_of("resnet18-extra"))
    monkeypatch.setattr(estimator, "_train", lambda parts, seed: seen.update(parts=parts))
    estimator.fit(data.frames("train"), labels_of(data, "train"), seed=0)
    main, extra = seen["parts"]
    assert len(main.images) == len(main.labels) == 480
    assert len(extra.images) == len(extra.labels) == 40
    assert extra.images.shape[1:] == main.images.shape[1:]
    assert extra.labels.any()


def test_labels_of_other_aus_are_refused(data) -> None:
    estimator = discovery.build("estimator", "resnet18", config_of("resnet18"))
    with refused("config-invalid", 14, "3 AUs"):
        estimator.fit(data.frames("train"), open_labels(data, "train"), seed=0)
    with refused("plugin-unsupported", "AU99"):
        discovery.build("estimator", "ridge", {"aus": ["AU99"]})
    more = discovery.build("estimator", "resnet18-extra", {**config_of("resnet18-extra"), "aus": ["AU07"]})
    with refused("labels-missing", "AU07"):
        more.fit(data.frames("train"), np.zeros((480, 1)), seed=0)


@pytest.mark.parametrize("style", ["game", "photo"])
def test_ridge_asks_the_engine_for_faces_of_its_style(data, monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    styles, looks = [], []
    real = linear._draw

    def spy(engine, *options):
        draw = engine.draw

        def watched(faces, **told):
            styles.append(told.get("style", "game"))
            looks.extend(told.get("looks", []))
            return draw(faces, **told)

        engine.draw = watched
        return real(engine, *options)

    monkeypatch.setattr(linear, "_draw", spy)
    ridge = discovery.build("estimator", "ridge", {**config_of("ridge"), "style": style})
    ridge.fit(replace(data.frames("train")), None, seed=3)
    assert set(styles) == {style}
    assert len(set(looks)) == len(looks)
    assert isinstance(data.frames("train"), Frames)
    assert au_index("AU12") == 8


def test_ridge_answers_the_aus_that_an_engine_draws_and_no_others(data) -> None:
    """AU11 is coded in CK+ and has no parameter."""
    plain, more = (
        discovery.build("estimator", "ridge", {**config_of("ridge"), "aus": aus}) for aus in (AUS, ("AU11", *AUS))
    )
    answers = []
    for estimator in (plain, more):
        estimator.fit(every_fourth(data.frames("train")), None, seed=0)
        answers.append(estimator.predict(every_fourth(data.frames("test"))))
    assert np.isnan(answers[1][:, 0]).all()
    np.testing.assert_array_equal(answers[1][:, 1:], answers[0])
    for aus, code in ((("AU11", "AU34"), "plugin-unsupported"), (("AU1",), "name-unknown")):
        with refused(code, aus[0]):
            discovery.build("estimator", "ridge", {**config_of("ridge"), "aus": aus})


def test_ridge_reads_offered_features_and_says_the_same(data, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, extractor = discovery.build("renderer", "fake", {"size": 32}), discovery.build("extractor", "fake", {})
    parameters = engine.sample(300, 0)
    images = (engine.draw(parameters, style="photo").image.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    train, test = every_fourth(data.frames("train")), every_fourth(data.frames("test"))

    def offered(pictures: np.ndarray):
        with torch.inference_mode():
            (features,) = [extractor.features(torch.cat(list(batches(pictures))))]
        return lambda start, stop: (features[i : min(i + 50, stop)] for i in range(start, stop, 50))

    answers, pictures = [], []
    for features in (False, True):
        ridge = discovery.build("estimator", "ridge", config_of("ridge"))
        ridge.offer_drawn(images, parameters, "photo")
        if features:
            ridge.offer_features(offered(train.images), {"photo": offered(images)})
            monkeypatch.setattr(linear.Reader, "read", lambda self, *a: pytest.fail("reads a picture again"))
        pictures.append(ridge.pictures(len(train), len(test)))
        ridge.fit(train, None, seed=0)
        monkeypatch.undo()
        monkeypatch.setenv("AUBENCH_PLUGINS", "fake_plugin,aubench_plugins.baselines")
        answers.append(ridge.predict(test))
    assert pictures == [300 + len(train) + len(test), len(test)]
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-5)

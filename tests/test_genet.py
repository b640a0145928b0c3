"""GENet: searches that find the face, stop when they have, do not look at one another, and survive NaN."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from refusals import refused
from torch import Tensor

from aubench import discovery
from aubench.contracts import Estimator, Features, Frames
from aubench.data.labels import locked
from aubench.parameters import AU_NAMES, BROW_SIZE, FacialParameters
from aubench_plugins.genet.estimator import Genet, every_nth
from aubench_plugins.genet.objective import Objective, bounded, free
from aubench_plugins.genet.search import Pace, search

AUS = ("AU01", "AU04", "AU12", "AU25")
TINY = {"aus": AUS, "renderer": "tiny", "extractor": "tiny", "engine": "tiny", "samples": 40, "precision": "fp32",
        "standardise": False, "iterations": 80, "rate": 0.3, "patience": 80}  # fmt: skip


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts")
    torch.set_num_threads(1)
    discovery.forget()
    yield
    discovery.forget()


def faces(count: int, seed: int = 3) -> tuple[FacialParameters, Frames]:
    """Drawn faces of known parameters, in videos of five frames."""
    engine = discovery.build("renderer", "tiny")
    parameters = engine.sample(count, seed)
    with torch.no_grad():
        image = engine.draw(parameters).image
    pixels = (image.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    number = np.arange(count)
    return parameters, Frames("tiny", pixels, (number // 5).astype(str), np.full(count, "s"), number % 5)


def fitted(frames: Frames, seed: int = 0, **options: object) -> Genet:
    made: Genet = discovery.build("estimator", "genet", {**TINY, **options})
    with locked():
        made.fit(frames, None, seed=seed)
    return made


def test_it_recovers_drawn_faces() -> None:
    truth, frames = faces(12)
    genet = fitted(frames, losses={"ct": 1.0, "pr": 0.001})
    assert isinstance(genet, Estimator)
    found, loss = genet.parameters(frames)
    base = FacialParameters.base(12)
    assert (found.au - truth.au).abs().mean() < 0.5 * (base.au - truth.au).abs().mean()
    engine, extractor = discovery.build("renderer", "tiny"), discovery.build("extractor", "tiny")
    with torch.no_grad():
        drawn, wanted, begun = (extractor.features(engine.draw(p).image).fused for p in (found, truth, base))
    assert (drawn - wanted).abs().mean() < 0.2 * (begun - wanted).abs().mean()
    assert np.isfinite(loss).all()
    answer = genet.predict(frames)
    columns = [AU_NAMES.index(name) for name in AUS]
    assert np.allclose(answer, found.intensities()[:, columns].numpy(), atol=1e-4)
    assert genet.notes == []


def test_statistics_of_both_domains_help_where_they_differ() -> None:
    """Photographs of the tiny engine are paler: to a search without statistics that is a face."""
    truth, _ = faces(24)
    engine = discovery.build("renderer", "tiny")
    with torch.no_grad():
        image = engine.draw(truth, style="photo").image
    pixels = (image.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    number = np.arange(24)
    frames = Frames("tiny", pixels, number.astype(str), np.full(24, "s"), number)
    short = {"iterations": 30, "rate": 0.3}
    errors = [
        float((fitted(frames, standardise=on, **short).parameters(frames)[0].au - truth.au).abs().mean())
        for on in (False, True)
    ]
    assert errors[1] < errors[0]


def test_the_same_whatever_the_batch_and_the_company() -> None:
    _, frames = faces(9)
    whole, _ = fitted(frames, iterations=15, batch=9).parameters(frames)
    again, _ = fitted(frames, iterations=15, batch=9).parameters(frames)
    assert torch.equal(whole.vector(), again.vector())
    few, _ = fitted(frames, iterations=15, batch=2).parameters(frames)
    assert torch.allclose(whole.vector(), few.vector(), atol=1e-3)
    alone, _ = fitted(frames, iterations=15).parameters(frames, np.array([4]))
    assert torch.allclose(whole.vector()[4:5], alone.vector(), atol=1e-3)


def test_further_starts_are_seeded_and_the_lowest_counts() -> None:
    _, frames = faces(4)
    one = fitted(frames, iterations=10).parameters(frames)[1]
    several = fitted(frames, iterations=10, starts=3)
    loss = several.parameters(frames)[1]
    assert (loss <= one + 1e-6).all()
    assert np.array_equal(loss, fitted(frames, iterations=10, starts=3).parameters(frames)[1])
    assert not np.array_equal(loss, fitted(frames, 1, iterations=10, starts=3).parameters(frames)[1])


def test_parameters_keep_their_bounds() -> None:
    random = torch.randn(5, 269, generator=torch.Generator().manual_seed(0)) * 50
    made = bounded(random)
    assert made.vector().min() >= 0
    assert made.vector().max() <= 1
    assert torch.allclose(made.brow.sum(dim=1), torch.ones(5))
    base = FacialParameters.base(1)
    back = bounded(free(base))
    assert torch.allclose(back.vector()[:, :-BROW_SIZE], base.vector()[:, :-BROW_SIZE], atol=1e-6)
    assert back.brow.argmax() == base.brow.argmax()


# --- the search by itself, on a bowl ----------------------------------------------------------------------------------


class Bowl:
    """Distance of the pose from a place given by the image's one pixel; NaN for images that ask for it."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, parameters: FacialParameters, image: Tensor, features: Features) -> Tensor:
        self.rows.append(len(image))
        place = image.flatten(1)[:, 0]
        loss: Tensor = (parameters.pose[:, 0] - place).abs()
        return loss + torch.where(place > 2, torch.tensor(float("nan")), torch.tensor(0.0))


def run(places: list[float], batch: int = 8, **pace: float) -> tuple[Tensor, Tensor, Tensor, Bowl]:
    images = torch.tensor(places).view(-1, 1, 1, 1)
    bowl = Bowl()
    start = free(FacialParameters.base(1)).repeat(len(places), 1)
    settings = Pace(**{"iterations": 100, "rate": 0.1, "looks": 1.0, "tolerance": 0.01, "patience": 10, **pace})  # type: ignore[arg-type]
    found = search(bowl, start, lambda rows: (images[rows], Features(images[rows], {})), settings, batch)  # type: ignore[arg-type]
    return bounded(found.numbers).pose[:, 0], found.loss, found.steps, bowl


def test_each_search_stops_by_itself_and_makes_room() -> None:
    pose, loss, steps, bowl = run([0.5, 0.9, 0.5, 0.6])
    assert torch.allclose(pose, torch.tensor([0.5, 0.9, 0.5, 0.6]), atol=0.02)
    assert steps[0] == steps[2] == 10, "it began where it had to end"
    assert steps[0] < steps[3] < 100
    assert bowl.rows[0] == 4
    assert bowl.rows[-1] < 4, "the active set shrinks"
    assert loss.max() < 0.02
    _, _, limited, _ = run([0.9], iterations=7)
    assert limited.tolist() == [7]


def test_others_take_the_places_of_those_that_have_ended() -> None:
    places = [0.5] * 6 + [0.8] * 6
    pose, _, _, bowl = run(places, batch=4)
    assert torch.allclose(pose, torch.tensor(places), atol=0.02)
    assert max(bowl.rows) <= 4


def test_one_image_of_nan_ends_alone() -> None:
    pose, loss, steps, _ = run([0.8, 3.0, 0.7])
    clean, _, _, _ = run([0.8, 0.7])
    assert torch.isinf(loss[1])
    assert steps[1] == 0
    assert torch.allclose(pose[[0, 2]], clean)


def test_a_frame_without_a_finite_loss_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    _, frames = faces(3)
    genet = fitted(frames, iterations=5)
    inner = genet._read

    def broken(image: Tensor) -> Features:
        features = inner(image)
        dark = image.flatten(1).mean(dim=1) < float(frames.images[1].mean()) / 255 + 1e-4
        return features.each(lambda t: torch.where(dark.view(-1, *[1] * (t.ndim - 1)), t * float("nan"), t))

    darkest = int(frames.images.reshape(3, -1).mean(axis=1).argmin())
    monkeypatch.setattr(genet, "_read", broken)
    answer = genet.predict(frames)
    assert np.isnan(answer[darkest]).all()
    assert "no finite loss" in genet.notes[-1]


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_only_every_nth_frame_is_searched_for_and_says_so() -> None:
    _, frames = faces(12)
    genet = fitted(frames, iterations=2, every=2)
    answer = genet.predict(frames)
    searched = ~np.isnan(answer).all(axis=1)
    assert np.flatnonzero(searched).tolist() == [0, 2, 4, 5, 7, 9, 10]
    assert genet.notes == ["searched for one frame in 2 of each video only, as asked: 7 of 12 frames"]
    backwards = Frames("tiny", frames.images, frames.subject, frames.sequence, frames.frame[::-1].copy())
    assert every_nth(backwards, 4).tolist() == [1, 2, 6, 7, 11]


def test_sizes_are_told() -> None:
    _, frames = faces(3)
    count = sum(tensor.numel() for tensor in fitted(frames).weights())
    engine, extractor = (discovery.build(kind, "tiny") for kind in ("renderer", "extractor"))
    assert count > sum(t.numel() for part in (engine, extractor) for t in part.state_dict().values())


@pytest.mark.parametrize(
    ("options", "code", "values"),
    [
        ({"aus": ("AU99",)}, "plugin-unsupported", ["AU99"]),
        ({"losses": {}}, "config-invalid", ["'genet'"]),
        ({"losses": {"id": 1.0}}, "plan-invalid", ["'id'", "embedding"]),
        ({"losses": {"cct": 1.0}}, "name-unknown", ["'cct'", "ct"]),
        ({"renderer": "bdfm"}, "plugin-unsupported", ["'bdfm'", "neural"]),
        ({"device": "gpu"}, "option-invalid", ["gpu"]),
    ],
)
def test_what_cannot_work_is_said(options: dict[str, object], code: str, values: list[str]) -> None:
    with refused(code, *values):
        discovery.build("estimator", "genet", {**TINY, **options})


def test_no_frame_no_answer() -> None:
    _, frames = faces(3)
    none = Frames("tiny", *(part[:0] for part in (frames.images, frames.subject, frames.sequence, frames.frame)))
    assert fitted(frames).predict(none).shape == (0, 4)


def test_it_takes_no_labels_and_must_be_fitted() -> None:
    _, frames = faces(3)
    made = discovery.build("estimator", "genet", TINY)
    assert not made.supervised
    with pytest.raises(RuntimeError, match="fit before predict"):
        made.predict(frames)


def test_objective_knows_each_image_by_itself() -> None:
    """Batched losses equal those of single images."""
    parameters, frames = faces(4)
    engine, extractor = (discovery.build(kind, "tiny") for kind in ("renderer", "extractor"))
    losses = {name: discovery.build("loss", name) for name in ("ct", "pr")}
    objective = Objective(losses, {"ct": 1.0, "pr": 0.5}, lambda p: engine.draw(p).image, extractor.features)
    image = torch.from_numpy(frames.images.copy()).permute(0, 3, 1, 2) / 255
    features = extractor.features(image)
    start = bounded(free(parameters))
    whole = objective(start, image, features)
    single = [objective(start[i : i + 1], image[i : i + 1], features[i : i + 1]) for i in range(4)]
    assert torch.allclose(whole, torch.cat(single), atol=1e-6)
    with torch.no_grad():
        expected = losses["ct"](features=features[:1], drawn_features=extractor.features(engine.draw(start[:1]).image))
        expected = expected + 0.5 * losses["pr"](parameters=start[:1])
    assert whole[0].item() == pytest.approx(float(expected), abs=1e-6)

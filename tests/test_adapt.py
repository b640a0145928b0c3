"""`aubench adapt`: which recordings are found, how far statistics move, when they do not, and what is written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from refusals import assert_refused, refused
from skimage import data
from small_video import write_video

from aubench import cli, discovery
from aubench.adapt import run as work
from aubench.adapt.look import MOST_EACH, Seen, shares
from aubench.adapt.measures import Measures, Views, agreement, disturbed, measure, mirrored
from aubench.adapt.recordings import find_recordings
from aubench.adapt.run import adapt, is_adapted, moved_towards, shrinkage
from aubench.combination import Choice, Combination, load_shipped, state_digest
from aubench.contracts import Features
from aubench.standardisation import Moments, Standardiser

FACE = np.ascontiguousarray(data.astronaut()[20:220, 110:350])
GREY = np.full((64, 64, 3), 128, np.uint8)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[Combination]:
    """A model of tiny networks whose input was standardised over noise."""
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts")
    discovery.forget()
    made = Combination(Choice("tiny"), Choice("tiny"), size=16, seed=3)
    images = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    made.standardiser.fit("photo", [made.extractor.features(images)])
    made.regressor.eval()
    yield made
    discovery.forget()


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of a face that darkens, and one of nobody."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "more").mkdir()
    for name, light in (("a.mp4", 1.0), ("b.mp4", 0.8), ("more/c.mp4", 0.6)):
        pictures = [(FACE * (light - i / 100)).astype(np.uint8) for i in range(8)]
        write_video(folder / name, pictures, rate=10)
    write_video(folder / "nobody.mp4", [GREY] * 6)
    return folder


def seen(model: Combination, lights: list[float], frames: int = 12) -> Seen:
    """As if recordings of noise had been read, each with its own light."""
    groups, moments, views = [], [], []
    for number, light in enumerate(lights):
        images = light * torch.rand(frames, 3, 16, 16, generator=torch.Generator().manual_seed(number + 1))
        features = model.extractor.features(images)
        moments.append(Moments.of([features]))
        views.append([features, model.extractor.features(mirrored(images)), model.extractor.features(images * 0.95)])
        groups += [number] * frames
    plain, other, third = (Features.cat(parts) for parts in zip(*views, strict=True))
    return Seen(moments, Views(plain, other, third, np.array(groups)), 0, "0" * 64)


# --- statistics -------------------------------------------------------------------------------------------------------


def standardiser(tiny: Combination, features: Features) -> Standardiser:
    made = Standardiser(tiny.shapes)
    made.fit("photo", [features])
    return made


def test_statistics_move_between_their_own_and_those_of_other_frames(tiny: Combination) -> None:
    dice = torch.Generator().manual_seed(5)
    one, other = (tiny.extractor.features(k * torch.rand(30, 3, 16, 16, generator=dice)) for k in (1.0, 0.3))
    at = {0.0: standardiser(tiny, one).state_dict(), 1.0: standardiser(tiny, other).state_dict()}
    moments = Moments.of([other[:10], other[10:]])
    for weight in (0.0, 1.0):
        moved = standardiser(tiny, one)
        moved.move("photo", moments, weight)
        for name, tensor in moved.state_dict().items():
            wanted = at[weight if name.endswith("mean") else 0.0][name]
            torch.testing.assert_close(tensor, wanted, rtol=1e-5, atol=1e-6)
    moved.load_state_dict(at[0.0])
    moved.move("photo", moments, 0.25)
    mean = moved.state_dict()["photo_fused_mean"]
    torch.testing.assert_close(mean, 0.75 * at[0.0]["photo_fused_mean"] + 0.25 * at[1.0]["photo_fused_mean"])
    assert torch.equal(moved.state_dict()["drawn_fused_mean"], at[0.0]["drawn_fused_mean"])
    assert moved.distance("photo", moments)["fused"][0] > 0.1
    moved.load_state_dict(at[1.0])
    assert moved.distance("photo", moments)["fused"] == pytest.approx((0.0, 0.0), abs=1e-5)


def test_a_long_recording_counts_like_a_short_one(tiny: Combination) -> None:
    dice = torch.Generator().manual_seed(5)
    long, short = (tiny.extractor.features(torch.rand(n, 3, 16, 16, generator=dice)) for n in (50, 5))
    both = Moments.balanced([Moments.of([long]), Moments.of([short])])
    assert both.frames == 55
    torch.testing.assert_close(both.mean["fused"], (long.fused.double().mean(0) + short.fused.double().mean(0)) / 2)


def test_what_cannot_be_moved_is_refused(tiny: Combination) -> None:
    moments = seen(tiny, [1.0]).moments[0]
    with pytest.raises(ValueError, match="drawn"):
        tiny.standardiser.move("drawn", moments, 0.5)
    with pytest.raises(ValueError, match="weight"):
        tiny.standardiser.move("photo", moments, 1.5)


def test_frames_are_shared_out_up_to_the_limit() -> None:
    assert shares(3, 2000) == (3, MOST_EACH)
    assert shares(40, 2000) == (40, 50)
    assert shares(1000, 2000) == (400, 5)


def test_the_weight_grows_with_people_and_ends() -> None:
    weights = [shrinkage(n) for n in (1, 3, 6, 12, 10_000)]
    assert weights == sorted(weights)
    assert 0 < weights[0] < 0.2
    assert weights[-1] <= work.MOST_WEIGHT <= 1


# --- the model --------------------------------------------------------------------------------------------------------


def test_only_statistics_of_photographs_change_and_the_model_given_does_not(tiny: Combination) -> None:
    before = state_digest(tiny.learned)
    adapted = moved_towards(tiny, seen(tiny, [0.9, 0.8, 0.85]), 3)
    assert adapted.moved
    assert state_digest(tiny.learned) == before
    assert adapted.facts["weight"] == pytest.approx(shrinkage(3), abs=1e-4)
    old, new = tiny.learned.state_dict(), adapted.model.learned.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith("standardiser.photo_") for name in changed)
    away, now = (adapted.facts[key]["fused"]["mean"] for key in ("distance", "distance_after"))
    assert now < away
    assert state_digest(moved_towards(tiny, seen(tiny, [0.9, 0.8, 0.85]), 3).model.learned) == state_digest(
        adapted.model.learned
    )


def test_a_model_that_would_get_worse_is_left_as_it_is(tiny: Combination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "WORSE_END", -1.0)  # whatever happens is worse
    adapted = moved_towards(tiny, seen(tiny, [0.9, 0.8, 0.85]), 3)
    assert not adapted.moved
    assert adapted.facts["weight"] == 0.0
    assert adapted.facts["unchanged_because"]
    assert state_digest(adapted.model.learned) == state_digest(tiny.learned)


def measures(**changes: float) -> Measures:
    return Measures(
        **{"calm": {}, "calm_mean": 0.5, "at_zero": 0.4, "at_five": 0.01, "mirror": 0.8, "jitter": 0.9} | changes
    )


def test_what_counts_as_worse() -> None:
    assert not work.worse(measures(), measures(mirror=0.79, at_five=0.02, calm_mean=0.9))
    for change in ({"mirror": 0.7}, {"jitter": 0.8}, {"at_five": 0.1}, {"mirror": float("nan")}):
        assert work.worse(measures(), measures(**change)), change
    assert not work.worse(measures(mirror=float("nan")), measures(mirror=float("nan")))


def test_measures_of_known_readings() -> None:
    class Reader:
        def regress(self, features: Features) -> object:
            from aubench.parameters import FacialParameters

            out = FacialParameters.base(len(features))
            out.au[:] = features.fused
            return out

    au = torch.full((4, 23), 0.02)
    au[0, 8], au[3, 8], au[:, 21] = 1.0, 0.51, torch.tensor([0.1, 0.2, 0.3, 0.4])
    swapped = au.clone()
    swapped[:, [21, 22]] = au[:, [22, 21]]
    views = Views(Features(au, {}), Features(swapped, {}), Features(au, {}), np.array([0, 0, 0, 1]))
    told = measure(Reader(), views)  # type: ignore[arg-type]
    assert told.mirror == pytest.approx(1.0)
    assert told.jitter == pytest.approx(1.0)
    assert told.at_five == pytest.approx(1 / 92)
    assert told.at_zero == pytest.approx(86 / 92)
    assert told.calm["AU12"] == pytest.approx(2.5 / 2, abs=0.01)  # a calm frame of the first, the only one of the other
    assert np.isnan(agreement(np.zeros((4, 2)), np.zeros((4, 2))))
    pictures = torch.rand(2, 3, 16, 16)
    assert disturbed(pictures).shape == pictures.shape
    assert not torch.allclose(disturbed(pictures), pictures)


def test_a_model_without_statistics_is_refused(tiny: Combination, videos: Path) -> None:
    tiny.standardiser = Standardiser(tiny.shapes)
    with refused("plugin-unsupported"):
        adapt(tiny, find_recordings([str(videos)]))


# --- recordings -------------------------------------------------------------------------------------------------------


def test_videos_folders_patterns_and_pictures_are_sorted_into_recordings(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "v/x10.mp4",
        "v/x9.mp4",
        "v/.hidden.mp4",
        "v/deep/y.MOV",
        "v/notes.txt",
        "p/2.jpg",
        "p/10.jpg",
        "z.png",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    os.link("v/x9.mp4", "same.mp4")
    Path("link.mp4").symlink_to("v/x9.mp4")
    found = find_recordings(["v", "v/*.mp4", "link.mp4", "p", "z.png"])
    assert [one.name for one in found] == ["v/x10.mp4", "v/x9.mp4", "v/deep/y.MOV", "p", "."]
    assert [path.name for path in found[3].paths] == ["2.jpg", "10.jpg"]
    assert [one.pictures for one in found] == [False, False, False, True, True]


def test_inputs_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for text, code in (("gone.mp4", "file-missing"), ("g*.mp4", "file-missing"), ("0", "source-unsupported")):
        with refused(code, text):
            find_recordings([text])
    with refused("file-empty", "empty"):
        find_recordings([str(tmp_path / "empty")])
    with refused("file-empty"):
        find_recordings([])


def test_what_shows_no_face_is_named_and_left_out(tiny: Combination, videos: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.mp4").write_bytes(b"not a video")
    PIL.Image.fromarray(FACE).save(tmp_path / "one.jpg")
    said: list[str] = []
    counted: list[int] = []
    inputs = find_recordings([str(videos), str(tmp_path)])
    adapted = adapt(tiny, inputs, frames=30, say=said.append, progress=counted.append)
    assert adapted.facts["recordings"] == adapted.facts["people"] == 3
    assert adapted.facts["skipped"] == 3
    assert adapted.facts["frames"] == 15
    assert counted == sorted(counted)
    assert {name for name in ("nobody.mp4", "torn.mp4", str(tmp_path)) if any(name in line for line in said)} == {
        "nobody.mp4", "torn.mp4", str(tmp_path)
    }  # fmt: skip
    again = adapt(tiny, inputs, frames=30)
    assert again.facts == adapted.facts
    assert state_digest(again.model.learned) == state_digest(adapted.model.learned)
    with refused("dataset-incomplete", "2 people"):
        adapt(tiny, inputs, people=2, frames=30)
    with refused("dataset-incomplete"):  # enough were named, but not enough show a face
        adapt(tiny, find_recordings([str(videos / "a.mp4"), str(videos / "nobody.mp4"), str(tmp_path)]), frames=30)


# --- on disk ----------------------------------------------------------------------------------------------------------


def test_a_saved_model_reads_the_same_and_appears_whole(tiny: Combination, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    adapted = moved_towards(tiny, seen(tiny, [0.9, 0.8, 0.85]), 3)
    out = tmp_path / "models" / "lab"
    work.save(adapted, out, {"command": "aubench adapt"})
    assert sorted(path.name for path in out.parent.iterdir()) == ["lab"]
    assert sorted(path.name for path in out.iterdir()) == ["model.json", "model.safetensors"]
    assert is_adapted(out / "model.json")
    assert not is_adapted(tmp_path / "gone.json")
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(9))
    read, own = (model.predict(images).vector() for model in (Combination.load(out), adapted.model))
    torch.testing.assert_close(read, own, rtol=0, atol=0)
    assert not torch.allclose(read, tiny.predict(images).vector())
    about = json.loads((out / "model.json").read_text())["about"]
    assert about["adapted"]["people"] == 3
    assert about["command"] == "aubench adapt"

    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def fails(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Combination, "save", fails)
    with pytest.raises(OSError, match="space"):
        work.save(moved_towards(tiny, seen(tiny, [0.5, 0.6, 0.7]), 3), out, {})
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in out.parent.iterdir()) == ["lab"]


def test_the_command_adapts_the_shipped_model_and_predict_reads_with_it(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "lab"
    line = ["adapt", str(videos / "*.mp4"), str(videos / "more"), "--out", str(out), "--frames", "24"]
    assert cli.main(line) == 0
    told = capsys.readouterr()
    assert "3 people, 3 recordings, 18 frames" in told.out
    assert "nobody.mp4" in told.err
    card = json.loads((out / "model.json").read_text())
    facts, shipped = card["about"]["adapted"], load_shipped()
    assert facts["skipped"] == 1
    assert len(facts["frames_sha256"]) == 64
    assert card["about"]["parent"] == {"run": "shipped", "digest": shipped.person_digest}
    assert set(facts["before"]) == set(facts["after"]) == set(Measures.__dataclass_fields__)
    assert facts["weight"] == pytest.approx(shrinkage(3), abs=1e-4)  # and not a fall back
    made = Combination.load(out)
    assert made.person_digest != shipped.person_digest
    assert made.renderer_choice == shipped.renderer_choice
    assert state_digest(made.regressor) == state_digest(shipped.regressor)

    assert cli.main(line) == 2
    assert_refused(capsys.readouterr().err, "output-exists", str(out))
    (out / "notes.txt").write_text("mine")
    assert cli.main([*line, "--overwrite"]) == 2
    assert_refused(capsys.readouterr().err, "output-exists", str(out))
    (out / "notes.txt").unlink()

    PIL.Image.fromarray(FACE).save(tmp_path / "face.png")
    table = tmp_path / "face.csv"
    assert cli.main(["predict", str(tmp_path / "face.png"), "--out", str(table), "--run", str(out)]) == 0
    assert table.read_text().splitlines()[1].split(",")[3] != ""


@pytest.mark.parametrize(
    ("inputs", "options", "code"),
    [
        (["gone.mp4"], [], "file-missing"),
        (["a.mp4"], [], "dataset-incomplete"),
        (["."], ["--people", "2"], "dataset-incomplete"),
        (["nobody.mp4"], ["--people", "5"], "no-face"),
        (["."], ["--run", "nowhere"], "run-missing"),
    ],
)
def test_mistakes_are_told_in_one_line(
    inputs: list[str],
    options: list[str],
    code: str,
    videos: Path,
    tmp_path: Path,
    tiny: Combination,
    monkeypatch,
    capsys,
) -> None:
    if code == "no-face":
        from aubench.cli import predict

        monkeypatch.setattr(predict, "load_model", lambda run, device: tiny)
    out = tmp_path / "lab"
    assert cli.main(["adapt", *(str(videos / each) for each in inputs), "--out", str(out), *options]) == 2
    assert_refused(capsys.readouterr().err, code)
    assert not out.exists()

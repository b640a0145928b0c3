"""Every preset of every command that trains, with a handful of faces and two steps: parts fit, files are found."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import fake_face
import pytest
import tiny_parts
import torch
from refusals import assert_refused, refused

from aubench import discovery
from aubench.cli import main
from aubench.combination import feature_shapes
from aubench.component import Config
from aubench_training import preflight, samples
from aubench_training.datasets import with_recipe
from aubench_training.pretrain import generator, landmark, publish

SIZES = {"small": {"extractor": 192, "landmark": 192}, "real-faces": {"extractor": 192, "landmark": 192}}
FEW = ["photo=2", "game=2", "held_out=2", "batch=2"]
FACES = {
    "extractor": FEW,
    "landmark": FEW,
    "recogniser": ["identities=2", "photos=2", "games=2", "held_out=2", "batch=2"],
    "generator": ["faces=4", "held_out=2", "batch=2"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder and a cache of this module's own, so that faces are drawn and networks are trained once."""
    place, before = tmp_path_factory.mktemp("home"), Path.cwd()
    patch = pytest.MonkeyPatch()
    patch.setenv("AUBENCH_PLUGINS", "fake_plugin")
    patch.setenv("AUBENCH_CACHE", str(place / "cache"))
    # The gain of each AU on one face in place of eight.
    plain = generator.gain_faces
    patch.setattr(generator, "gain_faces", lambda engine, seed: plain(engine, seed, 1)[:1])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    discovery.forget()
    os.chdir(place)
    yield place
    os.chdir(before)
    torch.set_num_threads(threads)
    patch.undo()
    discovery.forget()


def pretrain(what: str, preset: str, *more: str) -> int:
    """Two steps on faces of ellipses of the size of the preset's own engine."""
    size = SIZES.get(preset, {}).get(what, 256 if preset == "paper" else 128)
    sets = [f"engine={{name: fake, config: {{size: {size}}}}}", *FACES[what]]
    if preset == "real-faces" and what in ("extractor", "landmark"):
        sets.append(f"more=[{{engine: {{name: fake, config: {{size: {size}}}}}, photo: 2, game: 1}}]")
    words = [word for entry in sets for word in ("--set", entry)]
    return main(
        ["pretrain", what, "--preset", preset, "--steps", "2", "--workers", "0", "--device", "cpu", *words, *more]
    )


def require(what: str, preset: str) -> None:
    """Train a network that others need, unless a test has done so in this process: which ones run here varies."""
    if not Path(f"runs/pretrain-{preset}-{what}-s0/quality.json").is_file():
        assert pretrain(what, preset) == 0


@pytest.mark.parametrize("preset", publish.PRESETS)
@pytest.mark.parametrize("what", publish.NETWORKS)
def test_networks(home: Path, what: str, preset: str) -> None:
    if (what, preset) == ("landmark", "paper"):  # two steps take twelve seconds: its parts are tried instead
        recipe = publish.load_recipe(what, preset, landmark.LandmarkRecipe)
        landmark.check_landmark(recipe, publish.Request(out=home / "out"))
        return
    if (what, preset) == ("generator", "paper"):
        require("extractor", preset)
    assert pretrain(what, preset) == 0
    out = Path(f"runs/pretrain-{preset}-{what}-s0")
    assert (out / "quality.json").is_file()
    assert len(list(out.glob("*.safetensors"))) == 1


FEW_FRAMES = "{subjects: 3, sequences: 1, frames_per_sequence: 2, workers: 1%s}"
TRAIN = [
    "--device", "cpu", "--baselines", "zero,mean", "--steps", "1",
    *(word for entry in ("sampled.count=6", "sampled.held_out=2", "loopback.steps=1", "loopback.sampled_batch=4",
                         "label_free.batch=2", "label_free.sampled_batch=4") for word in ("--set", entry)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "preset"),
    [("default", "small"), ("paper", "small"), ("real-faces", "small"), ("default", "paper")],
)
def test_train(home: Path, recipe: str, preset: str) -> None:
    """With the preset `paper`, on networks that lie where the preset looks for them."""
    if preset == "paper":
        for what in ("extractor", "generator", "recogniser"):
            require(what, preset)
    more = ", size: 256" if preset == "paper" else ""
    sets = []
    if recipe == "real-faces":  # the scanned heads are not at hand
        more = ", size: 192"
        sets = ["engine={name: bdfm, config: {size: 192}}", "sampled.more=[]"]
    sets.append(f"datasets=[{{name: synth, config: {FEW_FRAMES % more}}}]")
    words = [word for entry in sets for word in ("--set", entry)]
    out = Path(f"runs/{recipe}-{preset}")
    assert main(["train", "--recipe", recipe, "--preset", preset, *TRAIN, *words, "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["training"]["steps"] == (1 if recipe == "paper" else 2)
    assert set(report["rows"]) == {"raw", "calibrated", "zero", "mean", "zero (baseline)", "mean (baseline)"}
    assert not any("failed" in row for row in report["rows"].values())


# --- mistakes, told before a picture is drawn -------------------------------------------------------------------------


@pytest.fixture
def elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another working folder and cache, in which nothing may be drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(samples, "_render", lambda *_: pytest.fail("a face was drawn"))
    monkeypatch.setattr(fake_face.FakeFace, "draw", lambda *_, **__: pytest.fail("a face was drawn"))
    return tmp_path


def test_a_network_is_asked_for_before_those_that_it_needs(elsewhere: Path, capsys) -> None:
    weights = "runs/pretrain-paper-extractor-s0/bisenet.safetensors"
    assert pretrain("generator", "paper") == 2
    assert_refused(capsys.readouterr().err, "weights-missing", weights, "--set extractor.config.weights=")
    assert main(["train", "--preset", "paper", "--out", "run"]) == 2
    assert_refused(capsys.readouterr().err, "weights-missing", weights, "aubench pretrain --recipe paper")
    assert not Path("run").exists()


def test_weights_of_one_size_do_not_enter_a_network_of_another(elsewhere: Path, capsys) -> None:
    more = ("--set", "extractor.config.weights=shipped")
    assert pretrain("generator", "paper", *more) == 2
    assert_refused(capsys.readouterr().err, "weights-mismatch", "bisenet.safetensors")
    assert main(["train", "--recipe", "real-faces", "--preset", "paper", "--out", "run"]) == 2
    assert_refused(capsys.readouterr().err, "option-conflict", "--preset paper", "shipped:real-faces")
    assert main(["train", "--set", "extractor.config.width=48", "--out", "run"]) == 2
    assert_refused(capsys.readouterr().err, "weights-mismatch", "bisenet.safetensors")
    assert not Path("run").exists()


def test_presets_are_shipped_beside_each_other(elsewhere: Path, monkeypatch, capsys) -> None:
    card = discovery.find("extractor", "bisenet")
    files = {publish.shipped(card, publish.variant_of(preset)).name for preset in publish.PRESETS}
    assert files == {"bisenet.safetensors", "bisenet-paper.safetensors", "bisenet-real-faces.safetensors"}
    monkeypatch.setattr(publish, "install", lambda *_: pytest.fail("shipped weights were overwritten"))
    more = ("--install", "--set", "network.config.width=8")
    for preset, start in (("small", ()), ("real-faces", ("--set", "start=none"))):
        assert pretrain("extractor", preset, *more, *start) == 2
        assert_refused(capsys.readouterr().err, "option-conflict", "bisenet", "'width': 8")


def test_a_folder_with_finished_weights_is_left_alone(home: Path, elsewhere: Path, capsys) -> None:
    out = home / "runs" / "finished"
    out.mkdir(parents=True)
    (out / "quality.json").write_text('{"quality": {}, "command": "aubench pretrain"}')
    assert pretrain("recogniser", "small", "--out", str(out)) == 2
    assert_refused(capsys.readouterr().err, "run-exists", out)
    Path("file").write_text("")
    assert pretrain("recogniser", "small", "--out", "file/run") == 2
    assert_refused(capsys.readouterr().err, "output-unwritable", "file")
    assert main(["train", "--out", "file/run"]) == 2
    assert_refused(capsys.readouterr().err, "output-unwritable", "file")


@pytest.mark.parametrize(
    ("what", "entries", "code"),
    [
        ("generator", ["engine.config.size=256", "network.config.size=128"], "config-invalid"),
        ("extractor", ["more=[{engine: {name: fake, config: {size: 64}}, photo: 2}]"], "config-invalid"),
        ("extractor", ["network={name: fake, config: {}}"], "config-invalid"),
        ("landmark", ["engine={name: neural, config: {}}"], "plugin-unsupported"),
        ("recogniser", ["batch=0"], "config-invalid"),
        ("recogniser", ["photos=1"], "config-invalid"),
    ],
)
def test_parts_that_do_not_fit(elsewhere: Path, capsys, what: str, entries: list[str], code: str) -> None:
    assert pretrain(what, "small", *(word for entry in entries for word in ("--set", entry))) == 2
    assert_refused(capsys.readouterr().err, code)


def test_the_size_of_a_recipe_reaches_every_data_set() -> None:
    asked = [{"name": name, "config": {}} for name in ("synth", "disfa", "folder")]
    assert {part["config"]["size"] for part in with_recipe(asked, "real-faces")} == {192}
    assert with_recipe([asked[1]], "default") == [asked[1]]
    own = {"name": "disfa", "config": {"size": 64}}
    assert with_recipe([own], "real-faces") == [own], "what was asked for by name stays"


@pytest.mark.parametrize(("words", "sizes"), [({"image"}, (16, 32)), ({"features"}, (32, 32))])
def test_sizes_that_do_not_go_together(words: set[str], sizes: tuple[int, int]) -> None:
    extractor = tiny_parts.TinyExtractor(Config())
    bench = SimpleNamespace(
        words=words,
        datasets=[SimpleNamespace(name=f"d{size}", config=SimpleNamespace(size=size)) for size in sizes],
        combination=SimpleNamespace(extractor=extractor, shapes=feature_shapes(extractor, 16), size=16),
        config=SimpleNamespace(extractor=publish.Part(name="tiny"), engine=publish.Part(name="tiny")),
    )
    with refused("config-invalid", "16 px", "d32"):
        preflight._check_sizes(bench)

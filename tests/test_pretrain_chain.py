"""`aubench pretrain --recipe NAME`: all networks in order; and faces of several engines in one training."""

from __future__ import annotations

import pytest
import torch
from refusals import refused
from typer.testing import CliRunner

from aubench import discovery
from aubench.cli import app, pretrain
from aubench_training.pretrain.extractor import ExtractorRecipe
from aubench_training.pretrain.faces import MoreFaces, face_pools, pool_names
from aubench_training.pretrain.publish import Part, Request, build_blank, started_from

NETWORKS = ["extractor", "landmark", "recogniser", "generator"]


@pytest.fixture
def trained(monkeypatch):
    """What each network's training was told, instead of a training."""
    calls = []

    def spy(what):
        def train(preset, over, request):
            calls.append((what, preset, over, request))
            request.out.mkdir(parents=True, exist_ok=True)
            (request.out / "quality.json").write_text('{"quality": {}, "command": ""}')
            (request.out / f"any-{what}.safetensors").write_bytes(b"")

        return train

    for what in NETWORKS:
        monkeypatch.setattr(pretrain, f"_{what}", spy(what))
    monkeypatch.setattr(pretrain, "_check", lambda what, preset, request: calls.append(f"check {what}"))
    return calls


def test_all_networks_in_order_and_only_what_is_left(tmp_path, trained):
    command = ["pretrain", "--recipe", "real-faces", "--out", str(tmp_path), "--seed", "3"]
    (tmp_path / "pretrain-real-faces-recogniser-s3" / "checkpoints").mkdir(parents=True)
    assert CliRunner().invoke(app, command).exit_code == 0
    assert trained[:4] == [f"check {what}" for what in NETWORKS], "all of them before the first face is drawn"
    del trained[:4]
    assert [call[0] for call in trained] == NETWORKS
    assert {call[1] for call in trained} == {"real-faces"}
    assert [call[3].resume for call in trained] == [False, False, True, False], "only what was begun goes on"
    weights = trained[3][2]["extractor"]["config"]["weights"]
    assert weights == str(tmp_path / "pretrain-real-faces-extractor-s3" / "any-extractor.safetensors")
    assert {call[3].variant for call in trained} == {"real-faces"}
    assert trained[0][3].command == "aubench pretrain extractor --preset real-faces --seed 3"
    trained.clear()
    (tmp_path / "pretrain-real-faces-generator-s3" / "quality.json").unlink()
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0, again.output + repr(again.exception)
    assert [call[0] for call in trained[1:]] == ["generator"]
    assert trained[1][3].command.endswith(f"--set extractor.config.weights={weights}"), "the command repeats it"


def test_faces_of_several_engines(tmp_path, monkeypatch):
    monkeypatch.setenv("AUBENCH_PLUGINS", "fake_plugin")
    discovery.forget()
    try:
        part = Part(name="fake", config={"size": 32})
        more = [MoreFaces(engine=part, photo=5), MoreFaces(engine=part, photo=2, game=3)]
        recipe = ExtractorRecipe(engine=part, photo=8, game=4, held_out=3, more=more)
        learned, held_out = face_pools(recipe, Request(out=tmp_path, cache=tmp_path / "cache", workers=0))
    finally:
        discovery.forget()
    assert [len(pool) for pool in learned] == [8, 4, 5, 2, 3]
    assert pool_names(recipe) == ["photo", "game", "fake_photo", "fake_photo", "fake_game"]
    assert {name: len(pool) for name, pool in held_out.items()} == dict.fromkeys(
        ["game", "photo", "fake_photo", "fake_game"], 3
    )


def test_a_training_goes_on_from_weights():
    part = Part(name="bisenet", config={"width": 8, "size": 32})
    _, blank = build_blank("extractor", Part(name="bisenet"))
    _, begun = build_blank("extractor", Part(name="bisenet"), start="shipped")
    shipped = discovery.build("extractor", "bisenet").state_dict()
    key = "cp.resnet.conv1.weight"
    assert torch.equal(begun.state_dict()[key], shipped[key])
    assert not torch.equal(blank.state_dict()[key], shipped[key])
    (fact,) = started_from(begun).values()
    assert "aubench pretrain extractor" in fact
    assert started_from(blank) == {}
    with refused("weights-mismatch"):
        build_blank("extractor", part, start="shipped")

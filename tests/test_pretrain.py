"""Pretraining: the measures by hand, augmentation that keeps labels in place, and each network learning something."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_face import CARD, FakeConfig, FakeFace
from refusals import refused
from torch import nn

from aubench import discovery, weights
from aubench.contracts import PARSING_CLASSES
from aubench.landmarks import MIRRORED
from aubench.parameters import AU, AU_NAMES, BROW, IDENTITY, POSE, FacialParameters, au_index
from aubench_training.pretrain import augment as augmentation
from aubench_training.pretrain import loop, perceptual, publish, quality
from aubench_training.pretrain.extractor import (
    ExtractorRecipe,
    mirrored,
    parsing_loss,
    pretrain_extractor,
    upsampling_rows,
)
from aubench_training.pretrain.generator import (
    GeneratorRecipe,
    change_loss,
    gain_faces,
    imitation_vectors,
    pretrain_generator,
)
from aubench_training.pretrain.loop import Budget, Settings, epoch_rows, rate_at, train
from aubench_training.pretrain.publish import Part, Request, load_recipe, pool_seed
from aubench_training.pretrain.recogniser import (
    RecogniserRecipe,
    centre_layers,
    embed_codes,
    identity_codes,
    identity_vectors,
    pretrain_recogniser,
)


@pytest.fixture
def fake_engine(monkeypatch):
    """The ellipse face under the name ``fake``."""
    monkeypatch.setenv("AUBENCH_PLUGINS", "fake_plugin")
    discovery.forget()
    yield "fake"
    discovery.forget()


def request(tmp_path, steps, **options):
    return Request(out=tmp_path / "out", steps=steps, cache=tmp_path / "cache", workers=0, command="test", **options)


# --- measures ---------------------------------------------------------------------------------------------------------


def test_iou_by_hand():
    confusion = quality.Confusion(classes=3)
    truth = torch.tensor([[0, 0, 1, 1, 255]])
    confusion.add(truth, torch.tensor([[0, 1, 1, 1, 2]]))
    iou = confusion.iou()
    assert iou[0] == pytest.approx(1 / 2)
    assert iou[1] == pytest.approx(2 / 3)
    assert np.isnan(iou[2])
    assert confusion.mean_iou() == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_psnr_and_ssim_by_hand():
    truth = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.8
    assert quality.psnr(truth + 0.1, truth).tolist() == pytest.approx([20.0, 20.0], abs=1e-4)
    assert quality.ssim(truth, truth) == pytest.approx(np.ones(2))
    # Two constant pictures: only the luminance term is left, (2ab + C1) / (a^2 + b^2 + C1).
    a, b, c1 = 0.2, 0.6, 0.01**2
    flat = quality.ssim(torch.full((1, 3, 32, 32), a), torch.full((1, 3, 32, 32), b))
    assert flat[0] == pytest.approx((2 * a * b + c1) / (a**2 + b**2 + c1), abs=1e-6)


def test_feature_distance_by_hand():
    one = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    other = torch.tensor([4.0, 3.0]).view(1, 2, 1, 1)
    assert quality.feature_distance([one], [5 * one]).item() == pytest.approx(0, abs=1e-6)
    assert quality.feature_distance([one, one], [other, one]).item() == pytest.approx(0.08 / 2, abs=1e-5)


def test_auc_and_eer_by_hand():
    same, different = np.array([0.9, 0.6]), np.array([0.7, 0.6, 0.1])
    assert quality.verification_auc(same, different) == pytest.approx((3 + 1.5) / 6)
    assert quality.equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0
    assert quality.verification_auc(np.array([0.1]), np.array([0.9])) == 0


def test_gain_of_known_imitations():
    engine = FakeFace(FakeConfig(size=32))
    faces = gain_faces(engine, 1, 2)
    base = engine.draw(faces.emotionless()).image

    def half(parameters):
        return base + 0.5 * (engine.draw(parameters).image - base)

    gains = quality.au_gains(half, engine, faces)
    assert set(gains) == set(AU_NAMES)
    assert gains["AU12"].gain == pytest.approx(0.5, abs=1e-6)
    assert gains["AU12"].correlation == pytest.approx(1.0, abs=1e-6)
    assert gains["AU17"].change == 0, "the ellipse face has no AU17"
    blind = quality.au_gains(lambda p: base, engine, faces)
    assert all(gain.gain == 0 and gain.correlation == 0 for gain in blind.values())


# --- parts ------------------------------------------------------------------------------------------------------------


def test_landmark_mirror_is_an_involution_and_keeps_parts():
    table = np.array(MIRRORED)
    assert sorted(table) == list(range(68))
    np.testing.assert_array_equal(table[table], np.arange(68))
    assert table[0] == 16
    assert table[36] == 45
    assert table[48] == 54
    assert table[30] == 30
    assert set(table[60:68]) == set(range(60, 68))


def test_mirrored_targets_twice_are_the_same():
    targets = np.random.default_rng(0).random((3, 161))
    np.testing.assert_allclose(mirrored(mirrored(targets, 64), 64), targets)
    au = mirrored(targets, 64)[:, 138:]
    np.testing.assert_array_equal(au[:, au_index("AU30L")], targets[:, 138 + au_index("AU30R")])


def test_augmentation_moves_labels_with_the_picture():
    images = np.zeros((24, 64, 64, 3), np.uint8)
    parsing = np.zeros((24, 64, 64), np.uint8)
    l_eye, r_eye = (PARSING_CLASSES.index(name) for name in ("l_eye", "r_eye"))
    parsing[:, 20:30, 8:28] = r_eye
    parsing[:, 20:30, 36:56] = l_eye
    done = augmentation.augment(images, parsing, np.random.default_rng(0))
    flipped = done.flipped.numpy()
    assert 0 < flipped.sum() < 24
    for labels in done.parsing.numpy():
        left, right = np.nonzero(labels == l_eye)[1], np.nonzero(labels == r_eye)[1]
        assert left.mean() > right.mean(), "the person's left eye stays on the picture's right"
    assert done.image.min() >= 0
    assert done.image.max() <= 1
    again = augmentation.augment(images, parsing, np.random.default_rng(0))
    assert torch.equal(done.image, again.image)
    untouched = augmentation.augment(images, parsing, np.random.default_rng(0), strength=0)
    np.testing.assert_array_equal(untouched.parsing.numpy(), parsing)


def test_parsing_loss_equals_plain_cross_entropy():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 19, 4, 4, generator=random)
    labels = torch.randint(0, 19, (2, 32, 24), generator=random)
    labels[0, :4] = quality.IGNORED
    weight = torch.rand(19, generator=random) + 0.5
    fine = nn.functional.interpolate(logits, size=(32, 24), mode="bilinear", align_corners=True)
    plain = nn.functional.cross_entropy(fine[..., 1::2, 1::3], labels[:, 1::2, 1::3], weight, ignore_index=255)
    mine = parsing_loss(logits, labels[:, 1::2, 1::3], (range(1, 32, 2), range(1, 24, 3)), (32, 24), weight)
    assert mine.item() == pytest.approx(plain.item(), rel=1e-5)
    assert upsampling_rows(4, 32, range(32)).sum(1) == pytest.approx(torch.ones(32))


def test_change_loss_is_one_for_no_change_and_zero_for_the_right_one():
    random = torch.Generator().manual_seed(0)
    truth = torch.rand(4, 3, 16, 16, generator=random)
    still = torch.rand(2, 3, 16, 16, generator=random).repeat(2, 1, 1, 1)
    assert change_loss(still, truth).item() == pytest.approx(1, abs=1e-3)
    assert change_loss(truth * 1.0 + 0.1, truth).item() == pytest.approx(0, abs=1e-6)


def test_imitation_pairs_differ_in_one_au():
    vectors = imitation_vectors(FakeFace(FakeConfig()), 200, 5)
    first, second = vectors[::2], vectors[1::2]
    moved = np.abs(first - second) > 0
    assert (moved.sum(1) == 1).all()
    assert moved[:, AU].any(1).all()
    assert moved[:, AU].any(0).all(), "every AU has its turn"
    assert np.abs(first - second).max(1).min() >= 0.39
    assert vectors.min() >= 0
    assert vectors.max() <= 1


def test_identities_keep_identity_and_brow_only():
    sample = FakeFace(FakeConfig()).sample(12, 0).vector().numpy()
    runs = identity_vectors(sample, 3, 4, 0).reshape(3, 4, -1)
    for part, constant in ((IDENTITY, True), (BROW, True), (POSE, False), (AU, False)):
        assert bool((runs[:, 1:, part] == runs[:, :1, part]).all()) is constant
    assert (runs[:, 0, AU] == np.float32(0.02)).all()
    assert not np.allclose(runs[0, :, IDENTITY], runs[1, :, IDENTITY])


def test_identity_codes_keep_who_is_like_whom():
    random = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 3, 64, 64, generator=random)
    pictures = torch.stack([one, one + 0.01 * other, other, other + 0.01 * one, 0.5 * one + 0.5 * other])
    codes = identity_codes(pictures, 3)
    assert codes.shape == (5, 3)
    assert codes.square().mean().item() == pytest.approx(1)
    cosine = nn.functional.cosine_similarity
    assert cosine(codes[:1], codes[1:2]).item() > 0.9
    assert cosine(codes[:1], codes[2:3]).item() < 0


def test_the_embedding_becomes_the_code():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 9))
    network.embed = network.forward
    image = torch.rand(200, 3, 2, 2)
    codes = image.flatten(1)[:, :4] - 0.5
    embed_codes(network, image, codes, torch.device("cpu"), 0)
    embedding = network(image).detach()
    assert torch.linalg.matrix_rank(embedding - embedding.mean(0), rtol=1e-3).item() == 4
    mine = nn.functional.normalize(embedding, dim=1) @ nn.functional.normalize(embedding, dim=1).T
    theirs = nn.functional.normalize(codes, dim=1) @ nn.functional.normalize(codes, dim=1).T
    assert torch.corrcoef(torch.stack([mine.flatten(), theirs.flatten()]))[0, 1].item() > 0.8
    stranger = SimpleNamespace(embed=lambda x: x.flatten(1), modules=list)
    with refused("plugin-unsupported"):
        embed_codes(stranger, image, codes, torch.device("cpu"), 0)


def test_layers_start_centred():
    torch.manual_seed(0)
    network = discovery.build("recogniser", "lightcnn", {"width": 0.05, "weights": "none"})
    image = 0.5 + 0.1 * torch.rand(12, 3, 32, 32)
    alike = nn.functional.cosine_similarity(*network.embed(image[:2]).split(1)).item()
    centre_layers(network, image)
    embedding = network.embed(image)
    assert embedding.mean(0) == pytest.approx(torch.zeros(256), abs=1e-3)
    assert embedding.std(0) == pytest.approx(torch.ones(256), abs=0.1)
    assert nn.functional.cosine_similarity(*embedding[:2].split(1)).item() < alike


def test_held_out_faces_are_never_trained_on():
    seeds = {pool_seed(seed, f"{name} {part}") for seed in range(50) for name in "ab" for part in ("train", "held-out")}
    assert len(seeds) == 200
    engine = FakeFace(FakeConfig())
    train_faces, held_out = (engine.sample(300, pool_seed(0, part)).identity.numpy() for part in ("train", "held-out"))
    assert not (train_faces[:, None] == held_out[None]).all(-1).any()


def test_vgg16_reads_torchvisions_names_and_ignores_the_rest(tmp_path):
    plain = perceptual.Vgg16()
    state = {f"features.{i}.{n}": t for i, layer in enumerate(plain.features) for n, t in layer.named_parameters()}
    assert list(state)[-1] == "features.21.bias"
    file = tmp_path / "vgg16.pth"
    beyond = {"features.24.weight": torch.zeros(512, 512, 3, 3), "classifier.0.bias": torch.zeros(4)}
    torch.save({name: torch.full_like(t, 0.01) for name, t in state.items()} | beyond, file)
    loaded = perceptual.Vgg16(file)
    assert loaded.features[0].weight.unique().item() == pytest.approx(0.01)
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    maps = loaded(image)
    assert [tuple(m.shape[1:]) for m in maps] == [(128, 16, 16), (256, 8, 8), (512, 4, 4)]
    perceptual.perceptual_loss(maps, [m.detach() * 0.5 for m in maps]).backward()
    assert image.grad.abs().sum() > 0
    assert perceptual.perceptual_loss([2 * maps[0]], [maps[0]]).item() == pytest.approx(1, abs=1e-4)


# --- the loop ---------------------------------------------------------------------------------------------------------


class Line:
    """Fits a line; enough to test a loop."""

    def __init__(self, die_at=None):
        torch.manual_seed(7)
        self.network: nn.Module = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        self.helpers: nn.Module = nn.Module()
        self.die_at, self.seen = die_at, 0

    def batch(self, step):
        x = torch.from_numpy(np.random.default_rng([1, step]).normal(size=(16, 3)).astype(np.float32))
        return x, x.sum(1, keepdim=True)

    def loss(self, batch, fraction):
        self.seen += 1
        if self.seen == self.die_at:
            raise KeyboardInterrupt
        x, y = batch
        return (self.network(x + 0.01 * torch.randn_like(x)) - y).square().mean(), {}


def run(folder, learner, budget, **options):
    settings = Settings(rate=0.01, seconds_between_checkpoints=0.0)
    return train(learner, budget, settings, folder, title="line", seed=3, device=torch.device("cpu"), **options)


def losses(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["loss"] for row in rows}


def test_loop_learns_and_a_killed_run_ends_the_same(tmp_path):
    whole = run(tmp_path / "a", Line(), Budget(steps=60))
    seen = losses(tmp_path / "a")
    assert seen[60] < 0.5 * seen[20]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", Line(die_at=35), Budget(steps=60))
    with refused("run-exists", tmp_path / "b", "--resume"):
        run(tmp_path / "b", Line(), Budget(steps=60))
    resumed = run(tmp_path / "b", Line(), Budget(steps=60), resume=True)
    assert resumed.steps == whole.steps == 60
    for mine, theirs in zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_budget_in_minutes_ends_with_a_finished_schedule(tmp_path):
    outcome = run(tmp_path, Line(), Budget(minutes=0.02))
    assert outcome.steps > 10
    assert 1.0 < outcome.seconds < 8.0
    settings = Settings(rate=1.0)
    assert rate_at(0.025, settings) == pytest.approx(0.5)
    assert rate_at(1.0, settings) == pytest.approx(settings.final)
    assert Budget(steps=10, minutes=1).fraction(5, 45) == pytest.approx(0.75)


def test_loop_gives_up_on_a_loss_that_is_not_finite(tmp_path):
    learner = Line()
    learner.loss = lambda batch, fraction: (next(learner.network.parameters()).sum() * float("nan"), {})
    with refused("training-diverged", tmp_path):
        run(tmp_path, learner, Budget(steps=100))
    assert loop.MAXIMUM_BAD_STEPS < 100


def test_every_row_is_seen_once_a_pass():
    rows = np.concatenate([epoch_rows(12, 4, step, 0) for step in range(3)])
    assert sorted(rows) == list(range(12))
    np.testing.assert_array_equal(epoch_rows(12, 4, 1, 0), rows[4:8])
    assert not np.array_equal(epoch_rows(12, 4, 3, 0), rows[:4])


def test_recipes_are_complete_and_checked():
    for name, model in (
        ("extractor", ExtractorRecipe),
        ("generator", GeneratorRecipe),
        ("recogniser", RecogniserRecipe),
    ):
        for preset in publish.PRESETS:
            recipe = load_recipe(name, preset, model)
            assert recipe.engine.name == ("ict" if preset == "real-faces" else "bdfm")
            assert load_recipe(name, preset, model, {"steps": 7}).steps == 7
        with refused("config-invalid", "batch"):
            load_recipe(name, "small", model, {"bach": 3})
    with refused("name-unknown", "--preset smal", "small"):
        load_recipe("extractor", "smal", ExtractorRecipe)


# --- whole pretrainings on the ellipse face ---------------------------------------------------------------------------


def test_extractor_learns_to_parse(tmp_path, fake_engine):
    part = Part(name="bisenet", config={"width": 8, "size": 32})
    recipe = ExtractorRecipe(
        engine=Part(name=fake_engine, config={"size": 32}),
        network=part,
        photo=96,
        game=48,
        held_out=32,
        batch=16,
        rate=0.01,
        strength=0.3,
        parameters=0.2,
    )
    found = pretrain_extractor(recipe, request(tmp_path, 40))
    assert found["miou_photo"] > 0.2, "guessing the largest class gives less than 0.1"
    assert found["iou_photo"]["skin"] > 0.4
    assert max(found["au_probe_game"][name] for name in ("AU01", "AU12", "AU26")) > 0.25, "the AUs that ellipses show"
    out = tmp_path / "out"
    _, header = weights.read(out / "bisenet.safetensors")
    assert header["command"] == "test"
    assert header["engine_digest"] == "fake-1"
    assert json.loads(header["quality"])["miou_photo"] == pytest.approx(found["miou_photo"], abs=1e-3)
    assert "| skin |" in (out / "quality.md").read_text()
    assert json.loads((out / "quality.json").read_text())["quality"]["miou_game"] == pytest.approx(found["miou_game"])
    assert not (out / "checkpoints").exists()
    tensors, _ = weights.read(out / "bisenet.safetensors")
    assert tensors["cp.resnet.conv1.weight"].dtype == torch.float16
    extractor = discovery.build("extractor", "bisenet", {**part.config, "weights": str(out / "bisenet.safetensors")})
    assert len(extractor.features(torch.rand(2, 3, 32, 32)).maps) == 5


def test_generator_learns_to_draw(tmp_path, fake_engine, monkeypatch):
    recipe = GeneratorRecipe(
        engine=Part(name=fake_engine, config={"size": 64}),
        network=Part(name="neural", config={"size": 64, "channels": (32, 32, 24, 16, 16, 8, 8)}),
        extractor=Part(name="bisenet", config={"width": 4, "size": 64, "weights": "none"}),
        faces=96,
        held_out=16,
        batch=16,
        rate=0.004,
        ema=0.9,
        perceptual_from=0.9,
    )
    target = tmp_path / "shipped" / "assets" / "neural-real.safetensors"
    plain = publish.shipped
    monkeypatch.setattr(publish, "shipped", lambda card, variant="": target if variant == "real" else plain(card))
    found = pretrain_generator(recipe, request(tmp_path, 60, install=True, variant="real"))
    seen = losses(tmp_path / "out")
    assert seen[40] < seen[20], "the perceptual loss joins after step 54"
    assert found["psnr"] > 9
    assert 0 < found["ssim"] < 1
    assert found["feature_distance"] > 0
    assert set(found["gains"]) == set(AU_NAMES)
    assert "AU17" in found["weak_aus"], "what the engine does not draw is reported"
    assert target.read_bytes() == (tmp_path / "out" / "neural.safetensors").read_bytes()
    renderer = discovery.build("renderer", "neural", {**recipe.network.config, "weights": str(target)})
    assert renderer.draw(FacialParameters.base(2)).image.shape == (2, 3, 64, 64)


def test_recogniser_learns_identities(tmp_path, fake_engine):
    recipe = RecogniserRecipe(
        engine=Part(name=fake_engine, config={"size": 32}),
        network=Part(name="lightcnn", config={"width": 0.1}),
        identities=4,
        photos=2,
        games=2,
        held_out=6,
        batch=8,
        rate=0.003,
        components=3,
    )
    found = pretrain_recogniser(recipe, request(tmp_path, 40))
    seen = losses(tmp_path / "out")
    assert seen[40] < seen[20]
    assert all(0 <= row["auc"] <= 1 for row in found["verification"].values())
    assert set(found["verification"]) == {"photo against photo", "game against game", "game against photo"}


def test_shipped_weights_lie_in_the_plugins_folder():
    card = discovery.find("extractor", "bisenet")
    path = publish.shipped(card)
    assert path.parts[-3:] == ("bisenet", "assets", "bisenet.safetensors")
    assert publish.shipped(card, "ict").name == "bisenet-ict.safetensors"
    stranger = SimpleNamespace(kind="extractor", name="x", factory="no_such_module:X")
    with refused("plugin-invalid", "no_such_module"):
        publish.shipped(stranger)
    assert CARD.name == "fake"

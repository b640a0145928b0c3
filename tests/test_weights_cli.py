"""Public checkpoints: told apart, checked against their network, converted, fetched; and their licences shown."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import pickle
import struct
import sys
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from refusals import assert_refused, refused
from tensor_table import read_table

from aubench import download, foreign, registry, weights
from aubench.cli import main
from aubench.discovery import build
from aubench.networks import build_backbone
from aubench.telltales import looks_like

ROOT = Path(__file__).resolve().parents[1]
TINY = """\
version: 1
extractors:
  fan-tiny: {use: landmark, config: {width: 16, modules: 1, depth: 2, size: 64, weights: "cache:fan"}}
  parser-tiny: {use: bisenet, config: {width: 4, size: 32, weights: "cache:parser"}}
recognisers:
  who-tiny: {use: lightcnn, config: {width: 0.0625, weights: "cache:who"}}
weights:
  fan: {file: fan.pth.tar, url: 'URL/fan.pth.tar', licence: research only, fits: tiny, network: extractor fan-tiny}
  parser: {file: p.pth, url: 'URL/p.pth', licence: code MIT, fits: a tiny parser, network: extractor parser-tiny}
  who: {file: w.pth, url: 'URL/w.pth', licence: who knows, fits: a tiny LightCNN, network: recogniser who-tiny,
        leave_out: [fc2.]}
  who-else: {file: w2.pth, url: 'URL/w2.pth', licence: MIT, fits: another, network: recogniser who-tiny}
  nowhere: {file: n.pth, url: 'URL/n.pth', licence: MIT, fits: nothing}
"""
OPTIONS = {
    "fan": ("extractor", "landmark", {"width": 16, "modules": 1, "depth": 2, "size": 64, "weights": "none"}),
    "parser": ("extractor", "bisenet", {"width": 4, "size": 32, "weights": "none"}),
    "who": ("recogniser", "lightcnn", {"width": 0.0625, "classes": 5, "weights": "none"}),
}


def network(name: str) -> torch.nn.Module:
    torch.manual_seed(len(name))
    kind, plugin, config = OPTIONS[name]
    made: torch.nn.Module = build(kind, plugin, config)  # type: ignore[arg-type]
    return made


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a registry of tiny networks, and a cache of its own."""
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(registry.VARIABLE, raising=False)
    (tmp_path / "registry.yaml").write_text(TINY.replace("URL", "http://127.0.0.1:9"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- the exact networks


@pytest.mark.parametrize("name", ["vgg16", "resnet18"])
def test_backbones_have_the_public_tensors(name: str) -> None:
    net = build_backbone(name)
    assert {key: tuple(t.shape) for key, t in net.state_dict().items()} == read_table(f"{name}_tensors.txt")


@pytest.mark.parametrize("size", [(64, 64), (97, 131)])
def test_backbones_equal_torchvision(size: tuple[int, int]) -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    x = torch.rand(1, 3, *size)
    theirs, mine = models.resnet18().eval(), build_backbone("resnet18").eval()
    mine.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(mine.logits(x), theirs(x), rtol=1e-5, atol=1e-5)
    stages = [theirs.layer1(theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x)))))]
    for layer in (theirs.layer2, theirs.layer3, theirs.layer4):
        stages.append(layer(stages[-1]))
    for own, other in zip(mine(x), stages[1:], strict=True):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-5)
    # The convolutions alone: the classifier's 120 million numbers would be most of the work.
    features, vgg = models.vgg.make_layers(models.vgg.cfgs["D"]).eval(), build_backbone("vgg16")
    vgg.load_state_dict({f"features.{k}": v for k, v in features.state_dict().items() if int(k.split(".")[0]) < 23})
    y, taps = (x - vgg.mean) / vgg.std, []
    for index, layer in enumerate(features[:23]):
        y = layer(y)
        if index in (8, 15, 22):
            taps.append(y.clone())
    for own, other in zip(vgg(x), taps, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-5)


def test_parser_trunk_is_resnet18() -> None:
    """With torchvision's weights in it, the parser's three trunk maps are torchvision's, at odd sizes too."""
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    theirs = models.resnet18().eval()
    net = build("extractor", "bisenet", {"width": 64, "size": 64, "weights": "none"})
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    net.cp.resnet.load_state_dict(state)
    x = torch.rand(1, 3, 75, 53)
    y, maps = theirs.layer1(theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))), []
    for layer in (theirs.layer2, theirs.layer3, theirs.layer4):
        y = layer(y)
        maps.append(y)
    for own, other in zip(net.cp.resnet(x), maps, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-5)


def test_registry_knows_what_is_known_and_no_more() -> None:
    """Sizes and hashes that nobody recorded are left out; every entry names a network that can be built."""
    found = registry.load(ROOT / "registry.yaml")
    entries = found.content.weights
    assert entries["bisenet-celebamask"].size == 53_289_463
    assert entries["fan-2d4"].sha256.startswith("11f355bf06")
    assert entries["lightcnn-29v2"].sha256 is None
    assert entries["lightcnn-29v2"].size is None
    assert not found.check()
    for name, entry in entries.items():
        assert entry.licence
        assert foreign.entry_of(found, name)[0] == name
        assert entry.network, name
    assert foreign.entry_of(found, "bisenet")[0] == "bisenet-celebamask"
    assert foreign.entry_of(found, "lightcnn")[0] == "lightcnn-29v2"
    assert foreign.entry_of(found, "landmark")[0] == "fan-2d4"
    assert foreign.entry_of(found, "vgg16")[0] == "vgg16-imagenet"


# --- files as they were written years ago


def old_pickle(tensors: dict[str, torch.Tensor], extra: bool) -> bytes:
    """The bytes of ``torch.save`` as Python 2 and torch 0.3 wrote them on a GPU: byte strings, tensors made by
    ``_rebuild_tensor``, CUDA storages, a wrapper with an epoch and the like."""
    out = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
        pickle.dump(part, out, protocol=2)

    def text(word: str) -> bytes:
        return b"U" + struct.pack("<B", len(word)) + word.encode()

    def integer(number: int) -> bytes:
        return b"J" + struct.pack("<i", number)

    body = b"\x80\x02" + b"}(" if extra else b"\x80\x02"
    if extra:
        body += text("epoch") + integer(80) + text("arch") + text("LightCNN-29v2")
        body += text("prec1") + b"G" + struct.pack(">d", 98.5) + text("state_dict")
    body += b"ccollections\nOrderedDict\n)R("
    for key, (name, tensor) in enumerate(tensors.items()):
        size, stride = tuple(tensor.shape), tensor.stride()
        body += text(name) + b"ctorch._utils\n_rebuild_tensor\n("
        body += b"(" + text("storage") + b"ctorch.cuda\nFloatStorage\n" + text(str(key)) + text("cuda:0")
        body += integer(tensor.numel()) + b"Nt" + b"Q" + integer(0)
        body += b"(" + b"".join(map(integer, size)) + b"t(" + b"".join(map(integer, stride)) + b"ttR"
    body += b"u" + (b"u" if extra else b"") + b"."
    out.write(body)
    keys = [str(key) for key in range(len(tensors))]
    pickle.dump(keys, out, protocol=2)
    for tensor in tensors.values():
        out.write(struct.pack("<q", tensor.numel()) + tensor.contiguous().numpy().tobytes())
    return out.getvalue()


@pytest.mark.parametrize("extra", [False, True])
def test_files_of_python_2_and_torch_0_3_are_read(tmp_path: Path, extra: bool) -> None:
    tensors = {"module.conv.weight": torch.rand(2, 3), "module.conv.bias": torch.rand(2)}
    path = tmp_path / "old.pth.tar"
    path.write_bytes(old_pickle(tensors, extra))
    found = weights.strip_prefixes(weights.read(path)[0])
    assert torch.equal(found["conv.weight"], tensors["module.conv.weight"])
    assert torch.equal(found["conv.bias"], tensors["module.conv.bias"])
    assert weights.form_of(path) == "torch, legacy format"


# --- wrong files are explained


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("fan", "FAN face alignment network with 1 hourglasses of depth 2, width 16"),
        ("parser", "BiSeNet face parser of width 4 with 19 classes"),
        ("who", "LightCNN-29 v2, 1 input channel, width 0.0625, 5 identities"),
    ],
)
def test_networks_are_told_apart(name: str, telling: str) -> None:
    assert looks_like(network(name).state_dict()) == telling


def test_backbones_are_told_apart() -> None:
    assert looks_like(build_backbone("resnet18").state_dict()) == "ResNet18"
    assert looks_like(build_backbone("vgg16").state_dict()) == "VGG16 up to relu4_3"
    models = pytest.importorskip("torchvision.models")
    with torch.device("meta"):
        assert looks_like(models.vgg16().state_dict()) == "VGG16"
        assert looks_like(models.vgg16_bn().state_dict()) == "VGG16 with batch norm"
        assert looks_like(models.resnet34().state_dict()) == "ResNet34"
        assert looks_like(models.resnet50().state_dict()) == "ResNet50 or deeper"
    assert looks_like({"x": torch.zeros(1)}) is None


def test_wrong_file_says_what_it_is_and_what_is_missing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(network("parser").state_dict(), "p.pth")
    assert main(["weights", "add", "fan", "p.pth"]) == 2
    told, error = capsys.readouterr().err.splitlines()
    assert told.startswith("registry: ")
    assert_refused(error, "weights-mismatch", "p.pth", "'conv1.weight'", "BiSeNet")
    assert not weights.cached_path("fan").exists()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<HTML><head>", "a web page"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x1f\x8b\x08\x00rest", "a gzip archive"),
    ],
)
def test_what_people_take_for_weights_is_named(project: Path, head: bytes, words: str, capsys: Any) -> None:
    Path("x.pth").write_bytes(head)
    assert main(["weights", "add", "fan", "x.pth"]) == 2
    assert_refused(capsys.readouterr().err, "format-unknown", "x.pth", words)


def test_torchscript_is_refused_by_name(project: Path) -> None:
    with zipfile.ZipFile("fan.zip", "w") as file:
        file.writestr("fan/data.pkl", b"")
        file.writestr("fan/code/__torch__.py", "def forward(): pass")
    with refused("weights-unsafe", "fan.zip"):
        weights.read("fan.zip")


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("was_run"),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_is_refused_and_not_run(project: Path, legacy: bool, capsys: Any) -> None:
    state = {"state_dict": network("fan").state_dict(), "note": Bomb()}
    torch.save(state, "fan.pth.tar", _use_new_zipfile_serialization=not legacy)
    assert main(["weights", "add", "fan", "fan.pth.tar"]) == 2
    assert_refused(capsys.readouterr().err, "weights-unsafe", "fan.pth.tar")
    assert not Path("was_run").exists()


# --- add


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_add_converts_to_the_bit_and_the_variant_uses_it(
    project: Path, capsys: Any, legacy: bool, wrapped: bool
) -> None:
    source = network("who")
    state = OrderedDict((f"module.{k}", v) for k, v in source.state_dict().items())
    content = {"epoch": 1, "arch": "x", "state_dict": state, "prec1": 0.5} if wrapped else state
    torch.save(content, "mine.pth.tar", _use_new_zipfile_serialization=not legacy)
    assert main(["weights", "add", "who", "mine.pth.tar"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("licence: who knows\n")
    for words in (
        "LightCNN-29 v2",
        "left out because not needed: fc2.weight",
        "legacy" if legacy else "zip",
        "--recogniser who-tiny",
    ):
        assert words in out
    converted, header = weights.read(weights.cached_path("who"))
    assert not any(name.startswith("fc2.") for name in converted)
    assert all(torch.equal(source.state_dict()[name], tensor) for name, tensor in converted.items())
    assert header["sha256"] == hashlib.sha256(Path("mine.pth.tar").read_bytes()).hexdigest()
    assert header["licence"] == "who knows"
    plugin, config = registry.resolve("recogniser", "who-tiny")
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(build("recogniser", plugin, config).embed(image), source.embed(image))


def test_variant_without_its_file_says_how_to_get_it(project: Path) -> None:
    plugin, config = registry.resolve("extractor", "fan-tiny")
    with refused("weights-missing", "`aubench weights fetch fan`", "`aubench weights add fan FILE`"):
        build("extractor", plugin, config)


def test_a_file_with_another_hash_is_taken_but_not_its_licence(project: Path, capsys: Any) -> None:
    text = TINY.replace("network: extractor fan-tiny}", f"network: extractor fan-tiny, sha256: {'a' * 64}}}")
    Path("registry.yaml").write_text(text.replace("URL", "http://127.0.0.1:9"))
    torch.save(network("fan").state_dict(), "fan.pth.tar")
    assert main(["weights", "add", "landmark", "fan.pth.tar"]) == 0  # the plugin's name is enough
    assert "NOT the one on record" in capsys.readouterr().out
    assert weights.header(weights.cached_path("fan"))["licence"].startswith("not recorded for this file")


def test_names_that_do_not_lead_anywhere(project: Path, capsys: Any) -> None:
    torch.save({}, "x.pth")
    for name, code, value in (
        ("fam", "name-unknown", "'fam'"),
        ("lightcnn", "name-ambiguous", "who or who-else"),
        ("nowhere", "registry-invalid", "nowhere"),
    ):
        torch.save(network("fan").state_dict(), "x.pth")
        assert main(["weights", "add", name, "x.pth"]) == 2
        assert_refused(capsys.readouterr().err, code, value)


def test_list_names_state_and_licence(project: Path, capsys: Any) -> None:
    torch.save(network("fan").state_dict(), "fan.pth.tar")
    assert main(["weights", "add", "fan", "fan.pth.tar"]) == 0
    capsys.readouterr()
    assert main(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert "fan: in the cache: " in out
    assert "parser: not here; aubench weights fetch parser" in out
    assert "size not known, hash not known" in out
    assert "licence: research only" in out
    assert main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["bisenet"]["state"] == "shipped"
    assert rows["bisenet"]["licence"] == "MIT"


# --- fetch


class Server(http.server.BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}  # noqa: RUF012
    break_after: int | None = None
    ranges = True
    asked: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        data = self.files.get(self.path)
        Server.asked.append(self.headers.get("Range"))
        if data is None:
            self.send_error(404)
            return
        start = 0
        wanted = self.headers.get("Range")
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
        else:
            self.send_response(200)
        page = data.startswith(b"<")
        self.send_header("Content-Type", "text/html; charset=utf-8" if page else "application/octet-stream")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        stop = len(data) if Server.break_after is None else start + Server.break_after
        self.wfile.write(data[start:stop])
        Server.break_after = None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.files, Server.break_after, Server.ranges, Server.asked = {}, None, True, []
    here = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=here.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{here.server_port}"
    here.shutdown()
    here.server_close()


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(tmp_path: Path, server: str, ranges: bool) -> None:
    data = bytes(range(256)) * 4000
    Server.files, Server.break_after, Server.ranges = {"/a": data}, 300_000, ranges
    told: list[tuple[int, int | None]] = []
    options: dict[str, Any] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with refused("download-failed", "/a"):
        download.fetch(f"{server}/a", tmp_path / "a", **options)
    kept = (tmp_path / "a.part").stat().st_size
    assert 0 < kept <= 300_000
    assert not (tmp_path / "a").exists()
    got = download.fetch(f"{server}/a", tmp_path / "a", **options, progress=lambda *t: told.append(t))
    assert got.read_bytes() == data
    assert Server.asked == [None, f"bytes={kept}-"]
    assert told[0] == ((kept if ranges else 0), len(data))
    assert told[-1] == (len(data), len(data))
    assert not (tmp_path / "a.part").exists()
    download.fetch(f"{server}/a", tmp_path / "a", **options)
    assert len(Server.asked) == 2  # what is there and fits is not fetched again


def test_what_is_not_the_file_on_record_is_thrown_away(tmp_path: Path, server: str) -> None:
    Server.files = {"/a": b"other bytes", "/page": b"<html>log in first</html>"}
    with refused("file-altered", "/a"):
        download.fetch(f"{server}/a", tmp_path / "a", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []
    with refused("download-failed", "/page", "weights add"):
        download.fetch(f"{server}/page", tmp_path / "a")
    with refused("download-failed", "/gone", 404):
        download.fetch(f"{server}/gone", tmp_path / "a")


def test_a_page_of_google_drive_is_turned_into_the_file() -> None:
    assert download.direct("https://drive.google.com/file/d/abc-1_X/view").startswith(
        "https://drive.usercontent.google.com/download?id=abc-1_X&"
    )
    assert download.direct("https://x.org/a") == "https://x.org/a"


def test_fetch_shows_the_licence_first_and_converts(project: Path, server: str, capsys: Any) -> None:
    Path("registry.yaml").write_text(TINY.replace("URL", server))
    buffer = io.BytesIO()
    torch.save(network("fan").state_dict(), buffer)
    Server.files = {"/fan.pth.tar": buffer.getvalue()}
    assert main(["weights", "fetch", "fan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("licence: research only\n")
    assert "--extractor fan-tiny" in out
    assert weights.header(weights.cached_path("fan"))["url"] == f"{server}/fan.pth.tar"


def test_offline_is_one_line(project: Path, capsys: Any) -> None:
    assert main(["weights", "fetch", "fan"]) == 2
    told, error, *more = capsys.readouterr().err.splitlines()
    assert told == f"registry: {project / 'registry.yaml'}"
    assert_refused(error, "download-failed", "http://127.0.0.1:9/fan.pth.tar")
    assert not more


# --- licences


def test_licences_of_what_a_run_uses(project: Path) -> None:
    torch.save(network("fan").state_dict(), "fan.pth.tar")
    found = registry.load()
    key, entry = foreign.entry_of(found, "fan")
    foreign.convert(found, key, entry, Path("fan.pth.tar"))
    plugin, config = registry.resolve("extractor", "fan-tiny")
    cached = build("extractor", plugin, config)
    plain = build("extractor", plugin, {**config, "weights": "fan.pth.tar"})
    shipped, random = build("recogniser", "lightcnn"), network("fan")
    rows = foreign.licences([("a", cached), ("b", plain), ("c", shipped), ("d", random), ("e", None)], found)
    assert [(row["network"], row["licence"]) for row in rows] == [
        ("a", "research only"), ("b", "not recorded"), ("c", "MIT"),
    ]  # fmt: skip
    assert [line.split(":")[0] for line in foreign.notice(rows)] == ["weights of a", "weights of b"]
    # By its hash, the registry knows a file that says nothing about itself.
    sha256 = hashlib.sha256(Path("fan.pth.tar").read_bytes()).hexdigest()
    text = TINY.replace("network: extractor fan-tiny}", f"network: extractor fan-tiny, sha256: '{sha256}'}}")
    Path("registry.yaml").write_text(text.replace("URL", "http://127.0.0.1:9"))
    assert foreign.licences([("b", plain)], registry.load())[0]["licence"] == "research only"


def test_the_page_of_a_run_lists_weights_and_licences() -> None:
    from aubench.report.markdown import run_page
    from aubench.report.schema import Report

    rows = [{"network": "extractor", "weights": "x.pth", "licence": "research only", "origin": "https://x"}]
    page = run_page("run", Report.model_validate({"weights": rows}), None)
    assert "## Weights and their licences" in page
    assert "- extractor: `x.pth`; licence: research only; from: `https://x`" in page


def test_help_needs_no_torch() -> None:
    import subprocess

    code = "import sys; from aubench.cli import main; main(['weights', '--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0

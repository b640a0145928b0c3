"""``registry.yaml``: read strictly, refused with file and line, and never in the way of a plugin."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from plugin_site import Site
from refusals import assert_refused, refused

from aubench import discovery, registry
from aubench.cli import main, train

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = """
class Size(Config):
    size: int = 64

@hookimpl
def aubench_renderers():
    return [Component("renderer", "phong", "shades", "nowhere:Phong", Size)]

@hookimpl
def aubench_losses():
    return [Component("loss", name, "a loss", "nowhere:Loss") for name in ("ct", "id")]
"""
GOOD = """\
version: 1
renderers:
  phong-224:
    use: phong
    config: {size: 224}
matrices:
  main:
    renderer: phong-224
    losses: [[ct], [ct, id=0.5]]
    seeds: [0, 1]
"""


@pytest.fixture
def phong(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, and a renderer and two losses installed."""
    site.plugin("aubench_phong", PLUGIN, point="phong")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


def test_a_variant_is_a_plugin_with_options(phong: Path) -> None:
    Path("registry.yaml").write_text(GOOD)
    assert registry.resolve("renderer", "phong-224") == ("phong", {"size": 224})
    assert registry.resolve("renderer", "phong") == ("phong", {})
    with refused("name-unknown", "'phong-225'", "phong-224"):
        registry.resolve("renderer", "phong-225")
    with refused("name-unknown", "'phong-224'"):
        registry.resolve("extractor", "phong-224")


def test_the_source_tree_knows_its_own_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    found = registry.load()
    assert found.path is not None
    assert found.path.read_bytes() == (ROOT / "registry.yaml").read_bytes()
    assert "bisenet-celebamask" in found.content.weights


def test_without_a_registry_no_plugin_is_hidden(phong: Path) -> None:
    Path("registry.yaml").write_text("version: 1\n")
    listed = discovery.listing()
    Path("registry.yaml").unlink()
    discovery.forget()
    assert discovery.listing() == listed
    assert registry.load() == registry.Registry()
    assert registry.resolve("renderer", "phong") == ("phong", {})


def test_where_the_registry_is_looked_for(phong: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.locate() is None
    (tmp_path / "own.yaml").write_text("version: 1\n")
    monkeypatch.setattr(registry, "OWN", (tmp_path / "nowhere.yaml", tmp_path / "own.yaml"))
    assert registry.locate() == tmp_path / "own.yaml"
    (phong / "registry.yaml").write_text(GOOD)
    below = phong / "deep" / "down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert registry.locate() == phong / "registry.yaml"
    (tmp_path / "variable.yaml").write_text("version: 1\n")
    monkeypatch.setenv("AUBENCH_REGISTRY", str(tmp_path / "variable.yaml"))
    assert registry.locate() == tmp_path / "variable.yaml"
    (tmp_path / "option.yaml").write_text("version: 1\n")
    assert registry.locate(tmp_path / "option.yaml") == tmp_path / "option.yaml"
    monkeypatch.setenv("AUBENCH_REGISTRY", "gone.yaml")
    with refused("file-missing", "gone.yaml", "$AUBENCH_REGISTRY"):
        registry.locate()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("version: [1", ["registry.yaml"]),
        ("- 1\n", ["registry.yaml"]),
        ("", ["registry.yaml: version"]),
        ("version: 2\n", ["registry.yaml:1: version", "1", "2"]),
        ("version: 1\nrenders: {}\n", ["registry.yaml:2: renders", "renderers"]),
        ("version: 1\nrenderers:\n  x: {config: {}}\n", ["registry.yaml:3: renderers.x.use"]),
        ("version: 1\nrenderers:\n  x:\n    use: y\n    size: 3\n", ["registry.yaml:5: renderers.x.size"]),
        ("version: 1\nrenderers:\n  x: {use: y}\n  x: {use: z}\n", ["yaml:4", "x ", "line 3"]),
        ("version: 1\nmatrices:\n  m: {seeds: [0, x]}\n", ["registry.yaml:3: matrices.m.seeds.1", "'x'"]),
        ("version: 1\nweights:\n  w: {file: f, url: http://u, licence: l, fits: x, sha256: a}\n", ["w.sha256", "'a'"]),
    ],
)  # fmt: skip
def test_a_wrong_form_is_refused_with_line_and_entry(phong: Path, text: str, values: list[str]) -> None:
    Path("registry.yaml").write_text(text)
    with refused("registry-invalid", *values) as caught:
        registry.load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        ("use: phong", "use: fong", ["yaml:4: renderers.phong-224.use", "'fong'", "phong?"]),
        ("{size: 224}", "{siz: 224}", ["registry.yaml:5: renderers.phong-224.config", "'siz'", "size"]),
        ("{size: 224}", "{size: big}", ["renderers.phong-224.config", "'phong'", "'size'", "'big'"]),
        ("id=0.5", "di=0.5", ["registry.yaml:7: matrices.main", "'di'", "id"]),
        ("renderer: phong-224", "renderer: phong-2", ["matrices.main", "'phong-2'", "phong"]),
        ("  phong-224:", "  phong:", ["renderers.phong:"]),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_found_by_check(phong: Path, old: str, new: str, values: list[str]) -> None:
    assert old in GOOD
    Path("registry.yaml").write_text(GOOD.replace(old, new))
    faults = " | ".join(registry.load().check())
    assert [value for value in values if value not in faults] == []


def test_a_good_registry_has_no_faults_and_names_unused_plugins(phong: Path) -> None:
    Path("registry.yaml").write_text(GOOD)
    found = registry.load()
    assert found.check() == []
    assert found.unused() == ["loss ct", "loss id"]


def test_a_matrix_is_every_combination(phong: Path) -> None:
    Path("registry.yaml").write_text(GOOD)
    commands = [" ".join(words) for words in registry.load().commands("main")]
    assert commands == [
        "train --renderer phong-224 --losses ct --seed 0 --out runs/main-00",
        "train --renderer phong-224 --losses ct --seed 1 --out runs/main-01",
        "train --renderer phong-224 --losses ct,id=0.5 --seed 0 --out runs/main-02",
        "train --renderer phong-224 --losses ct,id=0.5 --seed 1 --out runs/main-03",
    ]
    with refused("name-unknown", "'mian'", "main"):
        registry.load().matrix("mian")


def test_a_file_of_weights_is_known_by_its_hash(phong: Path) -> None:
    good, sha256 = b"weights", hashlib.sha256(b"weights").hexdigest()
    entry = f"{{file: net.pth, url: 'https://x', licence: MIT, fits: all, size: 7, sha256: {sha256}}}"
    Path("registry.yaml").write_text(f"version: 1\nweights:\n  net: {entry}\n")
    Path("renamed.pth").write_bytes(good)
    name, weights = registry.load().identify(Path("renamed.pth"))
    assert (name, weights.licence) == ("net", "MIT")
    Path("net.pth").write_bytes(b"weight")
    with refused("file-altered", "net.pth", "6 bytes", sha256, "7 bytes"):
        registry.load().identify(Path("net.pth"))
    with refused("file-missing", "gone.pth"):
        registry.load().identify(Path("gone.pth"))


def test_the_command_line(phong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "check"]) == 2
    assert_refused(capsys.readouterr().err, "file-missing", "registry.yaml", "--registry")
    Path("registry.yaml").write_text(GOOD)
    assert main(["registry", "check"]) == 0
    assert "1 variants, 0 weights, 1 matrices" in capsys.readouterr().out
    assert main(["registry", "matrix", "main"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("aubench train --renderer phong-224 --losses ct ")
    assert main(["--registry", "nowhere.yaml", "registry", "check"]) == 2
    assert_refused(capsys.readouterr().err, "file-missing", "nowhere.yaml")


def test_train_takes_variants_for_plugins(phong: Path) -> None:
    Path("registry.yaml").write_text(GOOD + "losses:\n  strict-ct: {use: ct}\n")
    assert train._part("renderer", "phong-224") == {"name": "phong", "config": {"size": 224}}
    assert train._losses(["strict-ct=0.5", "id"]) == (["ct=0.5", "id"], {})
    with refused("name-unknown", "strict-cd", "strict-ct"):
        train._losses(["strict-cd"])


def test_our_own_registry_is_in_order() -> None:
    discovery.forget()
    found = registry.load(ROOT / "registry.yaml")
    assert found.check() == []
    assert {"recipes", "leave-one-out"} <= set(found.content.matrices)
    assert len(list(found.commands("leave-one-out"))) == 6 * 3
    assert all(weights.licence and weights.url for weights in found.content.weights.values())

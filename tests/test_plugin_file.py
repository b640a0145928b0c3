"""``--plugin file.py:Class``: a class in a file is a plugin for one call, and every mistake is one line."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from plugin_site import Site
from refusals import assert_refused, refused
from test_training import TINY

from aubench import discovery, plugin_files
from aubench.cli import main
from aubench.combination import Combination
from aubench.component import Config
from aubench_training.config import load_config

EXTRACTOR = '''
"""A file of somebody's."""
from __future__ import annotations
import torch
from torch import Tensor, nn
from aubench.component import Config
from aubench.contracts import REGIONS, Features

class Options(Config):
    cells: int = 4

class MyExtractor(nn.Module):
    """Small pictures of the picture.

    More about it."""
    def __init__(self, config: Options) -> None:
        super().__init__()
        self.cells = config.cells
    def features(self, image: Tensor) -> Features:
        small = nn.functional.adaptive_avg_pool2d(image, self.cells)
        return Features(small, {region: small for region in REGIONS})
'''


@pytest.fixture
def mine(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file with an extractor, in a working directory where nothing is installed."""
    monkeypatch.setenv("AUBENCH_PLUGINS", "")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(EXTRACTOR)
    paths = list(sys.path)
    yield path
    sys.path[:] = paths


def source(path: Path, text: str) -> Path:
    path.write_text(textwrap.dedent(text))
    return path


# --- a class becomes a plugin -----------------------------------------------------------------------------------------


def test_a_class_is_a_plugin_by_its_name_contract_options_and_first_line(mine: Path) -> None:
    (plugin,) = plugin_files.use(["mine.py:MyExtractor"])
    card = plugin.card
    assert (card.kind, card.name, card.summary) == ("extractor", "my-extractor", "Small pictures of the picture.")
    made = discovery.build("extractor", "my-extractor", {"cells": 2})
    assert made.features(torch.zeros(3, 3, 16, 16)).fused.shape == (3, 3, 2, 2)
    with refused("config-invalid", "'cell'", "cells"):
        discovery.build("extractor", "my-extractor", {"cell": 2})
    assert plugin_files.load("mine.py").attribute == "MyExtractor"  # the only class that fits


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("def draw(self, parameters): ...", "renderer"),
        ("def features(self, image): ...", "extractor"),
        ("def __call__(self, *, image, drawn): ...", "loss"),
        ("def embed(self, image): ...", "recogniser"),
        ("def frames(self, split): ...\n    def read_labels(self, split): ...", "dataset"),
        ("def fit(self, frames, labels, *, seed): ...\n    def predict(self, frames): ...", "estimator"),
        ("kind = 'loss'\n    def features(self, image): ...", "loss"),
    ],
)
def test_the_kind_is_told_by_the_contract_or_by_an_attribute(mine: Path, body: str, kind: str) -> None:
    mine.write_text(f"class It:\n    def __init__(self, config): ...\n    {body}\n")
    assert plugin_files.load("mine.py:It").card.kind == kind


def test_a_regressor_is_told_by_the_shapes_that_it_wants(mine: Path) -> None:
    source(mine, """
        from torch import nn
        class Reads(nn.Module):
            def __init__(self, config, *, shapes): ...
            def forward(self, features): ...
        class Other(Reads):
            def forward(self, features, more): ...
    """)  # fmt: skip
    assert plugin_files.load("mine.py:Reads").card.kind == "regressor"
    with refused("plugin-invalid", "mine.py:Other"):
        plugin_files.load("mine.py:Other")


@pytest.mark.parametrize(
    ("name", "plugin"),
    [("MyExtractor", "my-extractor"), ("HOGMaps2", "hog-maps2"), ("Loss_v2", "loss-v2"), ("_Private", "private")],
)
def test_names(name: str, plugin: str) -> None:
    assert plugin_files.plugin_name(name) == plugin


def test_a_file_may_import_its_neighbours(mine: Path) -> None:
    (mine.parent / "my_neighbour_of_mine.py").write_text("SIZE = 3\n")
    source(mine, """
        from my_neighbour_of_mine import SIZE
        class Crop:
            size = SIZE
            def __init__(self, config): ...
            def embed(self, image): ...
    """)  # fmt: skip
    plugin_files.use([str(mine)])
    assert discovery.build("recogniser", "crop").size == 3


def test_a_changed_file_is_read_anew(mine: Path) -> None:
    before = plugin_files.load("mine.py:MyExtractor")
    mine.write_text(EXTRACTOR.replace("cells: int = 4", "cells: int = 5"))
    after = plugin_files.load("mine.py:MyExtractor")
    assert before.sha256 != after.sha256
    assert after.card.config().model_dump() == {"cells": 5}


def test_workers_find_the_class_that_they_unpickle(mine: Path) -> None:
    plugin_files.use(["mine.py:MyExtractor"])
    content = pickle.dumps(discovery.build("extractor", "my-extractor"))
    code = "import pickle, sys; print(type(pickle.load(sys.stdin.buffer)).__name__)"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["MyExtractor"]


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "text", "code", "values"),
    [
        ("nowhere.py:It", "", "file-missing", ["nowhere.py"]),
        ("mine.txt:It", "", "file-missing", ["mine.txt:It"]),
        ("folder.py:It", "", "file-missing", ["folder.py"]),
        ("mine.py:MyExtracter", EXTRACTOR, "name-unknown", ["'MyExtracter'", "MyExtractor"]),
        ("mine.py:SIZE", "SIZE = 3", "plugin-invalid", ["mine.py:SIZE", "int"]),
        ("mine.py:It", "class It(:", "plugin-broken", ["mine.py:1", "SyntaxError"]),
        ("mine.py:It", "x = 1\nimport no_such_module", "plugin-broken", ["mine.py:2", "ModuleNotFoundError"]),
        ("mine.py:It", "raise SystemExit(3)", "plugin-broken", ["mine.py:1", "SystemExit: 3"]),
        ("mine.py:It", "class It: ...", "plugin-invalid", ['kind = "extractor"']),
        ("mine.py", "class It: ...", "plugin-invalid", ["mine.py"]),
        (
            "mine.py",
            EXTRACTOR + "\nclass Other(MyExtractor): ...",
            "name-ambiguous",
            ["mine.py:MyExtractor", "mine.py:Other"],
        ),
        ("mine.py:It", "class It:\n  kind = 'extracter'", "plugin-invalid", ["'extracter'", "extractor"]),
        (
            "mine.py:It",
            "class It:\n  def features(s, i): ...\n  def embed(s, i): ...",
            "plugin-invalid",
            ["extractor", "recogniser"],
        ),
        ("mine.py:It", "class It:\n  def features(s, i): ...", "plugin-invalid", ["It(config)"]),
        ("mine.py:It", "class It:\n  def __init__(s, c: int): ...\n  def embed(s, i): ...", "plugin-invalid", ["int"]),
    ],
)
def test_every_mistake_is_one_line_and_exit_code_2(
    mine: Path, capsys, entry: str, text: str, code: str, values: list[str]
) -> None:
    mine.write_text(text)
    Path("folder.py").mkdir()
    assert main(["plugins", "list", "--plugin", entry]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert_refused(captured.err, code, *values)


def test_a_name_that_is_taken_is_refused(mine: Path, site: Site, capsys) -> None:
    site.plugin("stranger", """
        @hookimpl
        def aubench_extractors():
            return [Component("extractor", "my-extractor", "theirs", "nowhere:It")]
    """)  # fmt: skip
    assert main(["plugins", "list", "--plugin", "mine.py:MyExtractor"]) == 2
    assert_refused(capsys.readouterr().err, "name-taken", "'my-extractor'")


def test_two_files_of_one_name_are_refused(mine: Path, capsys) -> None:
    (mine.parent / "other").mkdir()
    (mine.parent / "other" / "mine.py").write_text(EXTRACTOR.replace("MyExtractor", "Others"))
    assert main(["plugins", "list", "--plugin", "mine.py:MyExtractor", "--plugin", "other/mine.py:Others"]) == 2
    assert_refused(capsys.readouterr().err, "name-taken", "mine.py")


@pytest.mark.parametrize("arguments", [["plugins", "list", "--json", "--plugin", "mine.py"],
                                       ["--plugin", "mine.py", "plugins", "list", "--json"]])  # fmt: skip
def test_it_is_listed_for_this_call_only_and_what_it_prints_stays_out(mine: Path, capsys, arguments: list[str]) -> None:
    mine.write_text(EXTRACTOR + "\nprint('hello')\n")
    assert main(arguments) == 0
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)
    assert (row["kind"], row["name"], row["status"]) == ("extractor", "my-extractor", "ok")
    assert "hello" in captured.err
    assert discovery.listing() == []


# --- a run remembers --------------------------------------------------------------------------------------------------


def train(*arguments: str) -> int:
    return main(["train", "--recipe", "tiny.yaml", "--out", "run", *arguments])


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a tiny recipe and a file with an extractor."""
    tests = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(tests)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    discovery.forget()
    phases = {"loopback": TINY["loopback"] | {"steps": 4}, "label_free": TINY["label_free"] | {"steps": 2}}
    sampled = {"count": 40, "held_out": 10, "noise": 0.1}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**TINY, **phases, "sampled": sampled, "checkpoint_every": 3}))
    path = tmp_path / "mine.py"
    path.write_text(EXTRACTOR)
    paths = list(sys.path)
    yield path
    sys.path[:] = paths
    discovery.forget()


def test_a_run_with_a_file_goes_on_and_predicts_with_the_same_file_only(tiny: Path, capsys) -> None:
    assert train("--plugin", "mine.py:MyExtractor", "--extractor", "my-extractor") == 0
    (record,) = load_record()
    assert record["plugin"] == "mine.py:MyExtractor"
    assert Path("run/plugins/mine.py").read_text() == EXTRACTOR
    capsys.readouterr()

    # Without the option nothing of the folder is run: the error says what would.
    assert main(["train", "--resume", "--out", "run"]) == 2
    remedy = "add --plugin run/plugins/mine.py:MyExtractor (the run's own copy of it), if you trust its code"
    assert_refused(capsys.readouterr().err, "run-mismatch", remedy)
    with refused("run-mismatch", "--plugin run/plugins/mine.py:MyExtractor"):
        Combination.load(Path("run"))

    # The file goes on, or its copy once the file itself was changed.
    assert main(["train", "--resume", "--out", "run", "--plugin", "mine.py:MyExtractor"]) == 0
    tiny.write_text(EXTRACTOR.replace("Small", "Tiny"))
    assert main(["train", "--resume", "--out", "run", "--plugin", "mine.py:MyExtractor"]) == 2
    assert_refused(capsys.readouterr().err, "run-mismatch", "--plugin run/plugins/mine.py:MyExtractor")
    assert main(["train", "--resume", "--out", "run", "--plugin", "run/plugins/mine.py:MyExtractor"]) == 0
    plugin_files.use(["run/plugins/mine.py:MyExtractor"])
    made = Combination.load(Path("run"))
    assert made.extractor_choice.name == "my-extractor"


def load_record() -> list[dict[str, str]]:
    records: list[dict[str, str]] = yaml.safe_load(Path("run/config.yaml").read_text())["plugins"]
    return records


def test_a_run_without_files_writes_nothing_about_them(tiny: Path) -> None:
    assert train() == 0
    assert "plugins" not in yaml.safe_load(Path("run/config.yaml").read_text())
    assert "plugins" not in json.loads(Path("run/model.json").read_text())
    assert not Path("run/plugins").exists()
    assert load_config(Path("run/config.yaml")).plugins == []


def test_a_record_that_was_tampered_with_is_refused(tiny: Path) -> None:
    assert train() == 0
    card = json.loads(Path("run/model.json").read_text())
    Path("run/model.json").write_text(json.dumps(card | {"plugins": [{"plugin": 3}]}))
    with refused("model-invalid", "model.json"):
        Combination.load(Path("run"))


def test_options_default_to_none_where_config_is_not_annotated(mine: Path) -> None:
    mine.write_text(EXTRACTOR.replace("config: Options", "config").replace("config.cells", "4"))
    assert plugin_files.load("mine.py:MyExtractor").card.config is Config

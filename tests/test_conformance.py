"""The conformance kit: every built-in plugin keeps its promises, and a plugin that breaks one is told which."""

from __future__ import annotations

import functools
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from broken import MODULES
from plugin_site import Site
from refusals import assert_refused

from aubench import cli, discovery, hookspecs
from aubench.quantities import QUANTITIES
from aubench.testing import (
    DatasetSuite,
    EngineSuite,
    EstimatorSuite,
    ExtractorSuite,
    LossSuite,
    RecogniserSuite,
    RegressorSuite,
    RendererSuite,
    Report,
    run,
    suite_for,
)
from aubench.testing.words import perfect_words, random_words

SUITES: dict[str, type] = {
    "extractors": ExtractorSuite,
    "recognisers": RecogniserSuite,
    "regressors": RegressorSuite,
    "losses": LossSuite,
    "renderers": RendererSuite,
    "engines": EngineSuite,
    "datasets": DatasetSuite,
    "estimators": EstimatorSuite,
}
PLUGINS = ",".join(["fake_plugin", *(f"broken.{module}" for module in MODULES)])


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The built-in plugins, the broken ones, and the fake ones that make built-in ones quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUBENCH_PLUGINS", PLUGINS)
        patch.setenv("AUBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.chdir(tmp_path_factory.mktemp("here"))  # one of them writes files where it stands
        discovery.forget()
        yield
    discovery.forget()


def failures(report: Report) -> dict[str, str]:
    return {check.name: check.reason for check in report.failed}


def skipped(report: Report) -> set[str]:
    return {check.name for check in report.checks if check.status == "skipped"}


def quick(suite: type, **more: object) -> type:
    """The suite with the quickest compiler: what dynamo makes of the code, without generating any."""
    return type(f"Quick{suite.__name__}", (suite,), {"backend": "eager", **more})


# --- the built-in ones ------------------------------------------------------------------------------------------------

TWO_AUS = {"aus": ["AU01", "AU12"]}
BUILT_IN: list[tuple[str, str, dict[str, Any]]] = [
    ("extractor", "bisenet", {"weights": "none", "width": 8, "size": 64}),
    ("extractor", "landmark", {"weights": "none", "width": 16, "modules": 1, "depth": 1, "size": 32, "cells": 8}),
    ("extractor", "timm", {"backbone": "test_resnet", "weights": "none", "size": 64, "masks": "none"}),
    ("recogniser", "lightcnn", {"weights": "none", "width": 0.05}),
    ("regressor", "fpr", {"hidden": 16, "person": 4}),
    ("regressor", "fpr", {"hidden": 16, "fusion": "conv", "channels": 8}),
    ("renderer", "neural", {"weights": "none", "size": 64, "channels": [16, 16, 16, 16, 8, 8, 8]}),
    ("renderer", "bdfm", {"size": 64}),
    *[
        ("loss", name, {})
        for name in ("ct", "id", "lp", "pr", "adv", "lmk", "departures", "equivariance", "sequence", "teacher")
    ],
    ("dataset", "synth", {"subjects": 3, "sequences": 1, "frames_per_sequence": 5, "size": 16, "engine": "fake"}),
    ("estimator", "zero", TWO_AUS),
    ("estimator", "mean", TWO_AUS),
    ("estimator", "shuffle", TWO_AUS),
    ("estimator", "ridge", {**TWO_AUS, "extractor": "fake", "engine": "fake", "samples": 12, "columns": 20}),
    ("estimator", "supervised-features", {**TWO_AUS, "extractor": "fake", "columns": 20}),
    ("estimator", "cnn", {**TWO_AUS, "size": 32, "hidden": 8, "epochs": 1, "batch": 12}),
]
UNASKED = {
    "persons are read from affine entries",
    "optional words may be left out", "parses at the size of the image", "landmarks follow the image",
    "digest is a text that stays",
}  # fmt: skip
"""Checks of what only some plugins have."""


@pytest.mark.parametrize(("kind", "name", "config"), BUILT_IN, ids=lambda v: v if isinstance(v, str) else "")
def test_a_built_in_plugin_keeps_its_promises(kind: Any, name: str, config: Mapping[str, object]) -> None:
    report = run(quick(suite_for(kind, name, config)))
    assert failures(report) == {}
    assert skipped(report) <= UNASKED | {"leaves its input alone"}
    assert report.measured["ms_per_face"] > 0


@pytest.mark.parametrize("name", ["disfa", "disfaplus", "bp4d", "ckplus", "mmi", "facewarehouse", "folder"])
def test_a_data_set_that_is_not_here_says_so(name: str) -> None:
    report = run(suite_for("dataset", name))
    assert failures(report) == {}
    reasons = {check.reason for check in report.checks if check.status == "skipped"}
    assert all(reason.startswith("no data here: ") for reason in reasons)
    assert "frames fit together" in skipped(report)


class TestBySubclass(RecogniserSuite):
    """As a plugin's own tests have it."""

    plugin = "lightcnn"
    config: ClassVar[Mapping[str, object]] = {"weights": "none", "width": 0.05}
    backend = "eager"


class TestByMake(LossSuite):
    """What no card offers yet."""

    def make(self) -> Any:
        from broken.losses import Options, Sound

        return Sound(Options())


# --- the broken ones --------------------------------------------------------------------------------------------------


def broken() -> list[tuple[str, str, str]]:
    """Module, name and the check that must fail of every broken plugin, and of the sound ones ("")."""
    found = []
    for module in SUITES:
        for value in vars(importlib.import_module(f"broken.{module}")).values():
            if isinstance(value, type) and hasattr(value, "breaks"):
                found.append((module, value.__name__.lower(), value.breaks))
    return found


@functools.cache
def reports(module: str, name: str) -> Report:
    """The report of a plugin, made once."""
    return run(quick(SUITES[module], plugin=name))


@pytest.mark.parametrize(("module", "name", "breaks"), broken())
def test_a_broken_plugin_fails_the_check_that_it_breaks_and_no_other(module: str, name: str, breaks: str) -> None:
    report = reports(module, name)
    assert list(failures(report)) == [breaks][: bool(breaks)], failures(report)
    for reason in failures(report).values():
        assert "\n" not in reason
        assert len(reason) < 400


def test_the_cards_of_a_plugin_must_be_light() -> None:
    report = run(quick(ExtractorSuite, plugin="heavy"))
    assert failures(report) == {
        "card imports nothing heavy": "broken.heavy imports torch; import it in the module of the factory instead"
    }


REASONS = [
    ("extractors", "raises", "ZeroDivisionError: division by zero (broken/extractors.py:"),
    ("extractors", "remembers", "so that it keeps state: fused differs by up to"),
    ("extractors", "neighbours", "a face gets another answer alone than among others"),
    ("extractors", "leftbehind", "moved to cuda, it still uses a tensor on the CPU"),
    ("extractors", "bgr", "channel 0 of what enters the network is the picture's B, but a network of RGB wants R"),
    ("extractors", "divided", "from black to white, what enters the network changes by 0.0039 only"),
    ("extractors", "otherstd", "its std is [0.2, 0.25, 0.3], but the channels enter divided by [0.3, 0.25, 0.2]"),
    ("extractors", "onechannel", "an image of shape (2, 1, 96, 96) is silently accepted; call aubench.images."),
    ("extractors", "detached", "no gradient flows from maps['mouth'] to the input"),
    ("extractors", "doubles", "of an input in torch.float32, fused is torch.float64"),
    ("extractors", "multiplied", "to 255, but pictures come in [0, 1] and it declares 0 to 1"),
    ("extractors", "inference", "torch's gradient mode (True, now False)"),
    ("regressors", "idle", "no gradient reaches spare.weight, spare.bias (2 of 6 weights)"),
    ("losses", "idle", "it asks for 'drawn' and gives the same number whatever 'drawn' holds"),
    ("losses", "misspelt", "nothing in this combination makes 'emotionles_embedding'"),
    ("losses", "root", "at its zero, the gradient into emotionless_embedding is not finite"),
    ("engines", "staring", "nuisance gaze_x, gaze_y moves nothing"),
    ("datasets", "leaks", "1 subjects are in train and in test, as ['P2']"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "words"), REASONS)
def test_the_reason_says_what_to_mend(module: str, name: str, words: str) -> None:
    (reason,) = failures(reports(module, name)).values()
    assert words in reason


def test_what_cannot_be_built_is_not_checked_any_further() -> None:
    report = run(suite_for("extractor", "raises"))
    assert [check.status for check in report.checks[:2]] == ["failed", "skipped"]
    assert {check.reason for check in report.checks[1:]} == {"it cannot be built"}


def test_a_loss_without_a_zero_is_believed() -> None:
    report = run(suite_for("loss", "distinct"))
    reasons = {check.name: check.reason for check in report.checks}
    assert reasons["is zero where nothing is wrong"] == ("it says of its zero: two people in a batch never look alike")


def test_words_cover_the_vocabulary() -> None:
    assert list(random_words(2)) == list(perfect_words(2)) == list(QUANTITIES)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_passes_a_sound_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugins", "check", "sound", "--kind", "loss"]) == 0
    out = capsys.readouterr().out
    assert "loss sound: 19 passed, 2 skipped" in out
    assert "ms a face on the CPU" in out


def test_the_command_fails_a_broken_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugins", "check", "neverzero", "--json"]) == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (told["kind"], told["plugin"], told["passed"]) == ("loss", "neverzero", False)
    failed = [check for check in told["checks"] if check["status"] == "failed"]
    assert [check["name"] for check in failed] == ["is zero where nothing is wrong"]
    assert "Traceback" not in captured.err


def test_options_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugins", "check", "sound", "--kind", "loss", "--set", "weight=0", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["config"] == {"weight": 0}


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["sound"], "name-ambiguous", ["sound", "--kind renderer", "--kind extractor"]),
        (["rasies"], "name-unknown", ["'rasies'", "raises"]),
        (["ct", "--kind", "los"], "option-invalid", ["--kind los", "loss"]),
        (["ct", "--kind", "extractor"], "name-unknown", ["extractor", "'ct'"]),
        (["ct", "--set", "weight"], "option-invalid", ["--set weight", "KEY=VALUE"]),
    ],
)
def test_a_wrong_name_is_one_line(
    arguments: list[str], code: str, values: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["plugins", "check", *arguments]) == 2
    error = capsys.readouterr().err
    assert_refused(error, code, *values)
    assert error.count("\n") == 1


def test_neither_the_core_nor_the_command_needs_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; from aubench import cli; sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "plugins", "check", "pr"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- versions of the API ----------------------------------------------------------------------------------------------

LOSS = """
@hookimpl
def aubench_losses():
    return [Component("loss", {name!r}, "a loss", "somewhere:Loss")]
"""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("AUBENCH_API = 99", "other was written for plugin API 99, this aubench has 1; pip install --upgrade aubench"),
        ("AUBENCH_API = 0", "other was written for plugin API 0, this aubench has 1; pip install --upgrade other"),
        ("AUBENCH_API = '1'", "other says AUBENCH_API = '1', which is no whole number; this aubench has 1"),
    ],
)
def test_a_plugin_of_another_version_is_listed_as_broken_and_the_rest_works(site: Site, line: str, reason: str) -> None:
    site.plugin("other", f"{line}\n" + LOSS.format(name="other"))
    site.plugin("mine", f"AUBENCH_API = {hookspecs.API_VERSION}\n" + LOSS.format(name="mine"))
    site.plugin("silent", LOSS.format(name="silent"))
    assert list(discovery.components("loss")) == ["mine", "silent"]
    assert [(row.name, row.error) for row in discovery.listing() if row.status == "broken"] == [("other", reason)]

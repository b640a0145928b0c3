"""Discovery: whatever one plugin does wrong, it becomes a row with a reason, and the others go on working."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from plugin_site import Site
from pydantic import Field
from refusals import assert_refused, refused

from aubench import contracts, discovery
from aubench.cli import main
from aubench.component import KINDS, Component, Config

ROOT = Path(__file__).resolve().parents[1]

GOOD = """
class SquareConfig(Config):
    side: int = 3

@hookimpl
def aubench_recognisers():
    return [Component("recogniser", "square", "squares things", f"{__name__}:Square", SquareConfig)]

class Square:
    def __init__(self, config, offset=0):
        self.config, self.offset = config, offset
    def embed(self, image):
        return image * self.config.side + self.offset
"""


def offer(hook: str, *arguments: object, **keywords: object) -> str:
    """Source of a plugin whose hook returns one card."""
    words = [repr(a) for a in arguments] + [f"{k}={v}" for k, v in keywords.items()]
    return f"@hookimpl\ndef {hook}():\n    return [Component({', '.join(words)})]\n"


def broken() -> dict[str, str]:
    return {row.name: row.error for row in discovery.listing() if row.status == "broken"}


def names() -> list[tuple[str, str]]:
    return [(row.kind, row.name) for row in discovery.listing() if row.status == "ok"]


def test_a_stranger_is_found_built_and_listed(site: Site) -> None:
    site.plugin("aubench_square", GOOD, distribution="aubench-square")
    assert list(discovery.components("recogniser")) == ["square"]
    assert discovery.build("recogniser", "square", {"side": 5}, offset=1).embed(2) == 11
    (row,) = discovery.listing()
    assert row.as_dict() == {
        "kind": "recogniser", "name": "square", "summary": "squares things", "distribution": "aubench-square",
        "version": "1.0", "status": "ok", "error": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "implements no hook"),
        ("@hookimpl\ndef aubench_loses():\n    return []", "aubench_loses"),
        ("@hookimpl\ndef aubench_losses(what):\n    return []", "what"),
        ("@hookimpl\ndef aubench_losses():\n    raise OSError('no\\nluck')", "aubench_losses raised OSError: no luck"),
        ("@hookimpl\ndef aubench_losses():\n    return 7", "returned int, not a list"),
        ("@hookimpl\ndef aubench_losses():\n    return ['ct']", "'ct', which is not a Component"),
    ],
)  # fmt: skip
def test_a_plugin_that_fails_as_a_whole_is_named_and_the_rest_works(site: Site, source: str, reason: str) -> None:
    site.plugin("aubench_aaa", source, point="aaa")
    site.plugin("aubench_square", GOOD)
    assert names() == [("recogniser", "square")]
    assert reason in broken()["aaa"]
    assert "\n" not in broken()["aaa"]
    row = next(row for row in discovery.listing() if row.name == "aaa")
    assert (row.kind, row.distribution, row.version) == ("plugin", "aubench-aaa", "1.0")


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (offer("aubench_losses", "renderer", "x", "s", "m:f"), "kind is 'renderer', but aubench_losses offers a loss"),
        (offer("aubench_losses", "lost", "x", "s", "m:f"), "Did you mean loss"),
        (offer("aubench_losses", "loss", "x", 7, "m:f"), "summary is 7, not a string"),
        (offer("aubench_losses", "loss", "x", "", "m:f"), "summary is not one line"),
        (offer("aubench_losses", "loss", "x", "s", "m.f"), "'m.f' is not 'module:attribute'"),
        (offer("aubench_losses", "loss", "x", "s", "m:f()"), "'m:f()' is not 'module:attribute'"),
        (offer("aubench_losses", "loss", "x", "s", "m:f", config="dict"), "is not a subclass of"),
        (offer("aubench_losses", "loss", "a b", "s", "m:f"), "name 'a b'"),
    ],
)
def test_a_wrong_card_is_named_and_the_plugins_other_cards_stay(site: Site, card: str, reason: str) -> None:
    site.plugin("aubench_bad", card + GOOD)
    assert names() == [("recogniser", "square")]
    (error,) = broken().values()
    assert reason in error


def test_the_same_card_twice_ours_stays(site: Site) -> None:
    # Alphabetically the stranger comes first; the built-in stays all the same.
    site.plugin("aaa", GOOD.replace("squares", "steals"), point="thief", distribution="aaa")
    site.plugin("ours", GOOD, point="square", distribution="aubench")
    assert discovery.find("recogniser", "square").summary == "squares things"
    assert broken() == {"square": "name already taken by ours (aubench 1.0)"}
    assert [row.distribution for row in discovery.listing() if row.status == "broken"] == ["aaa"]


def test_the_same_entry_point_twice_the_first_distribution_stays(site: Site) -> None:
    site.module("second", GOOD.replace('"square"', '"other"'))
    site.module("first", GOOD)
    site.distribution("zzz", {"square": "second"})
    site.distribution("bbb", {"square": "first"})
    assert names() == [("recogniser", "square")]
    assert broken() == {"square": "entry point name already taken by first (bbb 1.0)"}


def test_work_in_progress_needs_no_installation(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.module("draft", GOOD)
    monkeypatch.setenv("AUBENCH_PLUGINS", "draft, nowhere_to_be_found,")
    discovery.forget()
    assert names() == [("recogniser", "square")]
    assert "ModuleNotFoundError" in broken()["nowhere_to_be_found"]
    # Once it is installed, it is not heard twice.
    site.distribution("aubench-draft", {"draft": "draft"})
    assert [row.distribution for row in discovery.listing() if row.status == "ok"] == ["aubench-draft"]
    assert list(broken()) == ["nowhere_to_be_found"]


def test_what_a_plugin_prints_on_import_stays_out_of_stdout(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.plugin("aubench_loud", "print('hello')\n" + GOOD)
    assert names() == [("recogniser", "square")]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_unknown_names_are_answered_with_the_nearest(site: Site) -> None:
    site.plugin("aubench_square", GOOD)
    with refused("name-unknown", "'sqare'", "square"):
        discovery.find("recogniser", "sqare")
    with refused("name-unknown", "renderer", "'square'"):
        discovery.find("renderer", "square")
    with refused("name-unknown", "'sqare'", "sqare-big"):
        discovery.find("renderer", "sqare", also=["sqare-big"])


@pytest.mark.parametrize("point", ["ct", "loss_ct"])
def test_asking_for_a_broken_plugin_gives_its_reason(site: Site, point: str) -> None:
    site.plugin("aubench_ct", "1 / 0", point=point)
    with refused("plugin-broken", "'ct'", "aubench_ct: ZeroDivisionError"):
        discovery.find("loss", "ct")
    with refused("name-unknown", "'id'", point):
        discovery.find("loss", "id")


def test_dash_and_underscore_in_names_are_alike(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.plugin("aubench_square", GOOD.replace('"square"', '"my-square"'))
    site.plugin("my_lost", "1 / 0")
    assert discovery.find("recogniser", "my_square").name == "my-square"
    with refused("plugin-broken", "ZeroDivisionError"):
        discovery.find("loss", "my-lost")
    assert main(["plugins", "check", "my-lost"]) == 2
    assert_refused(capsys.readouterr().err, "plugin-broken", "my-lost", "ZeroDivisionError")


class Options(Config):
    size: int = Field(default=64, ge=8)
    name: str


CARD = Component("extractor", "thing", "a thing", "nowhere:Thing", Options)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"name": "x", "siez": 4}, ["'siez'", "size?"]),
        ({"name": "x", "size": "big"}, ["'size'", "'big'"]),
        ({"name": "x", "size": 4}, ["'size'", "8", "4"]),
        ({}, ["'name'"]),
        ({"size": "big"}, ["1 more"]),
    ],
)
def test_wrong_options_name_plugin_key_and_value(given: dict[str, object], values: list[str]) -> None:
    with refused("config-invalid", "extractor 'thing'", *values) as caught:
        discovery.configure(CARD, given)
    assert "\n" not in str(caught.value)


def test_options_may_come_as_a_model() -> None:
    options = Options(name="x", size=9)
    assert discovery.configure(CARD, options) is options


@pytest.mark.parametrize(
    ("factory", "code", "value"),
    [
        ("no_such_module_anywhere:F", "plugin-broken", "ModuleNotFoundError"),
        ("aubench_f:Missing", "plugin-broken", "AttributeError"),
        ("aubench_f:number", "plugin-invalid", "recogniser 'f'"),
        ("aubench_f:make", "plugin-invalid", "embed"),
    ],
)
def test_a_factory_that_fails_is_named(site: Site, factory: str, code: str, value: str) -> None:
    card = offer("aubench_recognisers", "recogniser", "f", "s", factory)
    site.plugin("aubench_f", card + "number = 3\ndef make(config):\n    return object()\n")
    with refused(code, factory, value):
        discovery.build("recogniser", "f")


def test_an_error_inside_a_factory_passes_through_with_a_note(site: Site) -> None:
    card = offer("aubench_recognisers", "recogniser", "f", "s", "aubench_g:make")
    site.plugin("aubench_g", card + "def make(config):\n    raise KeyError('inside')\n")
    with pytest.raises(KeyError, match="inside") as caught:
        discovery.build("recogniser", "f")
    assert caught.value.__notes__ == ["while building recogniser 'f' (aubench_g:make)"]


def test_check_imports_the_factories_too(site: Site) -> None:
    site.plugin("aubench_square", GOOD)
    site.plugin("aubench_late", offer("aubench_losses", "loss", "late", "s", "no_such_module_anywhere:F"))
    assert {row.name: row.status for row in discovery.listing()} == {"late": "ok", "square": "ok"}
    checked = {row.name: row for row in discovery.check_factories()}
    assert (checked["late"].status, checked["square"].status) == ("broken", "ok")
    assert "no_such_module_anywhere" in checked["late"].error


def test_every_kind_has_a_hook_and_a_protocol() -> None:
    assert set(discovery.HOOKS.values()) == set(discovery.PROTOCOLS) == set(KINDS)
    assert discovery.members(contracts.Dataset) == ["name", "aus", "digest", "frames", "read_labels"]
    assert discovery.members(contracts.Engine) == ["size", "differentiable", "draw", "sample"]


def test_the_built_ins_are_found_through_entry_points() -> None:
    discovery.forget()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["aubench"]
    folders = {p.parent.name for p in (ROOT / "plugins" / "aubench_plugins").glob("*/__init__.py")}
    assert declared == {name: f"aubench_plugins.{name}" for name in folders}
    ours = [row for row in discovery.listing() if row.distribution == "aubench"]
    assert [(row.name, row.error) for row in ours if row.status != "ok"] == []
    found = {(row.kind, row.name) for row in ours}
    assert {("renderer", "bdfm"), ("renderer", "neural"), ("extractor", "bisenet"), ("recogniser", "lightcnn")} <= found
    assert {("regressor", "fpr"), ("dataset", "synth")} <= found
    assert {("loss", name) for name in ("ct", "id", "lp", "pr", "adv")} <= found

"""YAML from anybody ends in plain values or in one line of refusal, soon."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from refusals import refused

from aubench import plain_yaml
from aubench.cli.pretrain import _over
from aubench.compare.runs import read_config
from aubench.data.splits import read_splits
from aubench.errors import UserError
from aubench_training.config import RECIPES, load_config, resolve

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
MERGED_BOMB = "a0: &a0 {k0: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], k{i}: 1}}\n" for i in range(1, 10)
)


def test_ordinary_yaml_is_read_as_ever() -> None:
    text = "a: &x {b: [1, 2.5, true, null, text]}\nc: {<<: *x, d: 'no'}\ne: 2026-11-22\n"
    values = {"b": [1, 2.5, True, None, "text"]}
    assert plain_yaml.parse(text, "f") == {"a": values, "c": {**values, "d": "no"}, "e": "2026-11-22"}
    assert plain_yaml.parse("", "f") is None


@pytest.mark.parametrize(
    "text",
    [
        BOMB, MERGED_BOMB, "[" * 100_000, "- " * 3000, "&a [*a]", "&a {b: *a}", "9" * 5000, str(2**63), ".nan", "-.inf",
        "!!int ''", "!!int x", "!!bool maybe", "!!timestamp x", "!!binary x", "!!set {a}", "!!float [1]", "!!int [1]",
        "!!python/object/apply:os.system [true]", "{a: 1, a: 2}", "? [a]\n: 1", '"\\0"', '"\\ud800"', "\x00", "a: b: c",
        "x" * 300_000, "a\n---\nb", "*a", "<<: 1", "'",
    ],
)  # fmt: skip
def test_what_is_no_plain_yaml_is_refused_at_once(text: str) -> None:
    began = time.process_time()  # a busy machine makes any wall clock late
    with refused("config-invalid", "here.yaml"):
        plain_yaml.parse(text, "here.yaml")
    assert time.process_time() - began < 3  # a bomb takes minutes


def test_the_message_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: 1\nb: !!int x\n")
    with refused("split-invalid", "x.yaml:2"):
        read_splits(file)
    file.write_bytes(b"a: 1\nb: \xff\n")
    with refused("registry-invalid", "x.yaml:2"):
        plain_yaml.read(file, code="registry-invalid")


def test_every_reader_refuses_what_the_constructors_of_pyyaml_trip_over(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: !!bool maybe\n")
    with refused("config-invalid", "config.yaml"):
        load_config(tmp_path / "config.yaml")
    with refused("config-invalid", "config.yaml"):
        read_config(tmp_path)
    with refused("option-invalid", "--set seed=!!int x"):
        resolve(assignments=["seed=!!int x"])
    with refused("option-invalid", "--set batch=[[[["):
        _over(None, ["batch=[[[["])
    with refused("option-conflict", "--set a.b=2"):
        _over(None, ["a=1", "a.b=2"])
    with pytest.raises(UserError):
        resolve(assignments=["seed=2001-99-99"])


NASTY: list[Any] = ["null", "[]", "{}", "3", "-1", "9000000000000000000", "text", "[1]", "{name: 3}", "{1: 2}", "true",
                    "1.0e+300", "{name: bisenet, config: null}", "[{config: 1}]", "{name: [a]}"]  # fmt: skip


@pytest.mark.parametrize("place", ["preset", "extractor", "engine", "datasets", "losses", "loss_options", "sampled",
                                   "additions", "loopback", "frames", "baselines", "plugins", "recipe"])  # fmt: skip
def test_a_recipe_with_a_wrong_value_anywhere_is_the_users_mistake(tmp_path: Path, place: str) -> None:
    whole = (RECIPES / "paper.yaml").read_text(encoding="utf-8")
    recipe = tmp_path / "r.yaml"
    for value in NASTY:
        kept = [line for line in whole.splitlines() if not line.startswith(f"{place}:")]
        recipe.write_text("\n".join([*kept, f"{place}: {value}"]))
        for name, settings in ((str(recipe), []), ("paper", [f"{place}={value}"])):
            with contextlib.suppress(UserError):  # anything else ends the test
                resolve(name, assignments=settings)

"""``KEY=VALUE`` of the command line."""

from __future__ import annotations

import pytest
from refusals import refused

from aubench.assignments import setting, split
from aubench.cli.data.options import options_in, pairs_in, roots_in


def test_the_name_ends_at_the_first_equals_sign() -> None:
    assert split("--root", " a =x=y ", "a=b") == ("a", "x=y ")


@pytest.mark.parametrize("entry", ["", "a", "=", "=1", " =1", "a="])
def test_a_side_that_is_missing_is_refused_with_the_option_the_entry_and_a_right_one(entry: str) -> None:
    with refused("option-invalid", f"--root {entry}:", "x=y"):
        split("--root", entry, "x=y")


def test_a_value_is_read_as_yaml_and_may_be_empty() -> None:
    assert setting("a.b={c: [1, x]}", "a=1") == ("a.b", {"c": [1, "x"]})
    assert setting("a=", "a=1") == ("a", None)


@pytest.mark.parametrize("entry", ["a=[", "a" + ".b" * 60 + "=1", "=1", "a"])
def test_a_setting_that_cannot_be_read_is_refused(entry: str) -> None:
    with refused("option-invalid"):
        setting(entry, "a=1")


def test_options_of_data_sets_go_by_the_names_that_were_asked_for() -> None:
    assert roots_in(["/a"], ["disfa"]) == {"disfa": "/a"}
    assert roots_in(["disfa=/a", "mmi=/b"], ["disfa", "mmi"]) == {"disfa": "/a", "mmi": "/b"}
    assert pairs_in("--split", ["disfa=paper"], ["disfa"]) == {"disfa": "paper"}
    assert options_in(["disfa.camera=right", "disfa.x=1"]) == {"disfa": {"camera": "right", "x": 1}}
    for given in (
        lambda: roots_in(["/a"], ["disfa", "mmi"]),
        lambda: roots_in(["mmi=/a"], ["disfa"]),
        lambda: pairs_in("--split", ["mmi=paper"], ["disfa"]),
        lambda: options_in(["camera=right"]),
        lambda: options_in(["mmi.camera=right"], ["disfa"]),
    ):
        with refused("option-invalid"):
            given()

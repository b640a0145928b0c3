"""Codes of errors: every one that the code uses is documented, and they survive a trip between processes."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from aubench.cli import app
from aubench.errors import CODES, UNCODED, UserError
from aubench.plan import PlanError

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("aubench", "plugins", "training") for path in (ROOT / folder).rglob("*.py")]
ERRORS = {"UserError", "PlanError"}
HAVE_A_CODE = {"PlanError"}
"""Errors whose class gives the code."""


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def constants(node: ast.AST) -> list[str]:
    """Its strings, but those of ``getattr(error, "errno", None)``."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Call) and name_of(node.func) == "getattr":
        return []
    return [text for each in ast.iter_child_nodes(node) for text in constants(each)]


def unknown_codes(path: Path) -> list[str]:
    given = [k.value for call in calls(path) for k in call.keywords if k.arg == "code" and name_of(call.func) in ERRORS]
    return [f"{path.name}:{value.lineno}: {code}" for value in given for code in constants(value) if code not in CODES]


def without_code(path: Path) -> list[str]:
    """Errors that are made without a code, one of a variable, or one that comes with ``**``."""
    made = [call for call in calls(path) if name_of(call.func) in ERRORS - HAVE_A_CODE]
    return [f"{path.name}:{call.lineno}" for call in made if not {k.arg for k in call.keywords} & {"code", None}]


def matches_prose(path: Path) -> list[str]:
    """Where a test looks for words in a message of ours, which may be reworded."""
    found = [call for call in calls(path) if name_of(call.func) == "raises" and call.args]
    errors = [call for call in found if {name_of(each) for each in ast.walk(call.args[0])} & ERRORS]  # type: ignore[arg-type]
    return [f"{path.name}:{call.lineno}" for call in errors if any(k.arg == "match" for k in call.keywords)]


def test_every_code_in_the_source_is_documented() -> None:
    assert [fault for path in SOURCES for fault in unknown_codes(path)] == []


def test_no_code_is_without_use() -> None:
    text = "".join(path.read_text("utf-8") for path in SOURCES)
    assert {code for code in CODES if text.count(f'"{code}"') < 2} <= {UNCODED}


def test_every_error_of_ours_has_a_code() -> None:
    assert [fault for path in SOURCES for fault in without_code(path)] == [], "give it code=, see aubench.errors.CODES"


def test_no_test_looks_for_the_words_of_an_error() -> None:
    faults = [fault for path in (ROOT / "tests").rglob("*.py") for fault in matches_prose(path)]
    assert faults == [], "assert the code with tests/refusals.py"


def test_every_option_that_an_error_names_is_one_of_a_command() -> None:
    known = {
        option for command in commands(typer.main.get_command(app)) for each in command.params for option in each.opts
    }
    named = {
        (path.name, option)
        for path in SOURCES
        for call in calls(path)
        if name_of(call.func) in ERRORS
        for text in constants(call)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)
    }
    assert len(named) > 50
    assert {each for each in named if each[1] not in known} == {("film.py", "--upgrade")}, "pip has this one"


def commands(command: Any) -> list[Any]:
    inner = [each for one in getattr(command, "commands", {}).values() for each in commands(one)]
    return [command, *inner]


def test_these_checks_find_what_they_look_for(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "UserError('x')\nUserError('x', code='no-such')\nerrors.UserError('x', code=code)\nPlanError('x')\n"
        "pytest.raises(UserError, match='x')\npytest.raises((OSError, errors.UserError), match='x')\n"
        "pytest.raises(OSError, match='x')\npytest.raises(UserError)\nUserError('x', code=code or 'other')\n"
    )
    assert without_code(path) == ["a.py:1"]
    assert unknown_codes(path) == ["a.py:2: no-such", "a.py:9: other"]
    assert matches_prose(path) == ["a.py:5", "a.py:6"]


def test_the_page_of_codes_is_the_table_of_the_code() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", page, re.M)) == dict(CODES)


@pytest.mark.parametrize("kind", [UserError, PlanError])
def test_an_error_survives_pickling(kind: type[UserError]) -> None:
    error = pickle.loads(pickle.dumps(kind("a.csv: wrong", code="table-invalid")))
    assert (type(error), str(error), error.code) == (kind, "a.csv: wrong", "table-invalid")


def test_a_plan_error_has_its_code() -> None:
    assert PlanError("x").code == "plan-invalid"

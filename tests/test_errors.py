"""Codes of errors: every one that the code uses is documented, and they survive a trip between processes."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

from aubench.errors import CODES, UserError
from aubench.plan import PlanError

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("aubench", "plugins", "training") for path in (ROOT / folder).rglob("*.py")]
ERRORS = {"UserError", "PlanError"}


def raised(tree: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS
    ]


def test_every_code_in_the_source_is_documented() -> None:
    unknown = []
    for path in SOURCES:
        for call in raised(ast.parse(path.read_text("utf-8"))):
            for keyword in call.keywords:
                if (
                    keyword.arg == "code"
                    and isinstance(keyword.value, ast.Constant)
                    and keyword.value.value not in CODES
                ):
                    unknown.append(f"{path.relative_to(ROOT)}:{call.lineno}: {keyword.value.value}")
    assert not unknown


def test_the_page_of_codes_is_the_table_of_the_code() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", page, re.M)) == dict(CODES)


@pytest.mark.parametrize("kind", [UserError, PlanError])
def test_an_error_survives_pickling(kind: type[UserError]) -> None:
    error = pickle.loads(pickle.dumps(kind("a.csv: wrong", code="table-invalid")))
    assert (type(error), str(error), error.code) == (kind, "a.csv: wrong", "table-invalid")


def test_a_plan_error_has_its_code() -> None:
    assert PlanError("x").code == "plan-invalid"

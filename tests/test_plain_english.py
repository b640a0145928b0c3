"""Docs and help texts use the terms of the glossary in docs/CONTRIBUTING.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from aubench.cli import app

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs" / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page != GLOSSARY)]
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`|\]\([^)]*\)|^ {4}[^\n]*$", re.MULTILINE | re.DOTALL)
"""Code, file names and link targets: the names of options and files may contain any word."""
ALLOWED: dict[str, tuple[str, ...]] = {"aubench loss-signal": ("beside",)}
"""Quoted or technical uses of forbidden terms, by page or command."""


def forbidden() -> list[str]:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]*)\|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return [
        term.strip() for name, cell in rows if name not in ("term", "---") for term in cell.split(",") if term.strip()
    ]


def found_in(text: str, allowed: tuple[str, ...] = ()) -> list[str]:
    plain = CODE.sub(" ", text)
    for phrase in allowed:
        plain = plain.replace(phrase, " ")
    plain = " ".join(plain.split()).lower()
    return [term for term in forbidden() if re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", plain)]


def helps() -> Iterator[tuple[str, str]]:
    def walk(command: Any, name: str) -> Iterator[tuple[str, str]]:
        texts = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
        yield name, "\n".join(texts)
        for word, part in getattr(command, "commands", {}).items():
            yield from walk(part, f"{name} {word}")

    return walk(typer.main.get_command(app), "aubench")


def test_the_glossary_has_forbidden_terms_that_are_found() -> None:
    terms = forbidden()
    assert len(terms) > 20
    assert found_in(f"It was {terms[0]},\nhere.") == [terms[0]]
    assert found_in(f"An option `{terms[0]}` is code.") == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_use_the_terms_of_the_glossary(page: Path) -> None:
    name = page.relative_to(ROOT).as_posix()
    assert found_in(page.read_text(encoding="utf-8"), ALLOWED.get(name, ())) == []


def test_help_texts_use_the_terms_of_the_glossary() -> None:
    assert {name: terms for name, text in helps() if (terms := found_in(text, ALLOWED.get(name, ())))} == {}

"""``report.json`` and ``comparison.json``: read as they were written, by every renderer, and described by a schema."""

from __future__ import annotations

import importlib.util
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from refusals import refused

from aubench.compare import html, latex, markdown, tables
from aubench.compare.schema import Comparison
from aubench.report.markdown import run_page
from aubench.report.schema import Report
from aubench.stamp import stamp

ROOT = Path(__file__).resolve().parent.parent
COMPARISONS = sorted(ROOT.glob("reports/**/comparison.json"))
REPORTS = sorted(ROOT.glob("reports/**/report.json"))
BLOCKS = {"html", "head", "body", "main", "header", "section", "div", "table", "thead", "tbody", "tr", "nav", "ul",
          "dl", "figure", "svg", "aside"}  # fmt: skip


def name_of(path: Path) -> str:
    return path.parent.name


def test_there_are_committed_files() -> None:
    assert len(COMPARISONS) >= 2
    assert len(REPORTS) >= 2


@pytest.mark.parametrize("path", COMPARISONS, ids=name_of)
def test_a_committed_comparison_is_read_whole(path: Path) -> None:
    comparison = Comparison.read(path)
    assert comparison.to_dict() == json.loads(path.read_text("utf-8"))
    assert Comparison.model_validate(json.loads(comparison.to_json())) == comparison


@pytest.mark.parametrize("path", REPORTS, ids=name_of)
def test_a_committed_report_is_read_whole_and_makes_its_page(path: Path) -> None:
    report = Report.read(path)
    assert report.to_dict() == json.loads(path.read_text("utf-8"))
    page = path.with_name("report.md").read_text("utf-8")
    title = page.splitlines()[0].removeprefix("# ")
    assert run_page(title, report, "figure.png") == page


@pytest.mark.parametrize("path", COMPARISONS, ids=name_of)
def test_committed_tables_follow_from_the_json(path: Path) -> None:
    comparison = Comparison.read(path)
    assert markdown.page(comparison) == path.with_suffix(".md").read_text("utf-8")
    assert tables.tidy(comparison) == path.with_suffix(".csv").read_text("utf-8")
    old = path.with_suffix(".tex").read_text("utf-8")
    assert latex.document(comparison).removeprefix(f"% {stamp('comparison')}\n") == old  # which came later


@pytest.mark.parametrize("path", COMPARISONS, ids=name_of)
def test_the_committed_page_follows_from_the_json(path: Path) -> None:
    """All tables and texts; pictures are made of predictions and of files of the run, which are not kept."""
    kept, made = (
        Tree(text) for text in (path.with_suffix(".html").read_text("utf-8"), html.page(Comparison.read(path), {}))
    )
    first, last = (
        next(i for i, node in enumerate(tree.nodes) if ("id", name) in node[1:])
        for tree, name in ((kept, "faces"), (kept, "made"))
    )
    made.nodes = [node for node in made.nodes if ("content", stamp("comparison")) not in node]  # which came later
    assert made.nodes == kept.nodes[:first] + kept.nodes[last:]


class Tree(HTMLParser):
    """A page as a list of tags and texts, without scripts and styles, and without white space that shows nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.nodes: list[tuple] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.nodes.append((f"<{tag}>", *sorted(attributes)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.nodes.append((f"<{tag}/>", *sorted(attributes)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass
        self.nodes.append((f"</{tag}>",))

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else "html"
        words = re.sub(r"\s+", " ", data)
        words = words.strip() if inside in BLOCKS else words
        if words and inside not in ("script", "style"):
            self.nodes.append((words,))


def test_a_newer_form_is_refused(tmp_path: Path) -> None:
    for name, model, newer in (("report", Report, 2), ("comparison", Comparison, 3)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"format": newer, "options": {}, "datasets": {}}), "utf-8")
        with refused("file-damaged", str(path), "format"):
            model.read(path)


def test_entries_of_a_later_version_are_passed_over() -> None:
    known = json.loads(COMPARISONS[0].read_text("utf-8"))
    known["later"] = 3
    next(iter(known["datasets"].values()))["rows"][0]["later"] = {"a": 1}
    assert Comparison.model_validate(known) == Comparison.read(COMPARISONS[0])
    report = Report.model_validate({"later": {"a": 1}})
    assert report.to_dict() == {"later": {"a": 1}}, "whoever writes a report may add facts"


def schema_files() -> ModuleType:
    spec = importlib.util.spec_from_file_location("schema_files", ROOT / "docs" / "mkdocs" / "schema_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["report.schema.json", "comparison.schema.json"])
def test_the_schema_in_the_reference_is_that_of_the_models(name: str) -> None:
    """To write it anew: ``python docs/mkdocs/schema_files.py``."""
    module = schema_files()
    kept = json.loads((module.FOLDER / name).read_text("utf-8"))
    assert kept == json.loads(module.text(name))

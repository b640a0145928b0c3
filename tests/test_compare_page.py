"""The page and the LaTeX: whole, self-contained, escaped, and holding the numbers of the comparison."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aubench.compare import comparison, html, latex, page_data, tables
from aubench.compare.method import Member, Method
from aubench.compare.runs import digest
from aubench.compare.schema import Comparison
from aubench.compare.scoring import ScoreMatrix

AUS = ["AU01", "AU12"]
EVIL = "a_b & <script>alert(1)</script> 100%"
VOID = {"meta", "img", "br", "hr", "input", "line", "circle", "path", "rect"}


def compared() -> tuple[Comparison, dict[str, ScoreMatrix]]:
    keys = pd.DataFrame({"dataset": "disfa", "subject": np.repeat(["SN001", "SN002", "SN003"], 30),
                         "sequence": "left", "frame": np.tile(np.arange(30), 3)})  # fmt: skip
    rng = np.random.default_rng(0)
    truth = keys.assign(**{au: np.clip(np.round(rng.normal(0.5, 1.8, 90)), 0, 5) for au in AUS})
    methods = []
    for name, noise in (("plain", 0.5), (EVIL, 1.0)):
        table = truth.assign(valid=True)
        table[AUS] = np.clip(table[AUS] + rng.normal(0, noise, (90, 2)), 0, 5)
        methods.append(Method(name, name, "import", [Member(name, table)], notes=["<i>note</i>"]))
    methods[1].members[0].table.loc[3, "valid"] = False
    done, boards = comparison.compare(
        methods, {"disfa": comparison.Truth(truth, digest(truth, "disfa"))}, comparison.Settings(draws=200)
    )
    return done.model_copy(update={"command": "aubench compare --x '<y>'", "date": "2026-01-01"}), boards


class Reader(HTMLParser):
    """Notes every tag, and whether each is closed by its own name."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            key = str(next(a for t, a in reversed(self.tags) if t == "script").get("id", "code"))
            self.data[key] = self.data.get(key, "") + data


@pytest.fixture(scope="module")
def page() -> tuple[Comparison, dict[str, ScoreMatrix], str, Reader]:
    done, boards = compared()
    text = html.page(done, boards)
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return done, boards, text, reader


def test_the_page_is_whole_and_loads_nothing(page) -> None:
    _, _, text, reader = page
    assert text.startswith("<!doctype html>")
    for tag, attributes in reader.tags:
        for key in ("src", "href"):
            value = attributes.get(key) or ""
            assert not value or value.startswith(("data:", "#")), (tag, value)
    assert "url(" not in text
    assert "@import" not in text
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"])[1:] for tag, a in reader.tags if tag == "a"}
    assert targets <= set(ids)


def test_names_are_text_and_never_markup(page) -> None:
    _, _, text, reader = page
    assert "<script>alert" not in text
    assert "<i>note" not in text
    assert sum(tag == "script" for tag, _ in reader.tags) == 2
    assert json.loads(reader.data["data"])["datasets"]["disfa"]["methods"][1]["name"] == EVIL


def test_the_page_can_be_used_without_eyes_or_mouse(page) -> None:
    _, _, text, reader = page
    kinds = [tag for tag, _ in reader.tags]
    assert kinds.count("table") == kinds.count("caption")
    assert all("scope" in attributes for tag, attributes in reader.tags if tag == "th")
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for _, a in reader.tags if a.get("class") == "scroll")
    assert ("html", {"lang": "en"}) in reader.tags
    assert "(best)" in text, "what bold says is said aloud too"
    assert "prefers-color-scheme" in text
    assert "@media print" in text


def test_the_page_shows_the_comparison(page) -> None:
    done, _, text, _ = page
    here = done.datasets["disfa"]
    for row in here.rows:
        assert f"{row.mean.icc31:.3f}" in text
    assert "Protocol B" in text
    assert here.groups[1].hash in text
    assert "printed 0.64, but the mean of the printed cells is 0.6458" in text


def test_pictures_are_drawn_from_the_frames(page) -> None:
    done, boards, _, reader = page
    data = json.loads(reader.data["data"])["datasets"]["disfa"]
    board = boards["disfa"]
    assert [m["name"] for m in data["methods"]] == [r.name for r in done.datasets["disfa"].rows if r.kind == "import"]
    assert data["videos"] == [["SN001/left", 0, 30], ["SN002/left", 30, 30], ["SN003/left", 60, 30]]
    values = np.frombuffer(base64.b64decode(data["truth"]), np.uint8).reshape(90, 2)
    assert np.abs(values * data["step"] - board.values).max() <= data["step"] / 2 + 1e-9
    evil = next(m for m in data["methods"] if m["name"] == EVIL)
    lost = np.frombuffer(base64.b64decode(evil["values"]), np.uint8).reshape(90, 2)
    assert (lost == 255).sum() == 2
    assert np.sum(evil["aus"]["AU12"]["confusion"]) == evil["aus"]["AU12"]["n"] == 89
    scored = next(s for s in board.scored if s.method.name == EVIL)
    gap = (scored.values[0] - board.values)[scored.mask[:, 0], 0]
    assert evil["aus"]["AU01"]["bias"] == pytest.approx(gap.mean(), abs=1e-4)


def test_long_videos_are_thinned(monkeypatch) -> None:
    done, boards = compared()
    monkeypatch.setattr(page_data, "_BYTES", 200)
    data = page_data.payload(boards["disfa"], done.datasets["disfa"].rows)
    assert data.stride == 3
    assert data.videos[1] == ("SN002/left", 10, 10)
    assert data.frames[:3] == [0, 3, 6]
    assert len(base64.b64decode(data.methods[0].values)) == 60


def test_rounded_intensities() -> None:
    counts = page_data.confusion(np.array([0.0, 0.49, 0.5, 5.0]), np.array([0.0, 4.5, 1.49, 5.0]))
    assert counts.sum() == 4
    assert (counts[0, 0], counts[0, 5], counts[1, 1], counts[5, 5]) == (1, 1, 1, 1)


def test_latex_has_the_papers_form() -> None:
    done, _ = compared()
    text = latex.document(done)
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3  # per AU, averages, occurrence
    assert r"\toprule" in text
    assert r"\textbf{." in text
    assert r"a\_b \& <script>alert(1)</script> 100\%" in text
    assert r"\textit{GENet}$^{*}$" in text
    assert r"^{\dagger}$" in text
    body = re.findall(r"^(.*&.*) \\\\$", text, re.MULTILINE)
    widths = {line.count(" & ") for line in body if r"\multicolumn" not in line}
    assert widths == {4, 2}, "method, metric and two AUs with the average; then the average alone"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(tmp_path: Path) -> None:
    done, _ = compared()
    (tmp_path / "c.tex").write_text(latex.document(done), "utf-8")
    ran = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "c.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "c.pdf").stat().st_size > 5000


def test_short_numbers_are_the_papers() -> None:
    assert [tables.short(v) for v in (0.614, 1.08, -0.004, -0.25, None, 0.999)] == [
        ".61",
        "1.08",
        ".00",
        "-.25",
        "–",
        "1.00",
    ]

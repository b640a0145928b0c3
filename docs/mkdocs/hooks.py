"""What the site needs beyond Markdown: pages made from code, files of the repository that pages point to, formulas and
drawings that need no network."""

from __future__ import annotations

import html
import importlib.util
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent
ROOT = DOCS.parent
PAGES = {"CHANGELOG.md": "changelog.md"}
"""Markdown of the repository that has a page of its own, by its place from the root."""
COPIES = "repository"
"""Folder of the site for everything else outside ``docs/`` that a page points to."""

LINK = re.compile(r"(\]\()(<?)([^)\s<>#]+)(#[^)\s]*)?(>?)(?=[)\s])")
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)
DRAWING = re.compile(r'<img alt="([^"]*)" src="([^"]*figures/([\w-]+\.svg))"\s*/?>')


def on_files(files: Files, *, config: Any, **rest: Any) -> Files:
    """Add the pages that code writes, and everything outside ``docs/`` that a page points to."""
    del rest
    made = {
        "reference/cli.md": _module("cli_page").page(),
        "reference/words.md": _module("words_page").page(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "]("),
    }
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    pending = [(page.content_string, DOCS / page.src_uri) for page in files.documentation_pages()]
    while pending:
        markdown, source = pending.pop()
        for link in LINK.finditer(markdown):
            target = _outside(link[3], source)
            place = f"{COPIES}/{target}"
            if target is None or str(target) in PAGES or files.get_file_from_path(place) is not None:
                continue
            files.append(File.generated(config, place, abs_src_path=str(ROOT / target)))
            if target.suffix == ".md":
                pending.append(((ROOT / target).read_text(encoding="utf-8"), ROOT / target))
    return files


def on_page_markdown(markdown: str, *, page: Page, **rest: Any) -> str:
    """Links to files outside ``docs/`` lead to their copies in the site."""
    del rest
    place = page.file.src_uri
    copied = place.startswith(f"{COPIES}/")
    source = ROOT / place.removeprefix(f"{COPIES}/") if copied else DOCS / place

    def moved(found: re.Match[str]) -> str:
        target = _outside(found[3], source)
        if target is None:
            return found[0]
        there = PAGES.get(str(target), f"{COPIES}/{target}")
        relative = os.path.relpath(there, Path(place).parent)
        return f"{found[1]}{found[2]}{relative}{found[4] or ''}{found[5]}"

    return LINK.sub(moved, markdown)


def on_page_content(content: str, **rest: Any) -> str:
    """TeX becomes MathML, and drawings part of the page, so that they take its colours."""
    del rest
    content = DISPLAY.sub(lambda found: f'<div class="formula">{_mathml(found[1], "block")}</div>', content)
    content = INLINE.sub(lambda found: _mathml(found[1], "inline"), content)
    return DRAWING.sub(_drawing, content)


def _mathml(tex: str, display: str) -> str:
    # A norm's bars that stretch differ in height where one of them carries an index.
    return re.sub(r"<mo[^>]*>(&#x02016;|&#x02225;)</mo>", r'<mo stretchy="false">\1</mo>', _convert(tex, display))


def _convert(tex: str, display: str) -> str:
    return str(convert(html.unescape(tex).strip(), display=display))


def _drawing(found: re.Match[str]) -> str:
    drawing = (DOCS / "figures" / found[3]).read_text(encoding="utf-8")
    body = drawing[drawing.index("<svg") :]
    return f'<span class="drawing" data-search-exclude role="img" aria-label="{found[1]}">{body}</span>'


def _outside(link: str, source: Path) -> PurePosixPath | None:
    """The file that a relative link in ``source`` names, from the repository's root, if it lies outside ``docs/``."""
    target = Path(os.path.normpath(source.parent / link))
    if ":" in link or target.is_relative_to(DOCS) or not target.is_relative_to(ROOT) or not target.is_file():
        return None
    return PurePosixPath(target.relative_to(ROOT).as_posix())


def _module(name: str) -> Any:
    """A module that lies beside this one."""
    spec = importlib.util.spec_from_file_location(f"aubench_docs_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

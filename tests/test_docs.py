"""README and docs: links lead somewhere, commands parse, pages are in the navigation, examples run, figures fit."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
import yaml

from aubench import discovery
from aubench.cli import app
from aubench.contracts import Features
from aubench.plan import make_plan

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES]
GENERATED = {"reference/cli.md", "reference/words.md", "changelog.md"}
"""Pages that exist only in the built site (``docs/mkdocs/hooks.py``)."""
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    """The text without code."""
    return re.sub(r"`[^`\n]+`", "", FENCE.sub("", text))


# --- links ------------------------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    bare = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in bare}


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(<?([^)\s>]+)>?(?: [^)]*)?\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if target.is_relative_to(DOCS) and target.relative_to(DOCS).as_posix() in GENERATED:
            continue
        assert target.exists(), f"{name_of(page)}: {link}"
        assert target.is_file() or page.parent == ROOT, (
            f"{name_of(page)}: {link} is a folder, which the site cannot show"
        )
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name_of(page)}: {link}"


def test_every_page_is_in_the_navigation_once() -> None:
    def places(entry: Any) -> Iterator[str]:
        for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            yield from [part] if isinstance(part, str) else places(part)

    config = yaml.safe_load((DOCS / "mkdocs" / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = list(places(config["nav"]))
    assert len(listed) == len(set(listed))
    assert set(listed) == {page.relative_to(DOCS).as_posix() for page in PAGES} | GENERATED


def test_the_readme_is_no_longer_than_two_screens() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 75
    assert max(map(len, lines)) <= 300


# --- commands ---------------------------------------------------------------------------------------------------------


def commands_in(text: str) -> Iterator[tuple[str, bool]]:
    """Every ``aubench ...`` in the code of a page, and whether it is meant to be typed as it stands."""
    for fence in FENCE.finditer(text):
        if fence["info"].split(" ")[0] in ("", "bash", "sh", "console"):
            yield from ((line, True) for line in _lines(fence["body"]))
    for block in re.findall(r"(?:^ {4}.*\n)+", FENCE.sub("", text), re.MULTILINE):
        yield from ((line, True) for line in _lines(block))
    for span in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        if span.startswith("aubench ") and "\n" not in span.strip():
            yield span, False


def _lines(block: str) -> Iterator[str]:
    for line in re.sub(r"\\\n\s*", "", block).splitlines():
        for part in re.split(r"&&|\||;", re.sub(r"(^|\s)#.*", "", line)):
            found = re.search(r"(?:^|\s)(aubench .*)", part.strip())
            if found and part.strip().startswith(("aubench ", "OMP_", "AUBENCH_", "CUDA_")):
                yield found[1].strip()


@functools.cache
def root_command() -> Any:
    return typer.main.get_command(app)


def fault_of(command: str, whole: bool) -> str | None:
    """What is wrong with a command line, by the real commands' own arguments and options."""
    words = shlex.split(command)[1:]
    here: Any = root_command()
    arguments = 0
    while words:
        word = words.pop(0)
        if word in ("...", "COMMAND") or word.startswith("<"):
            return None
        if word.startswith("-") and word != "-":
            known = {option: p for p in here.params for option in (*p.opts, *p.secondary_opts)}
            option, equals, _ = word.partition("=")
            if option in ("--help", "-h"):
                continue
            if option not in known:
                return f"{here.name} has no {option}"
            if not known[option].is_flag and not equals and not known[option].count:
                if not words:
                    return f"{option} lacks its value" if whole else None
                words.pop(0)
        elif subcommands := getattr(here, "commands", None):
            for choice in word.split("|"):  # `aubench weights list|add|fetch`
                if choice not in subcommands:
                    return f"{here.name} has no command {choice}"
            here = subcommands[choice]
        else:
            arguments += 1
    places = [p for p in here.params if p.param_type_name == "argument"]
    if all(place.nargs == 1 for place in places) and arguments > len(places):
        return f"{here.name} takes {len(places)} arguments, not {arguments}"
    if whole and arguments < sum(place.required for place in places):
        return f"{here.name} needs another argument"
    return None


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_quoted_commands_parse(page: Path) -> None:
    faults = [
        f"{command}: {fault}"
        for command, whole in commands_in(page.read_text(encoding="utf-8"))
        if (fault := fault_of(command, whole))
    ]
    assert not faults


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("aubench tarin", "aubench has no command tarin"),
        ("aubench train --lossses ct", "train has no --lossses"),
        ("aubench data prepare", "prepare needs another argument"),
        ("aubench data list twice", "list takes 0 arguments, not 1"),
        ("aubench train --losses", "--losses lacks its value"),
    ],
)
def test_wrong_commands_would_be_found(command: str, fault: str) -> None:
    assert fault_of(command, whole=True) == fault


def test_commands_are_found_wherever_they_stand() -> None:
    text = (
        "Run `aubench a b`.\n\n```bash\npip install . && aubench c \\\n  d  # aubench e\n```\n\n    aubench f | head\n"
    )
    assert list(commands_in(text)) == [("aubench c d", True), ("aubench f", True), ("aubench a b", False)]


# --- code -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_python_on_the_pages_is_python(page: Path) -> None:
    for fence in FENCE.finditer(page.read_text(encoding="utf-8")):
        if fence["info"].split(" ")[0] == "python":
            ast.parse(fence["body"])


def write_files(page: str, folder: Path) -> None:
    """Write the blocks of a page that have a file name for a title."""
    for fence in FENCE.finditer((DOCS / page).read_text(encoding="utf-8")):
        if title := re.search(r'title="([^"]+)"', fence["info"]):
            path = folder / title[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fence["body"], encoding="utf-8")


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("my_loss", "my_dataset")):
            del sys.modules[name]
    discovery.forget()


def test_the_loss_of_the_guide_works(on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files("guides/loss.md", on_path)
    monkeypatch.setenv(discovery.VARIABLE, "my_loss")
    discovery.forget()
    loss = discovery.build("loss", "my-loss", {"region": "eyes"})
    maps = {"eyes": torch.ones(2, 3, 4, 4), "mouth": torch.zeros(2, 3, 4, 4)}
    seen = Features(torch.zeros(2, 1, 1, 1), maps)
    plan = make_plan(
        {"my-loss": loss}, {"drawn_features": lambda features: features.each(lambda x: 3 * x)}, ["features"]
    )
    assert plan.terms(plan.run({"features": seen}))["my-loss"].item() == 2.0
    assert discovery.build("loss", "my-loss")(features=seen, drawn_features=seen).item() == 0.0
    assert "my_loss" in (on_path / "pyproject.toml").read_text()


def test_the_reader_of_the_guide_works(on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files("guides/dataset.md", on_path)
    monkeypatch.setenv(discovery.VARIABLE, "my_dataset")
    discovery.forget()
    assert discovery.build("dataset", "my-dataset", {"root": str(on_path)}).aus == ("AU01", "AU12")
    reader = importlib.import_module("my_dataset.reader").MyReader()
    data = on_path / "data"
    data.mkdir()
    for name in ("anna", "bert"):
        (data / f"{name}.mp4").touch()
    (data / "anna.csv").write_text("0,2.5\n1,0\n")
    scan = reader.scan(data)
    assert [recording.subject for recording in scan.recordings] == ["anna"]
    assert scan.recordings[0].values.tolist() == [[0, 2.5], [1, 0]]
    assert [problem.path.name for problem in scan.problems] == ["bert.mp4"]


def test_what_the_plan_example_prints_is_what_the_page_says() -> None:
    text = (DOCS / "concepts" / "losses.md").read_text(encoding="utf-8")
    blocks = [fence["body"] for fence in FENCE.finditer(text)]
    source = next(block for block in blocks if "make_plan" in block)
    known: dict[str, Any] = {}
    exec(source.replace("print(", "printed = ("), known)
    assert known["printed"] + "\n" in blocks


# --- reference --------------------------------------------------------------------------------------------------------


def test_the_public_modules_exist_and_have_pages() -> None:
    listed = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    shown = {
        name
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert shown
    for name in shown:
        importlib.import_module(name)
        short = name.removeprefix("aubench")
        assert f"`{name}`" in listed or f"`.{short.rpartition('.')[2]}`" in listed


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_command_line_has_every_command_and_option() -> None:
    module = load(DOCS / "mkdocs" / "cli_page.py")
    page = module.page()
    for name, command in module.commands().items():
        assert re.search(rf"^##+ {name}$", page, re.MULTILINE) or command.hidden
        for parameter in command.params:
            written = parameter.opts if parameter.opts[0].startswith("-") else [parameter.metavar or parameter.name]
            assert any(word.lower() in page.lower() for word in written) or getattr(parameter, "hidden", False)


def test_the_page_of_the_words_has_every_word_and_its_inputs() -> None:
    page = load(DOCS / "mkdocs" / "words_page.py").page()
    assert "| `emotionless_embedding` | F_reg(G(gbe)) | Tensor (b, d), real | `emotionless_drawn` |" in page
    assert page.count("| *batch* |") == 14


@pytest.mark.parametrize("name", ["house", "step", "loss"])
def test_diagrams_are_what_their_script_draws(name: str) -> None:
    drawn = getattr(load(DOCS / "figures" / "diagrams.py"), name)()
    assert drawn == (DOCS / "figures" / f"{name}.svg").read_text(encoding="utf-8"), "run docs/figures/diagrams.py"

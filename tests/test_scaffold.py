"""``aubench plugins new``: what it writes is a package that installs, is clean, and passes its own tests as it is.

Here the packages are tested without the checks that start processes or compilers; ``.ci/package`` runs all of them, on
packages that pip installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from plugin_site import Site
from refusals import assert_refused, refused

from aubench import discovery, scaffold
from aubench.cli import main
from aubench.component import KINDS

SLOW = "works_compiled or worker_processes or imports_nothing_heavy or another_device"
"""Checks that cost seconds each."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of every kind, as ``<folder>/my-<kind>``."""
    folder = tmp_path_factory.mktemp("written")
    for kind in KINDS:
        scaffold.create(kind, f"my-{kind}", folder / f"my-{kind}")
    return folder


def python(*arguments: str, path: Path | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=cwd, check=False
    )


# --- names and folders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "better"),
    [
        ("MyExtractor", "option-invalid", "my-extractor"),
        ("my extractor", "option-invalid", "my-extractor"),
        ("3d", "option-invalid", "as d"),
        ("", "option-invalid", "my-plugin"),
        ("-x", "option-invalid", "as x"),
        ("x-", "option-invalid", "as x"),
        ("../x", "option-invalid", "as x"),
        ("größe", "option-invalid", "gr-e"),
        ("a" * 41, "option-invalid", "40"),
        ("my.extractor", "option-invalid", "my-extractor"),
        ("class", "option-invalid", "my-class"),
        ("json", "name-taken", "my-json"),
        ("numpy", "name-taken", "my-numpy"),
        ("bisenet", "name-taken", "my-bisenet"),
        ("bdfm", "name-taken", "my-bdfm"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(
    tmp_path: Path, monkeypatch, capsys, name, code, better
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", "extractor", "--", name]) == 2
    captured = capsys.readouterr()
    assert_refused(captured.err, code, repr(name), better)
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", "extracter", "mine"]) == 2
    assert_refused(capsys.readouterr().err, "option-invalid", "extracter", "extractor")
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_touched(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("kept")
    assert main(["plugins", "new", "loss", "mine"]) == 2
    assert_refused(capsys.readouterr().err, "output-exists", "mine", "--out DIR")
    assert main(["plugins", "new", "loss", "mine", "--out", "file"]) == 2
    assert (tmp_path / "file").read_text() == "kept"
    assert main(["plugins", "new", "loss", "mine", "--out", "file/below"]) == 2
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def full(self: Path, *arguments: object, **keywords: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        scaffold.create("loss", "mine", tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do_next(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", "loss", "my-loss", "--out", "some where/deep"]) == 0
    out = capsys.readouterr().out
    assert "cd 'some where/deep' && pip install -e '.[test]' && pytest" in out
    assert "aubench plugins check my-loss" in out
    assert "my_loss/loss.py" in out
    assert [path.name for path in (tmp_path / "some where").iterdir()] == ["deep"]


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_whole_and_says_what_it_is(written: Path, kind: str) -> None:
    folder = written / f"my-{kind}"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "pyproject.toml", "README.md", ".gitignore", f"my_{kind}/__init__.py", f"my_{kind}/{kind}.py",
        f"my_{kind}/py.typed", f"tests/test_my_{kind}.py",
    }  # fmt: skip
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"]["aubench"] == {f"my-{kind}": f"my_{kind}"}
    assert project["project"]["name"] == f"my-{kind}"
    assert project["project"]["dependencies"][0].startswith("aubench")
    readme = (folder / "README.md").read_text("utf-8")
    assert f"aubench plugins check my-{kind}" in readme
    for path in folder.rglob("*"):
        if path.is_file():
            assert "$" not in path.read_text("utf-8"), f"{path.name} has a placeholder left"


def test_every_template_is_used_and_none_is_missing() -> None:
    known = {"common": {"README.md.txt", "gitignore.txt", "pyproject.toml.txt"}} | {
        kind: {"cards.py.txt", "code.py.txt", "next.md.txt", "test.py.txt"} for kind in KINDS
    }
    there = {folder.name: {file.name for file in folder.iterdir()} for folder in scaffold.TEMPLATES.iterdir()}
    assert there == known


def test_what_is_written_is_clean(written: Path) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("no ruff here")
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = python("-m", "ruff", *command, str(written))
        assert done.returncode == 0, done.stdout + done.stderr


def test_cards_are_found_and_import_nothing_heavy(written: Path, site: Site) -> None:
    for kind in KINDS:
        (site.folder / f"my_{kind}").symlink_to(written / f"my-{kind}" / f"my_{kind}")
        site.distribution(f"my-{kind}", {f"my-{kind}": f"my_{kind}"})
    listed = {(row.kind, row.name): row.status for row in discovery.listing()}
    assert listed == {(kind, f"my-{kind}"): "ok" for kind in KINDS}
    with refused("name-taken", "'my-loss'"):
        scaffold.create("loss", "my-loss", written / "again")
    code = (
        "import sys\nfor kind in sys.argv[1:]: __import__('my_' + kind)\n"
        "print([name for name in ('torch', 'numpy') if name in sys.modules])"
    )
    done = python("-c", code, *KINDS, path=site.folder)
    assert done.stdout.strip() == "[]", done.stderr


def test_their_own_tests_pass_before_anything_is_edited(written: Path, tmp_path: Path) -> None:
    for kind in KINDS:
        (tmp_path / f"my_{kind}").symlink_to(written / f"my-{kind}" / f"my_{kind}")
        info = tmp_path / f"my_{kind}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: my-{kind}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[aubench]\nmy-{kind} = my_{kind}\n")
    folders = [str(written / f"my-{kind}" / "tests") for kind in KINDS]
    options = ["-q", "-p", "no:cacheprovider", "-W", "ignore", "-k", f"not ({SLOW})", f"--rootdir={written}"]
    done = python("-m", "pytest", *options, *folders, path=tmp_path, cwd=written)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = int(done.stdout.strip().splitlines()[-1].partition(" passed")[0].split()[-1])
    assert passed > 70, done.stdout


def test_pip_makes_a_wheel_of_it(written: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("no setuptools or pip here; .ci/package installs what is written")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    source = tmp_path / "source"
    source.mkdir()
    scaffold.create("loss", "my-wheel", source / "my-wheel")
    done = python("-m", "pip", "install", *options, "--target", str(tmp_path / "to"), str(source / "my-wheel"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "to" / "my_wheel" / "py.typed").is_file()
    listed = python("-m", "aubench", "plugins", "list", "--json", path=tmp_path / "to")
    row = next(row for row in json.loads(listed.stdout) if row["name"] == "my-wheel")
    assert (row["kind"], row["distribution"], row["version"], row["status"]) == ("loss", "my-wheel", "0.1.0", "ok")

"""The command line: exit codes, one-line errors, ``plugins list`` for people and machines; no torch for any of it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from plugin_site import Site

from aubench import cli, discovery
from aubench.errors import UserError

CARD = """
@hookimpl
def aubench_losses():
    return [Component("loss", "ct", "a loss [of sorts]", "no_such_module_anywhere:Loss")]
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aubench", *arguments],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the program by one whose only command fails."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", app)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("clip.mp4: no\nsuch file"), 2, "error: clip.mp4: no such file\n"),
        (UserError("clip.mp4: gone", code="file-missing"), 2, "error: clip.mp4: gone [file-missing]\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: No space left on device [disk-full]\n"),
        (OSError(errno.EACCES, "Permission denied", "/out"), 2, "error: /out: Permission denied [permission-denied]\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(0), 0, ""),
        (SystemExit(0), 0, ""),
        (SystemExit("told"), 1, ""),
    ],
)
def test_exit_codes(error: BaseException, code: int, message: str, monkeypatch, capsys) -> None:
    failing(error, monkeypatch)
    assert cli.main([]) == code
    assert capsys.readouterr().err == message


def test_a_fault_of_ours_is_short_and_leaves_its_traceback(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("AUBENCH_DEBUG", raising=False)
    failing(ValueError("inside"), monkeypatch)
    assert cli.main([]) == 1
    error = capsys.readouterr().err
    assert error.startswith("internal error: ValueError: inside\n")
    (file,) = tmp_path.glob("aubench-*.txt")
    assert str(file) in error
    assert "raise error" in file.read_text()
    monkeypatch.setenv("AUBENCH_DEBUG", "1")
    assert cli.main([]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("arguments", [["--nope"], ["no-such-command"], ["plugins", "list", "--nope"], []])
def test_wrong_usage_is_the_users(arguments: list[str], capsys) -> None:
    assert cli.main(arguments) == 2


def test_help_and_version(capsys) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("aubench ")
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in ("train", "compare", "predict", "render", "pretrain", "plugins", "registry"):
        assert command in text


def test_plugins_list_for_machines(site: Site, capsys) -> None:
    site.plugin("aubench_bad", "1 / 0", point="bad")
    site.plugin("aubench_good", CARD, point="good")
    assert cli.main(["plugins", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) for row in rows] == 2 * [{"kind", "name", "summary", "distribution", "version", "status", "error"}]
    assert [(row["kind"], row["name"], row["status"]) for row in rows] == [
        ("loss", "ct", "ok"),
        ("plugin", "bad", "broken"),
    ]
    assert rows[1]["error"] == "aubench_bad: ZeroDivisionError: division by zero"


def test_plugins_list_for_people(site: Site, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    site.plugin("aubench_bad", "1 / 0", point="bad")
    site.plugin("aubench_good", CARD, point="good")
    assert cli.main(["plugins", "list"]) == 0
    out = capsys.readouterr().out
    assert "a loss [of sorts]" in out
    assert "broken: aubench_bad: ZeroDivisionError: division by zero" in out
    assert "1 plugins work, 1 broken" in out
    assert cli.main(["plugins", "list", "--check"]) == 0
    assert "2 broken" in capsys.readouterr().out


def test_listing_and_help_import_nothing_heavy() -> None:
    code = (
        "import sys; from aubench.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'torchvision', 'timm', 'numba', 'pandas', 'matplotlib', 'cv2', 'scipy', 'sklearn', "
        "'skimage', 'jinja2', 'av', 'PIL'} & set(sys.modules); "
        "sys.exit(f'imported: {heavy}' if heavy else code)"
    )
    for arguments in (["plugins", "list", "--json"], ["plugins", "list"], ["--help"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_python_dash_m_and_the_built_ins() -> None:
    done = run("plugins", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert {"bdfm", "bisenet"} <= {row["name"] for row in json.loads(done.stdout)}
    assert run("no-such-command").returncode == 2


def test_a_reader_that_had_enough_is_no_fault_of_ours() -> None:
    pipe = subprocess.Popen([sys.executable, "-m", "aubench", "plugins", "list", "--json"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert pipe.stdout is not None
    assert pipe.stderr is not None
    pipe.stdout.close()
    error = pipe.stderr.read()
    pipe.stderr.close()
    pipe.wait(timeout=60)
    assert error == ""


def test_no_command_group_is_left_out() -> None:
    """Every module of the package registers something or is a part of one that does: options that several commands
    share, commands of the group `plugins`. What is listed is what discovery knows."""
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - {"__init__"}
    assert {"plugins", "compare", "registry"} <= modules
    parts = {name for name in modules if name.endswith("_option")} | {"check", "forms", "outputs", "scaffold"}
    assert all(hasattr(sys.modules[f"aubench.cli.{name}"], "register") for name in modules - parts)
    assert not any(hasattr(sys.modules[f"aubench.cli.{name}"], "register") for name in parts)
    assert discovery.GROUP == "aubench"

"""A registry.yaml of somebody else's cannot write outside the cache, nor replace a file there."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from refusals import assert_refused, refused

from aubench import download, registry, weights
from aubench.cli import main
from aubench.errors import UserError
from aubench.files import plain_name
from aubench.trusted import distrust

ENTRY = "version: 1\nweights: {{{name}: {{file: {file}, url: {url}, licence: x, fits: x, network: backbone vgg16}}}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(registry.VARIABLE, raising=False)
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        where = {"/file": "file:///etc/hostname", "/ftp": "ftp://127.0.0.1/x", "/http": "/bytes"}.get(self.path)
        self.send_response(302 if where else 200)
        if where:
            self.send_header("Location", where)
        self.end_headers()
        self.wfile.write(b"planted")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    here = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=here.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{here.server_port}"
    here.shutdown()
    here.server_close()


# --- names and addresses


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".bashrc", "a/b", "/a", "a\\b", "c:a", "a\nb", "a\0", "x" * 129, "\u202ea", " \u200b"]
)
def test_what_is_no_plain_name(name: str) -> None:
    assert not plain_name(name)
    with refused("name-unknown"):
        weights.cached_path(name)


def test_plain_names() -> None:
    assert all(map(plain_name, ("79999_iter.pth", "poids à moi.pth", "2DFAN4-11f355bf06.pth.tar", "x" * 128)))


@pytest.mark.parametrize(
    ("name", "file", "url"),
    [
        ("w", "/home/me/.bashrc", "http://host/x"),
        ("w", "../../precious", "http://host/x"),
        ("w", ".bashrc", "http://host/x"),
        ("../../../planted", "f.pth", "http://host/x"),
        ("w", "f.pth", "file:///etc/passwd"),
        ("w", "f.pth", "ftp://host/x"),
        ("w", "f.pth", "u"),
    ],
)
def test_a_registry_leads_nowhere_else(project: Path, name: str, file: str, url: str) -> None:
    (project / "registry.yaml").write_text(ENTRY.format(name=name, file=file, url=f"'{url}'"))
    with refused("registry-invalid", project / "registry.yaml"):
        registry.load()


def test_a_matrix_is_no_path(project: Path) -> None:
    (project / "registry.yaml").write_text("version: 1\nmatrices: {../../x: {}}\n")
    with refused("registry-invalid", "registry.yaml:2"):
        registry.load()


@pytest.mark.parametrize("path", ["file", "ftp"])
def test_a_server_leads_to_http_only(tmp_path: Path, server: str, path: str) -> None:
    with refused("download-failed", f"{server}/{path}"):
        download.fetch(f"{server}/{path}", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    assert download.fetch(f"{server}/http", tmp_path / "a").read_bytes() == b"planted"
    with refused("download-failed", "file:///etc/hostname"):
        download.fetch("file:///etc/hostname", tmp_path / "b")


def test_a_download_replaces_no_file(tmp_path: Path, server: str) -> None:
    mine, target = tmp_path / "mine", tmp_path / "target"
    mine.write_bytes(b"precious")
    with refused("output-exists", mine):
        download.fetch(f"{server}/x", mine, sha256=hashlib.sha256(b"planted").hexdigest())
    target.symlink_to(tmp_path / "gone")
    with refused("output-exists", target):
        download.fetch(f"{server}/x", target)
    (tmp_path / "b.part").symlink_to(mine)
    with pytest.raises(UserError):
        download.fetch(f"{server}/x", tmp_path / "b", sha256="0" * 64)
    assert mine.read_bytes() == b"precious"


def test_a_server_that_sends_too_much_is_cut_off(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LARGEST", 3)
    with refused("download-failed", f"{server}/x"):
        download.fetch(f"{server}/x", tmp_path / "a")
    assert not (tmp_path / "a").exists()


# --- whose it is

needs_users = pytest.mark.skipif(not hasattr(os, "getuid"), reason="no POSIX users here")


@needs_users
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_registry_that_others_can_write_is_not_used(
    project: Path, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "registry.yaml"
    file.write_text("version: 1\n")
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    assert registry.load().path == file
    loose = {"folder": project, "file": file}[what]
    loose.chmod(0o777)
    assert main(["weights", "list"]) == 2
    assert_refused(capsys.readouterr().err, "registry-untrusted", file)
    assert registry.load(file).path == file  # named, it is the user's choice
    loose.chmod(0o1777 if what == "folder" else 0o644)
    assert registry.load().path == file  # nobody else can replace a file in a sticky folder
    assert main(["weights", "list"]) == 0
    assert f"registry: {file}" in capsys.readouterr().err


@needs_users
def test_whose_files_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    file.write_text("")
    assert distrust(file) == ""
    link = tmp_path / "loose" / "f"
    link.parent.mkdir()
    link.symlink_to(file)
    assert distrust(link) == ""
    link.parent.chmod(0o777)
    assert "its folder" in distrust(link)  # where the link lies counts as well as what it leads to
    monkeypatch.setattr(os, "getuid", lambda: file.stat().st_uid + 1)
    if file.stat().st_uid != 0:
        assert "belongs to another user" in distrust(file)
    monkeypatch.undo()
    file.chmod(0o664)
    if file.stat().st_gid != os.getgid() and os.getuid() == 0:
        assert "may write to it" in distrust(file)


# --- values

NASTY = ["null", "[]", "{}", "3", "-1", "9000000000000000000", "text", "[1]", "{1: 2}", "true", "1.0e+300", "[[[x]]]",
         "{use: 3}", "{use: x, config: [1]}", "{file: 3}", "{x: {use: [a]}}", "{x: null}", "{null: {}}",
         "{x: {seeds: [1.0e+300]}}", "{x: {losses: {a: 1}}}", "{2001-01-01: {use: x}}", "!!bool maybe"]  # fmt: skip


@pytest.mark.parametrize("place", ["version", "renderers", "losses", "weights", "matrices", "unknown"])
def test_wrong_values_anywhere_are_the_users_mistake(project: Path, place: str) -> None:
    for value in NASTY:
        first = "" if place == "version" else "version: 1\n"
        (project / "registry.yaml").write_text(f"{first}{place}: {value}\n")
        with contextlib.suppress(UserError):  # anything else ends the test
            registry.load().check()


def test_a_bomb_is_refused_at_once(project: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    (project / "registry.yaml").write_text(f"version: 1\n{bomb}")
    with refused("registry-invalid", "registry.yaml:"):
        registry.load()

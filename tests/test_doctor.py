"""``aubench doctor``: each kind of trouble is found and comes with a remedy; nothing is a traceback."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from plugin_site import Site

from aubench import discovery, doctor, registry
from aubench.cli import main
from aubench.doctor import Finding, machine, parts

TORCH = {"torch": "9.9", "import_s": 1.0, "threads": 1, "built_for": "", "gpus": [], "mps": False, "cpu": "AVX512",
         "bf16": True}  # fmt: skip


def torch_says(monkeypatch: pytest.MonkeyPatch, **over: object) -> None:
    """Let another answer stand for torch's."""
    monkeypatch.setattr(machine, "_PROBE", f"print('|' + {json.dumps(json.dumps({**TORCH, **over}))})")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, a quick torch, and the registry of the source tree whatever the working directory."""
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch_says(monkeypatch)


def by_name(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def told(findings: Iterator[Finding], level: str) -> str:
    """The only finding of a level, with its remedy."""
    (found,) = [finding for finding in findings if finding.level == level]
    assert found.remedy
    return f"{found.name}: {found.value} → {found.remedy}"


def safetensors(path: Path, extra: bytes = b"") -> Path:
    header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8) + extra)
    return path


# --- the command ------------------------------------------------------------------------------------------------------


def test_here_everything_is_fine_and_no_torch_is_imported() -> None:
    code = (
        "import json, sys, aubench.cli, aubench.doctor.machine as m\n"
        f"m._PROBE = {machine._PROBE!r}\n"
        "code = aubench.cli.main(['doctor', '--json'])\n"
        "print(code, 'torch' in sys.modules, file=sys.stderr)"
    )
    began = time.process_time()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0", "False"], done.stderr + done.stdout
    assert time.process_time() - began < 5
    said = json.loads(done.stdout)
    assert said["ok"] is True
    assert list(said) == ["ok", "versions", "devices", "cache", "settings", "weights", "plugins"]
    names = {finding["name"] for finding in said["weights"]}
    assert {"regressor", "bisenet", "lightcnn", "neural", "face detector"} <= names
    assert set(said["plugins"][0]) == {"name", "value", "level", "remedy"}


def test_people_get_lines_with_remedies_and_exit_code_1(site: Site, monkeypatch, capsys) -> None:
    site.plugin("aubench_bad", "import no_such_module_anywhere", point="bad")
    monkeypatch.setenv("AUBENCH_LABELS_LOCKED", "1")
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out
    assert "Traceback" not in lines
    assert "No module named 'no_such_module_anywhere'" in " ".join(lines.split())
    assert "pip uninstall aubench-bad" in " ".join(lines.split())
    assert "unset AUBENCH_LABELS_LOCKED" in " ".join(lines.split())
    assert "errors" in lines.splitlines()[-1]


def test_an_examination_that_fails_is_a_finding(monkeypatch) -> None:
    def broken() -> Iterator[Finding]:
        yield Finding("first", "fine")
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(machine, "cache", broken)
    health = doctor.examine()
    first, second = health.sections["cache"]
    assert first.value == "fine"
    assert (second.level, second.value) == ("error", "could not be finished: RuntimeError: no luck")
    assert not health.ok


# --- versions and devices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "level", "text"),
    [
        ("pluggy>=1", "ok", ""),
        ("pluggy>=999", "error", "but >=999 is needed → pip install 'pluggy>=999'"),
        ("no-such-package-anywhere>=2", "error", "not installed, >=2 is needed → pip install 'no-such-package-any"),
    ],
)
def test_versions(wanted: str, level: str, text: str) -> None:
    found = machine._version(Requirement(wanted))
    assert found.level == level
    assert text in f"{found.value} → {found.remedy}"


def devices() -> list[Finding]:
    return list(machine.devices(machine.ask_torch()))


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ("raise ImportError('libcuda.so: no such file')", "ImportError: libcuda.so"),
        ("import os; os.abort()", "ended with code"),
        ("pass", "cannot be imported"),
    ],
)
def test_a_torch_that_cannot_be_imported(monkeypatch, probe: str, text: str) -> None:
    monkeypatch.setattr(machine, "_PROBE", probe)
    line = told(iter(devices()), "error")
    assert text in line
    assert "reinstall torch" in line


def test_nothing_is_imported_from_the_working_directory(tmp_path, monkeypatch) -> None:
    (tmp_path / "json.py").write_text("open('ran', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "_PROBE", "import json; print('|')")
    devices_asked = machine.ask_torch()
    assert isinstance(devices_asked, subprocess.Popen)
    devices_asked.communicate(timeout=60)
    assert not (tmp_path / "ran").exists()


def test_a_torch_that_is_slow_is_a_warning(monkeypatch) -> None:
    monkeypatch.setattr(machine, "_PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(machine, "TORCH_S", 0.5)
    assert "did not answer within 0.5 s → the machine may be busy" in told(iter(devices()), "warning")


def test_gpus(monkeypatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert by_name(iter(devices()))["gpu"].level == "ok"  # none is fine
    monkeypatch.setattr(machine.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert "built for the CPU only → install a torch for CUDA" in told(iter(devices()), "warning")
    torch_says(monkeypatch, built_for="13.2")
    assert "run nvidia-smi" in told(iter(devices()), "warning")
    torch_says(monkeypatch, built_for="13.2", trouble="RuntimeError: driver too old")
    assert "driver too old" in told(iter(devices()), "error")
    torch_says(monkeypatch, built_for="13.2", gpus=[{"name": "H100", "gib": 79.1, "bf16": True}])
    assert by_name(iter(devices()))["gpu"].value == "H100, 79.1 GiB, bf16, torch built for 13.2"


def test_cpu_and_threads(monkeypatch) -> None:
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    torch_says(monkeypatch, bf16=False, threads=8)
    found = by_name(iter(devices()))
    assert "trains in fp32" in found["cpu formats"].value
    assert found["threads"].level == "warning"
    torch_says(monkeypatch)
    assert "since OMP_NUM_THREADS=1" in by_name(iter(devices()))["threads"].value


# --- cache ------------------------------------------------------------------------------------------------------------


def test_the_cache_its_size_and_its_room(tmp_path: Path, monkeypatch) -> None:
    assert "not made yet" in by_name(machine.cache())["folder"].value
    (tmp_path / "cache" / "a").mkdir(parents=True)
    (tmp_path / "cache" / "a" / "b").write_bytes(bytes(20_000_000))
    assert by_name(machine.cache())["size"].value == "0.02 GB in 1 files"
    for free, level in ((2e9, "warning"), (1e8, "error")):
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda there, free=free: SimpleNamespace(free=free))
        assert "AUBENCH_CACHE" in told(machine.cache(), level)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)
    assert "Permission denied" in told(machine.cache(), "error")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert "is a file, not a folder" in told(machine.cache(), "error")


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (lambda whole: whole[:-3], "bytes long, but"),
        (lambda whole: whole + b"x", "bytes long, but"),
        (lambda whole: whole[:20], "truncated"),
        (lambda whole: whole[:8] + b"x" * (len(whole) - 8), "damaged"),
        (lambda whole: b"", "damaged"),
        (lambda whole: b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
    ],
)
def test_damaged_weights_are_told(tmp_path: Path, content, text: str) -> None:
    path = safetensors(tmp_path / "x.safetensors")
    assert parts._fault(path) == ""
    path.write_bytes(content(path.read_bytes()))
    assert text in parts._fault(path)


def test_shipped_weights_are_compared_with_what_was_installed(tmp_path: Path, monkeypatch) -> None:
    path = safetensors(tmp_path / "assets" / "mine.safetensors")
    value = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
    recorded = SimpleNamespace(name=path.name, hash=SimpleNamespace(mode="sha256", value=value), locate=lambda: path)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: SimpleNamespace(files=[recorded]))
    assert parts._changed(path, "mine") == ""
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert parts._fault(path) == ""
    assert parts._changed(path, "mine") == "is not the file that was installed"


def test_weights_of_the_registry(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "registry.yaml").write_text(
        "version: 1\nweights:\n"
        + "".join(f"  {name}: {{file: f, url: 'https://u', licence: l, fits: x}}\n" for name in ("one", "two", "three"))
    )
    monkeypatch.setenv(registry.VARIABLE, str(tmp_path / "registry.yaml"))
    safetensors(tmp_path / "cache" / "weights" / "one.safetensors")
    safetensors(tmp_path / "cache" / "weights" / "two.safetensors", b"more")
    found = by_name(parts.weights())
    assert found["one"].value.startswith("in the cache")
    assert (found["two"].level, found["two"].remedy) == ("error", "aubench weights fetch two")
    assert found["not here"].value.startswith("three:")


def test_without_shipped_weights_or_detector(site: Site, tmp_path: Path, monkeypatch) -> None:
    def gone(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", gone)
    assert "mtcnn is not installed" in told(parts.weights(), "error")


# --- plugins and settings ---------------------------------------------------------------------------------------------


def test_plugins_with_their_times_and_faults(site: Site, monkeypatch) -> None:
    site.plugin("slow", """
        import time
        time.sleep(0.05)
        @hookimpl
        def aubench_losses():
            return [Component("loss", "mine", "a loss", "nowhere:It")]
    """)  # fmt: skip
    site.plugin("aubench_gone", "import no_such_module_anywhere", point="gone")
    monkeypatch.setattr(parts, "SLOW_S", 0.04)
    found = by_name(parts.plugins())
    assert found["working"].value.startswith("1 plugins of 2 entry points")
    assert found["slow"].level == "warning"
    assert found["slow"].value.endswith("ms (slow)")
    assert found["gone"].level == "error"
    assert "pip uninstall aubench-gone" in found["gone"].remedy
    assert discovery.load_times()[1].seconds > 0.05


def test_no_plugins_at_all(site: Site) -> None:
    assert "reinstall aubench" in told(parts.plugins(), "error")


def test_settings(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "registry.yaml").write_text("version: 2\n")
    monkeypatch.setenv(registry.VARIABLE, str(tmp_path / "registry.yaml"))
    monkeypatch.setenv("AUBENCH_DEBUG", "1")
    found = by_name(parts.settings())
    assert found["registry"].level == "error"
    assert "registry.yaml:1" in found["registry"].value
    assert found["AUBENCH_DEBUG"].level == "note"

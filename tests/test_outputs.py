"""No command overwrites what it reads, what it writes besides, or a file that aubench did not write."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from types import SimpleNamespace
from typing import get_args, get_type_hints

import numpy as np
import PIL.Image
import pytest
import typer
from refusals import assert_refused, refused
from small_video import write_video

from aubench import cli
from aubench.cli import forms, outputs
from aubench.cli.outputs import Output, guard, same_file
from aubench.predict import record, table
from aubench.predict.film import Film
from aubench.predict.plot import plot
from aubench.predict.readings import Readings
from aubench.retarget import arkit, bvh
from aubench.stamp import bears, picture_bytes

GREY = np.full((32, 32, 3), 128, np.uint8)


def nothing() -> Readings:
    empty = np.zeros(0)
    return Readings(
        empty.astype(int), empty, empty.astype(int), empty, empty.reshape(0, 5, 2), empty.reshape(0, 4),
        np.zeros((0, 269), np.float32), [],
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A folder with a recording, photographs and tables of somebody, as the working directory."""
    monkeypatch.chdir(tmp_path)
    video = write_video(tmp_path / "clip.mp4", [GREY] * 3)
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("one.jpg", "two.png"):
        PIL.Image.fromarray(GREY).save(photos / name)
    (tmp_path / "notes.csv").write_text("subject,condition\nanna,1\n")
    (tmp_path / "alias.mp4").symlink_to(video)
    os.link(video, tmp_path / "twin.mp4")
    return SimpleNamespace(root=tmp_path, video=video, photos=photos)


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


INPUTS = [
    "predict clip.mp4 --out clip.mp4",
    "predict photos/one.jpg --out photos/one.jpg",
    "predict photos/one.jpg --out q.csv --overlay photos/one.jpg",
    "predict clip.mp4 --out c.csv --overlay clip.mp4",
    "predict clip.mp4 --out c.csv --overlay ./photos/../clip.mp4",
    "predict clip.mp4 --out c.csv --overlay alias.mp4",
    "predict clip.mp4 --out c.csv --overlay twin.mp4",
    "predict alias.mp4 --out c.csv --overlay clip.mp4",
    "predict clip.mp4 --out c.csv --plot photos/two.png --neutral photos/two.png",
    "predict photos --out c.csv --plot photos/two.png",
    "retarget clip.mp4 --out clip.mp4",
    "retarget clip.mp4 --out twin.mp4",
    "retarget clip.mp4 --export clip.mp4",
]


@pytest.mark.parametrize("more", [" --overwrite"])
@pytest.mark.parametrize("line", INPUTS)
def test_an_input_is_never_overwritten(line: str, more: str, place, capsys) -> None:
    before = snapshot(place.root)
    assert cli.main((line + more).split()) == 2
    assert_refused(capsys.readouterr().err, "output-is-input")
    assert snapshot(place.root) == before


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("predict clip.mp4 --out c.csv --overlay photos/other.mp4", "output-exists"),
        ("predict clip.mp4 --out notes.csv", "output-exists"),
        ("predict clip.mp4 --out c.csv --plot photos/two.png", "output-exists"),
        ("predict clip.mp4 --out c.csv", "output-exists"),
        ("predict clip.mp4 --out new.xlsx", "output-suffix"),
        ("predict clip.mp4 --out new.csv --overlay new.png", "output-suffix"),
        ("predict clip.mp4 --out new.csv --plot new.txt", "output-suffix"),
        ("predict clip.mp4 --out /dev/null", "output-suffix"),
        ("predict clip.mp4 --out new.csv --plot linked.png", "output-conflict"),
        ("predict clip.mp4 --out folder.csv", "output-unwritable"),
        ("predict clip.mp4 --out clip.mp4/x.csv", "output-unwritable"),
        ("retarget clip.mp4 --out new.avi", "output-suffix"),
        ("retarget clip.mp4 --export new.fbx", "output-suffix"),
        ("retarget clip.mp4 --out photos/other.mp4", "output-exists"),
    ],
)
def test_what_would_be_lost_or_misnamed_is_refused(line: str, code: str, place, capsys) -> None:
    write_video(place.photos / "other.mp4", [GREY] * 2)
    Path("c.csv.json").write_text('{"mine": true}')
    Path("folder.csv").mkdir()
    Path("linked.png").symlink_to("new.csv")
    before = snapshot(place.root)
    assert cli.main(line.split()) == 2
    assert_refused(capsys.readouterr().err, code)
    assert snapshot(place.root) == before


def test_our_own_files_are_known_and_those_of_others_are_not(tmp_path: Path) -> None:
    made = {
        name: tmp_path / name for name in ("t.csv", "t.csv.json", "p.png", "p.svg", "p.pdf", "s.png", "s.jpg", "o.mp4")
    }
    table.write(nothing(), made["t.csv"], "smoothed over 1 s")
    record.write(made["t.csv"], record.Processing(), {})
    for name in ("p.png", "p.svg", "p.pdf"):
        plot(nothing(), made[name], ("AU12",))
    for name in ("s.png", "s.jpg"):
        made[name].write_bytes(picture_bytes(GREY, Path(name).suffix, "sheet"))
    with Film(made["o.mp4"], 10, "overlay") as film:
        for _ in range(3):
            film.add(GREY)
    own = {
        "t.csv": forms.TABLE, "t.csv.json": forms.RECORD, "p.png": forms.PLOT, "p.svg": forms.PLOT, "p.pdf": forms.PLOT,
        "s.png": forms.SHEET, "s.jpg": forms.SHEET, "o.mp4": forms.FILM_OVERLAY,
    }  # fmt: skip
    for name, form in own.items():
        assert form.is_ours(made[name]), name
        guard([Output("--out", made[name], form)])
    for name, path in made.items():
        others = {form for form in own.values() if form is not own[name] and path.suffix in form.suffixes}
        assert not any(form.is_ours(path) for form in others), name
    assert not bears(made["o.mp4"], "clip")
    with made["t.csv"].open("a") as file:
        file.write("a note of somebody, who then added a column\n")
    rows = made["t.csv"].read_text().splitlines()
    made["t.csv"].write_text("\n".join(row + ",condition" for row in rows) + "\n")
    with refused("output-exists", "t.csv", "--overwrite"):
        guard([Output("--out", made["t.csv"], forms.TABLE)], overwrite=False)
    guard([Output("--out", made["t.csv"], forms.TABLE)], overwrite=True)
    made["t.csv"].write_text("")
    guard([Output("--out", made["t.csv"], forms.TABLE)])


def test_a_recording_of_the_app_is_not_taken_for_our_table(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    zeros = ["0.000000"] * 61
    for code, eye, ours in (("00:00:00:00.000", "0.000000", True), ("16:35:03:11.842", "0.081", False)):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([arkit.HEAD, [code, 61, *zeros[:-1], eye]])
        assert arkit.is_table(path) is ours
    path.write_text(bvh.text(SimpleNamespace(seconds=np.zeros(1), angles=np.zeros((1, 3))), 25.0))
    assert bvh.is_ours(path)
    path.write_text("HIERARCHY\nROOT Hips\n")
    assert not bvh.is_ours(path)


def test_names_are_one_file_through_links_and_where_case_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    assert not same_file(tmp_path / "loop.csv", tmp_path / "a.csv")
    assert same_file(tmp_path / "x" / ".." / "a.csv", tmp_path / "a.csv")
    assert not same_file(tmp_path / "new" / "A.csv", tmp_path / "new" / "a.csv")
    assert list(tmp_path.iterdir()) == [tmp_path / "loop.csv"]
    monkeypatch.setattr(outputs, "_ignores_case", lambda folder: True)
    assert same_file(tmp_path / "new" / "A.csv", tmp_path / "new" / "a.csv")
    assert same_file(tmp_path / "u\u0308.csv", tmp_path / "\u00fc.csv")


def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "null.csv").symlink_to("/dev/null")
    for name in ("pipe.csv", "null.csv"):
        with refused("output-unwritable", name):
            guard([Output("--out", tmp_path / name, forms.TABLE)], overwrite=True)


# --- every command ----------------------------------------------------------------------------------------------------

READ = {
    ("", "registry"), ("adapt", "inputs"), ("adapt", "run"),
    ("compare", "runs"), ("compare", "more"), ("compare", "places"), ("compare", "truth"),
    ("data augment-sheet", "source"), ("data augment-sheet", "store"), ("data check", "root"), ("data list", "store"),
    ("data show", "store"), ("data stats", "store"), ("data verify", "store"), ("faces", "runs"),
    ("loss-signal", "run"), ("loss-signal", "store"), ("parse", "source"),
    ("predict", "inputs"), ("predict", "person"), ("predict", "run"), ("pretrain generator", "vgg"),
    ("registry weights", "file"), ("retarget", "source"), ("retarget", "run"), ("train", "store"),
    ("weights add", "file"),
}  # fmt: skip
"""Options and arguments that name files which are read."""
CACHES = {(f"pretrain {what}".strip(), "cache") for what in ("", "extractor", "generator", "landmark", "recogniser")}
"""Folders of what can be made again, each with a name of its own."""
WRITTEN = {
    ("adapt", "out"): [
        ("adapt photos --out photos", "output-is-input"),
        ("adapt clip.mp4 --out kept --overwrite", "output-exists"),
        ("adapt clip.mp4 --out notes.csv", "output-unwritable"),
    ],
    ("predict", "out"): [("predict clip.mp4 --out clip.mp4", "output-is-input")],
    ("predict", "overlay"): [("predict clip.mp4 --out c.csv --overlay clip.mp4", "output-is-input")],
    ("predict", "save_person"): [
        ("predict clip.mp4 --out c.csv --neutral auto --save-person notes.csv", "output-suffix")
    ],
    ("predict", "plot"): [("predict photos --out c.csv --plot photos/two.png", "output-is-input")],
    ("retarget", "out"): [("retarget clip.mp4 --out clip.mp4", "output-is-input")],
    ("retarget", "export"): [("retarget clip.mp4 --export notes.csv", "output-exists")],
    ("parse", "out"): [
        ("parse photos --out photos/one.jpg", "output-is-input"),
        ("parse clip.mp4 --out photos/one.jpg", "output-exists"),
        ("parse clip.mp4 --out new.txt", "output-suffix"),
    ],
    ("compare", "out"): [
        ("compare --datasets x --truth kept/comparison.csv --out kept --overwrite", "output-is-input"),
        ("compare --datasets x --predictions a=kept --out kept", "output-is-input"),
        ("compare --datasets x --truth notes.csv --out kept", "output-exists"),
        ("compare --datasets x --truth notes.csv --out notes.csv", "output-unwritable"),
    ],
    ("faces", "out"): [("faces photos --out photos/one.jpg", "output-is-input")],
    ("render sheet", "out"): [("render sheet au --out photos/two.png", "output-exists")],
    ("render clip", "out"): [
        ("render clip --out clip.mp4", "output-exists"),
        ("render clip --out clip.avi", "output-suffix"),
    ],
    ("data show", "out"): [("data show folder --root folder=photos --out photos/two.png", "output-is-input")],
    ("data stats", "figure"): [("data stats synth --figure photos/two.png", "output-exists")],
    ("data augment-sheet", "out"): [("data augment-sheet photos --out photos/one.jpg", "output-is-input")],
    ("data prepare", "store"): [("data prepare folder --root folder=photos --store photos", "output-is-input")],
    ("train", "out"): [("train --datasets folder --root folder=photos --out photos", "output-is-input")],
    ("run", "out"): [
        ("run nonesuch --out kept", "output-exists"),
        ("run nonesuch --out notes.csv", "output-unwritable"),
    ],
    ("ablate", "out"): [("ablate --out kept", "output-exists")],
    ("loss-signal", "out"): [
        ("loss-signal --out kept", "output-exists"),
        ("loss-signal --out notes.csv", "output-unwritable"),
        ("loss-signal --datasets folder --root folder=photos --out photos", "output-is-input"),
    ],
    ("plugins new", "out"): [("plugins new loss my-loss --out notes.csv", "output-unwritable")],
    ("pretrain", "out"): [("pretrain --recipe real-faces --out kept", "output-exists")],
    **{
        (f"pretrain {what}", "out"): [(f"pretrain {what} --out kept", "output-exists")]
        for what in ("extractor", "landmark", "recogniser")
    },
    ("pretrain generator", "out"): [("pretrain generator --vgg notes.csv --out .", "output-is-input")],
}
"""Options that name what is written, with calls that must be refused before anything is done."""
NAMES = {
    "out", "output", "overlay", "plot", "export", "figure", "sheet", "page", "store", "save", "write", "dest", "source",
    "inputs", "file", "folder", "log", "report", "to_file", "directory", "picture", "record", "cache",
}  # fmt: skip


def parameters() -> set[tuple[str, str]]:
    """Every option or argument of every command that names a file or folder, or could by its name."""
    found = set()

    def walk(app: typer.Typer, name: str) -> None:
        called = [(name, app.registered_callback)] if app.registered_callback else []
        called += [(f"{name} {each.name or each.callback.__name__}".strip(), each) for each in app.registered_commands]
        for command, each in called:
            for option, kind in get_type_hints(each.callback).items():
                if option != "return" and (_is_path(kind) or option in NAMES):
                    found.add((command, option))
        for group in app.registered_groups:
            walk(group.typer_instance, f"{name} {group.name or group.typer_instance.info.name or ''}".strip())

    walk(cli.app, "")
    return found


def _is_path(kind: object) -> bool:
    return kind is Path or any(_is_path(part) for part in get_args(kind))


def test_every_option_for_a_file_is_known_as_read_or_written() -> None:
    assert parameters() == READ | CACHES | set(WRITTEN), parameters() ^ (READ | CACHES | set(WRITTEN))


@pytest.mark.parametrize(("line", "code"), [case for cases in WRITTEN.values() for case in cases])
def test_every_command_guards_what_it_writes(line: str, code: str, place, capsys) -> None:
    kept = Path("kept")
    for folder in (kept, kept / "pretrain-real-faces-generator-s0"):
        folder.mkdir()
        for name in ("comparison.csv", "comparison.json", "matrix.json", "ablation.md", "quality.md", "loss-signal.md"):
            (folder / name).write_text("of somebody else")
    before = snapshot(place.root)
    assert cli.main(line.split()) == 2
    assert_refused(capsys.readouterr().err, code)
    assert snapshot(place.root) == before


def test_weights_are_not_converted_onto_themselves(place, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUBENCH_CACHE", str(place.root))
    (place.root / "weights").mkdir()
    (place.root / "weights" / "vgg16-imagenet.safetensors").write_bytes(b"x")
    assert cli.main(["weights", "add", "vgg16-imagenet", "weights/vgg16-imagenet.safetensors"]) == 2
    assert_refused(capsys.readouterr().err, "output-is-input")

"""Label statistics: counts by hand, three states kept apart, and the commands that print them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from readers import build
from refusals import assert_refused, refused

from aubench.cli import main
from aubench.contracts import Frames
from aubench.data.labels import LabelsLocked, locked
from aubench.data.records import State
from aubench.data.stats import describe, of_dataset
from aubench.data.stats_figure import check_format, draw

NAN = np.nan
LABELS = np.array(
    [
        # AU04 AU12 AU25
        [0.0, 0.0, NAN],
        [0.0, 2.0, NAN],
        [1.0, 3.0, NAN],
        [5.0, NAN, NAN],
        [NAN, 0.5, NAN],
        [0.2, 0.0, NAN],
    ]
)
STATES = np.where(np.isnan(LABELS), State.MISSING, State.VALUE)
STATES[3, 1] = State.PRESENT  # AU12 is there, not how strongly
SUBJECTS = np.array(["a", "a", "a", "b", "b", "c"])
SEQUENCES = np.array(["1", "1", "2", "1", "1", "1"])
AUS = ("AU04", "AU12", "AU25")


class Tiny:
    name, aus, digest = "tiny", AUS, "0"

    def __init__(self, states: bool = True) -> None:
        if states:
            self.read_states = lambda split: STATES[self._rows(split)]

    def _rows(self, split: str) -> slice:
        return slice(0, 3) if split == "train" else slice(3, 6)

    def frames(self, split: str) -> Frames:
        rows = self._rows(split)
        count = len(SUBJECTS[rows])
        images = np.zeros((count, 8, 8, 3), np.uint8)
        return Frames("tiny", images, SUBJECTS[rows], SEQUENCES[rows], np.arange(count))

    def read_labels(self, split: str) -> np.ndarray:
        return LABELS[self._rows(split)]


def test_counts_are_those_one_can_make_by_hand() -> None:
    found = describe(LABELS, STATES, SUBJECTS, SEQUENCES, AUS)
    assert (found.frames, found.subjects, found.sequences) == (6, 3, 4)
    four, twelve, parted = found.aus
    assert four.levels == (3, 1, 0, 0, 0, 1)
    assert (four.coded, four.missing, four.unmeasured, four.zero) == (5, 1, 0, 2)
    assert four.mean == pytest.approx(6.2 / 5)
    assert four.highest == 5
    assert four.subjects == 2
    # 0.5 counts as 1; what is present without an intensity is neither 0 nor missing.
    assert twelve.levels == (2, 1, 1, 1, 0, 0)
    assert (twelve.coded, twelve.missing, twelve.unmeasured) == (5, 0, 1)
    assert twelve.subjects == 2
    assert (parted.coded, parted.missing, parted.mean, parted.subjects) == (0, 6, None, 0)


def test_co_occurrence_counts_frames_in_which_both_are_told() -> None:
    found = describe(LABELS, STATES, SUBJECTS, SEQUENCES, AUS)
    # AU04 >= 1 in frames 2, 3; AU12 in 1, 2 and, without intensity, 3.
    assert found.together[:2, :2].tolist() == [[2, 2], [2, 3]]
    assert found.asked[:2, :2].tolist() == [[2, 2], [3, 3]]
    given = found.given()
    assert given[0, 1] == 1.0
    assert given[1, 0] == pytest.approx(2 / 3)
    assert np.isnan(given[2, 0])
    assert found.asked[0, 2] == 0
    assert np.isnan(given[0, 2])
    assert found.strongest() == [("AU04", "AU12", pytest.approx(2 / 3))]


def test_above_a_threshold_of_one_the_unmeasured_are_not_asked() -> None:
    found = describe(LABELS, STATES, SUBJECTS, SEQUENCES, AUS, threshold=2)
    assert found.together[:2, :2].tolist() == [[1, 0], [0, 2]]
    assert found.asked[0, 1] == 0, "AU04 is at 5 in one frame, where AU12 has no intensity"
    assert found.aus[1].subjects == 1


def test_splits_are_parts_of_the_whole() -> None:
    whole, train, test = (of_dataset(Tiny(), part) for part in ("all", "train", "test"))
    assert (train.frames, test.frames, whole.frames) == (3, 3, 6)
    assert (train.subjects, test.subjects) == (1, 2)
    for all_of, a, b in zip(whole.aus, train.aus, test.aus, strict=True):
        assert all_of.levels == tuple(x + y for x, y in zip(a.levels, b.levels, strict=True))
    assert test.aus[1].unmeasured == 1
    np.testing.assert_array_equal(whole.together, train.together + test.together)


def test_a_data_set_without_states_has_missing_ones_only() -> None:
    found = of_dataset(Tiny(states=False))
    assert found.aus[1].missing == 1
    assert found.aus[1].unmeasured == 0


def test_statistics_are_behind_the_door() -> None:
    with locked(), pytest.raises(LabelsLocked):
        of_dataset(Tiny())


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 AUs"):
        describe(LABELS, STATES, SUBJECTS, SEQUENCES, AUS[:2])
    wrong = STATES.copy()
    wrong[0, 0] = State.MISSING
    with pytest.raises(ValueError, match=r"NaN"):
        describe(LABELS, wrong, SUBJECTS, SEQUENCES, AUS)


def test_json_holds_everything_and_no_nan() -> None:
    found = describe(LABELS, STATES, SUBJECTS, SEQUENCES, AUS, dataset="tiny")
    again = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert again["aus"]["AU12"]["present_without_intensity"] == 1
    assert again["aus"]["AU25"]["mean"] is None
    assert again["co_occurrence"]["given_row"][2] == [None, None, None]
    assert again["co_occurrence"]["together"][0][1] == 2


def test_the_figure_is_a_picture_and_the_same_each_time() -> None:
    found = describe(LABELS, STATES, SUBJECTS, SEQUENCES, AUS, dataset="tiny")
    first = draw([found])
    assert first.startswith(b"\x89PNG")
    assert first == draw([found])
    with refused("labels-missing", "--figure"):
        draw([describe(np.empty((6, 0)), None, SUBJECTS, SEQUENCES, ())])
    with refused("output-suffix", "x.gif"):
        check_format(Path("x.gif"))


# --- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    from aubench import discovery

    monkeypatch.setenv(discovery.VARIABLE, "tiny_parts")
    monkeypatch.delenv("TINY_DATA", raising=False)
    discovery.forget()


def test_the_command_prints_a_table_json_and_a_figure(
    tiny_plugin: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "labels.png"
    assert main(["data", "stats", "tiny", "--figure", str(figure)]) == 0
    told = capsys.readouterr().out
    assert "48 frames, 12 subjects" in told
    assert all(au in told for au in ("AU01", "AU04", "AU12", "AU25"))
    assert figure.read_bytes().startswith(b"\x89PNG")

    assert main(["data", "stats", "tiny", "--split", "test", "--json", "--set", "tiny.seed=3"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["dataset"], found["split"], found["frames"], found["subjects"]) == ("tiny", "test", 16, 4)


def test_statistics_of_everybody_need_no_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default split of ckplus draws 23 test subjects; here are two people."""
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    root = build.ckplus(tmp_path / "CK+")
    assert main(["data", "prepare", "ckplus", "--root", str(root), "--size", "16", "--workers", "1"]) == 0
    arguments = ["data", "stats", "ckplus", "--set", "ckplus.size=16", "--json"]
    capsys.readouterr()
    assert main(arguments) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["split"], found["frames"], found["subjects"]) == ("all", 10, 2)
    assert main([*arguments, "--split", "test"]) == 2
    assert_refused(capsys.readouterr().err, "split-invalid", "--set ckplus.split=random:0")
    assert main([*arguments, "--split", "test", "--set", "ckplus.split=random:0:0.5"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "value"),
    [
        (["data", "stats", "tniy"], "name-unknown", "tiny"),
        (["data", "stats", "tiny", "--figure", "x.gif"], "output-suffix", "x.gif"),
        (["data", "stats", "tiny", "--set", "other.seed=3"], "option-invalid", "--set other.seed=3"),
        (["data", "augment-sheet", "tiny", "--out", "x.gif"], "output-suffix", "x.gif"),
        (["data", "augment-sheet", "nowhere/face.png"], "file-missing", "nowhere/face.png"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tiny_plugin: None, capsys: pytest.CaptureFixture[str], arguments: list[str], code: str, value: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert_refused(error, code, value)
    assert error.count("\n") == 1


def test_the_sheet_of_a_data_set(tiny_plugin: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.png"
    assert main(["data", "augment-sheet", "tiny", "--out", str(out), "--count", "2"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert "2 faces" in capsys.readouterr().out

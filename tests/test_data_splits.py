"""Named splits, their hashes, and people who would train and test at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from refusals import refused

from aubench.data.splits import SHIPPED, leakage, read_splits, resolve

DISFA = [f"SN{n:03d}" for n in (*range(1, 14), 16, 17, 18, 21, *range(23, 33))]
BP4D = [f"F{n:03d}" for n in range(1, 24)] + [f"M{n:03d}" for n in range(1, 19)]


def test_sizes_of_the_papers_splits() -> None:
    sizes = {
        name: (len(split.train), len(split.test))
        for name, people in (("disfa", DISFA), ("bp4d", BP4D), ("ckplus", [f"S{n:03d}" for n in range(123)]))
        for split in [resolve(name, "default", people)]
    }
    assert sizes == {"disfa": (18, 9), "bp4d": (21, 20), "ckplus": (100, 23)}
    assert resolve("bp4d", "paper", BP4D).test[:2] == ("F002", "F004")


@pytest.mark.parametrize(("dataset", "people"), [("disfa", DISFA), ("bp4d", BP4D)])
def test_published_folds_test_everybody_once(dataset: str, people: list[str]) -> None:
    splits = [resolve(dataset, f"folds3-part{part}", people) for part in (1, 2, 3)]
    assert sorted(subject for split in splits for subject in split.test) == people
    for split in splits:
        assert sorted((*split.train, *split.test)) == people
        assert not split.absent


def test_validation_subjects_are_in_neither_part() -> None:
    splits = [resolve("disfa", f"heatmaps-fold{fold}", DISFA) for fold in range(3)]
    assert sorted(subject for split in splits for subject in split.test) == DISFA
    assert [(len(s.train), len(s.test), len(s.left_out)) for s in splits] == [(12, 9, 6)] * 3


def test_disfaplus_is_on_the_side_where_disfa_has_it() -> None:
    people = ["SN001", "SN003", "SN004", "SN007", "SN009", "SN010", "SN013", "SN025", "SN027"]
    plus, plain = resolve("disfaplus", "default", people), resolve("disfa", "default", DISFA)
    assert set(plus.test) <= set(plain.test)
    assert set(plus.train) <= set(plain.train)


def test_every_shipped_split_is_clean_and_explained() -> None:
    for dataset, entry in read_splits(SHIPPED).items():
        assert entry.default in entry.splits or entry.default in ("train", "test")
        for name, split in entry.splits.items():
            assert split.note
            assert not set(split.test) & {*(split.train or ()), *split.validation}, (dataset, name)


def test_rules_for_any_data_set() -> None:
    people = ["a", "b", "c", "d", "e", "f"]
    assert resolve("mine", "train", people).test == ()
    assert resolve("mine", "test", people).train == ()
    assert resolve("mine", "loso:c", people).test == ("c",)
    drawn = resolve("mine", "random:7:0.5", people)
    assert len(drawn.test) == 3
    assert drawn == resolve("mine", "random:7:0.5", people[::-1])
    assert drawn.digest != resolve("mine", "random:8:0.5", people).digest
    assert len(resolve("mine", "default", people).test) == 2


def test_partial_copies_are_told() -> None:
    split = resolve("disfa", "paper", [*DISFA[:5], "SN099"])
    assert split.test == ("SN003", "SN004", "SN005")
    assert split.train == ("SN001", "SN002", "SN099")
    assert "SN007" in split.absent
    report = split.report()
    assert report["sha256"] == split.digest
    assert report["absent"] == list(split.absent)


@pytest.mark.parametrize(
    ("name", "code", "values"),
    [
        ("papr", "split-invalid", ["'papr'", "paper"]),
        ("loso:SN014", "split-invalid", ["'SN014'", "SN01"]),
        ("random:x", "split-invalid", ["'random:x'", "random:SEED"]),
        ("random:1:2", "split-invalid", ["'random:1:2'"]),
        ("nowhere.yaml#x", "file-missing", ["nowhere.yaml"]),
    ],
)
def test_wrong_names_are_explained(name: str, code: str, values: list[str]) -> None:
    with refused(code, *values):
        resolve("disfa", name, DISFA)


def test_own_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    own = {"toy": {"splits": {"half": {"train": ["a"], "test": ["b"]}, "both": {"train": ["a", "b"], "test": ["b"]}}}}
    path.write_text(yaml.safe_dump(own))
    split = resolve("toy", f"{path}#half", ["a", "b", "c"])
    assert (split.train, split.test, split.left_out) == (("a",), ("b",), ("c",))
    with refused("split-invalid", "both", "--allow-leakage", "--set toy.allow_leakage=true"):
        resolve("toy", f"{path}#both", ["a", "b", "c"])
    assert resolve("toy", f"{path}#both", ["a", "b", "c"], force=True).test == ("b",)
    with refused("split-invalid", "mine.yaml", "'disfa'"):
        resolve("disfa", f"{path}#half", DISFA)
    torn = tmp_path / "torn.yaml"
    torn.write_text("toy: {splits: {half: {trian: [a]}}}")
    with refused("split-invalid", "torn.yaml", "toy.splits.half.trian"):
        resolve("toy", f"{torn}#half", ["a"])


def test_leakage_within_and_across_data_sets() -> None:
    assert leakage({"disfa": ({"d:1", "d:2"}, {"d:3"}), "bp4d": ({"b:3"}, {"b:1"})}) == {}
    found = leakage({"disfa": ({"d:1", "d:2"}, {"d:3"}), "disfaplus": ({"d:3"}, {"d:1"})})
    assert found == {"d:1": ["train of disfa", "test of disfaplus"], "d:3": ["train of disfaplus", "test of disfa"]}

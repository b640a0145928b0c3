"""What readers share: finding folders in all spellings, numbered files, torn lines, joins by number."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from aubench import discovery
from aubench.data.join import gaps, joined
from aubench.data.layout import (
    child,
    coded_lines,
    entries,
    numbered,
    packed,
    presumed,
    ranges,
    text_lines,
    unnest,
    within,
)
from aubench.data.records import State


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_every_data_set_is_discovered_and_its_code_can_be_imported() -> None:
    found = discovery.components("dataset")
    for name in ("disfa", "disfaplus", "bp4d", "ckplus", "mmi", "facewarehouse", "folder"):
        assert callable(discovery.load_factory(found[name]))


def test_entries_come_in_number_order_without_litter(tmp_path: Path) -> None:
    touch(tmp_path, "f10.png", "f2.png", "F1.png", ".DS_Store", "._f2.png", "Thumbs.db", "__MACOSX/x")
    assert [path.name for path in entries(tmp_path)] == ["F1.png", "f2.png", "f10.png"]
    assert entries(tmp_path / "nowhere") == []


def test_folders_are_found_in_any_spelling_and_depth(tmp_path: Path) -> None:
    touch(tmp_path, "a/au int/x", "Nest/Nest/Nest/x", "AU_OCC")
    assert child(tmp_path / "a", ["AU_INT"]) == tmp_path / "a" / "au int"
    assert child(tmp_path, ["AU_OCC"]) is None, "a file is no folder"
    assert within(tmp_path, ["AU_INT"], depth=0) is None
    assert within(tmp_path, ["AU_INT"], depth=1) == tmp_path / "a" / "au int"
    assert unnest(tmp_path / "Nest", ["nest"]) == tmp_path / "Nest" / "Nest" / "Nest"


def test_archives_and_broken_downloads(tmp_path: Path) -> None:
    touch(tmp_path, "a.zip", "b/c.rar", "d.avi.part", "e.txt")
    assert {path.name for path in packed(tmp_path)} == {"a.zip", "c.rar", "d.avi.part"}


def test_files_by_number_of_any_padding(tmp_path: Path) -> None:
    found, faults = numbered([tmp_path / name for name in ("7.jpg", "010.jpg", "x.jpg", "0007.jpg")])
    assert found == {7: tmp_path / "7.jpg", 10: tmp_path / "010.jpg"}
    assert [path.name for path, _ in faults] == ["x.jpg", "0007.jpg"]
    assert presumed(tmp_path, 11, found) == tmp_path / "011.jpg"
    assert presumed(tmp_path, 8, found) == tmp_path / "8.jpg"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_flawless_files_and_others_read_alike(tmp_path: Path, end: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(end.join(["1,0", "2,5", "4,3"]).encode())
    quick = coded_lines(path, range(6))
    path.write_bytes(end.join(["", " 1, 0", "2.0;5 ", "4\t3", ""]).encode("utf-16"))
    slow = coded_lines(path, range(6))
    assert quick.codes == slow.codes == {1: 0, 2: 5, 4: 3}
    assert quick.lines == {1: 1, 2: 2, 4: 3}
    assert slow.lines == {1: 2, 2: 3, 4: 4}, "lines as an editor counts them"
    assert not quick.faults + slow.faults


def test_codes_out_of_range_and_frames_told_twice_in_a_tidy_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("1,0\n2,6\n1,3\n", "utf-8")
    found = coded_lines(path, range(6))
    assert found.codes == {1: 0}
    assert [line for line, _ in found.faults] == [2, 3]
    assert coded_lines(tmp_path / "nowhere.txt", range(6)).faults[0][0] is None


def test_lines_of_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"\xef\xbb\xbf a \n\n\xff\n")
    assert [number for number, _ in text_lines(path)] == [1, 3]
    assert text_lines(path)[0] == (1, "a")


def test_joins_go_by_number_whatever_is_missing() -> None:
    frames = np.array([3, 5, 9], np.int64)
    values, states = joined(frames, [{5: 2, 3: 9, 4: 1, 100: 5}, {}], missing={9})
    assert states.tolist() == [
        [State.MISSING, State.MISSING], [State.VALUE, State.MISSING], [State.MISSING, State.MISSING],
    ]  # fmt: skip
    assert values[1, 0] == 2
    assert np.isnan(np.delete(values.ravel(), 2)).all()


@pytest.mark.parametrize("frame", ["1000000060", "9" * 5000, "10000001", "1e300", "-1e300"])
def test_a_frame_number_beyond_all_videos_is_a_fault_of_its_line(tmp_path: Path, frame: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(f"1,0\n2,5\n{frame},0\n")
    found = coded_lines(path, range(6))
    assert found.codes == {1: 0, 2: 5}
    assert [line for line, _ in found.faults] == [3]
    (_, why), *_ = numbered([tmp_path / f"{frame[:200]}.jpg"])[1]
    assert why


def test_gaps_of_far_frames_take_no_memory() -> None:
    began = time.monotonic()
    assert gaps({1, 2, 10**15}) == "3-999999999999999"
    assert time.monotonic() - began < 1


def test_ranges_and_gaps() -> None:
    assert ranges([9, 3, 4, 5]) == "3-5, 9"
    assert gaps({1, 2, 5, 9}) == "3-4, 6-8"
    assert gaps({4, 5}) == gaps(set()) == ""

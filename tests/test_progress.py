"""What long stages tell: a line now and then in a log, even while nothing moves, and a bar on a terminal."""

from __future__ import annotations

import io
import threading
import time

import pytest
from rich.console import Console

from aubench import progress as module
from aubench.progress import Advance, in_words, progress


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.05)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_log_gets_a_line_with_how_far_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("preparing frames", 400, "frames") as advance:
        advance(100)
        time.sleep(0.12)
    told = lines(capsys)
    assert told
    assert told[0].startswith("preparing frames: 100 of 400 frames, ")
    assert " frames/s, about " in told[0]
    assert told[0].endswith(" left")


def test_a_stage_that_reports_nothing_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("fitting ridge"):
        time.sleep(0.12)
    assert lines(capsys)[0] == "fitting ridge: 0 s so far"
    with progress("features", 64, "pictures"):
        time.sleep(0.12)
    assert lines(capsys)[0] == "features: 0 of 64 pictures, 0 s so far, time left unknown"


def test_a_short_stage_is_silent_and_leaves_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with progress("nothing", 1) as advance:
        advance(1)
    assert lines(capsys) == []
    assert threading.active_count() == before


def test_the_innermost_stage_tells(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("outer"):
        with progress("inner"):
            time.sleep(0.12)
        assert {line.partition(":")[0] for line in lines(capsys)} == {"inner"}
        time.sleep(0.12)
    assert {line.partition(":")[0] for line in lines(capsys)} == {"outer"}


def test_what_was_done_before_does_not_count_for_the_speed() -> None:
    advance = Advance("train", 1000, "steps", 900)
    advance._began -= 10.0
    advance(950, note="loss 0.5")
    assert advance.speed == pytest.approx(5.0, rel=0.01)
    assert advance.line() == "train: 950 of 1000 steps, loss 0.5, 5 steps/s, about 10 s left"
    slow = Advance("genet", 10, "frames", 0)
    slow._began -= 40.0
    slow(2)
    assert slow.line() == "genet: 2 of 10 frames, 20 s a frame, about 3 min left"
    loaded = Advance("weights", 40e6, "bytes", 0)
    loaded._began -= 2.0
    loaded(20e6)
    assert loaded.line() == "weights: 20.0 of 40.0 MB, 10.0 MB/s, about 2 s left"


@pytest.mark.parametrize(("seconds", "words"), [(4.2, "4 s"), (180, "3 min"), (12000, "3.3 h")])
def test_durations_are_told_as_people_do(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_stages_may_be_nested_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(module, "Console", lambda **_: Console(file=screen, force_terminal=True, width=120))
    with progress("outer", 2, "files") as outer, progress("inner [x]", 5, "frames") as inner:
        outer(1)
        inner(3)
        time.sleep(0.4)
    assert module._bars == []
    shown = screen.getvalue()
    assert "outer" in shown
    assert "inner [x]" in shown
    assert "3 of 5 frames" in shown

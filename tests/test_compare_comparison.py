"""Scales, protocols, missing AUs and frames, printed rows: what may be ranked with what."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from aubench import metrics
from aubench.compare import comparison, markdown, published, tables
from aubench.compare.method import Member, Method
from aubench.compare.runs import digest
from aubench.compare.schema import Comparison

AUS = ["AU06", "AU10", "AU12", "AU14", "AU17"]
KEYS = ["dataset", "subject", "sequence", "frame"]


def truth() -> pd.DataFrame:
    table = pd.DataFrame({"dataset": "bp4d", "subject": np.repeat([f"F{i:03d}" for i in range(5)], 40),
                          "sequence": "T1", "frame": np.tile(np.arange(40), 5)})  # fmt: skip
    table[AUS] = np.clip(np.round(np.random.default_rng(0).normal(0.5, 1.8, (200, 5))), 0, 5)
    return table


def method(name: str, noise: float, seed: int = 0, **changes: Any) -> Method:
    table = truth()
    table[AUS] = np.clip(table[AUS] + np.random.default_rng(100 + seed).normal(0, noise, (200, 5)), 0, 5)
    table["valid"] = True
    return Method(name, name, "run", [Member(name, table)], **changes)


def compare(*methods: Method, **settings: Any) -> dict[str, Any]:
    done, _ = comparison.compare(
        methods,
        {"bp4d": comparison.Truth(truth(), digest(truth(), "bp4d"))},
        comparison.Settings(draws=200, **settings),
    )
    return done.to_dict()


def model(done: dict[str, Any]) -> Comparison:
    return Comparison.model_validate(done)


def row(done: dict[str, Any], name: str) -> dict[str, Any]:
    return next(r for r in done["datasets"]["bp4d"]["rows"] if r["name"] == name)


def test_one_protocol_one_group() -> None:
    here = compare(method("a", 0.5), method("b", 1.5, 1))["datasets"]["bp4d"]
    assert [g["rows"] for g in here["groups"]] == [["a", "b", "zero", "mean"]]
    (group,) = here["groups"]
    assert group["protocol"]["frames"] == 200
    assert group["protocol"]["icc"] == "3,1"
    a = here["rows"][0]
    own = method("a", 0.5).members[0].table
    assert a["aus"]["AU12"]["icc31"] == pytest.approx(metrics.icc_3_1(truth()["AU12"], own["AU12"]))
    low, high = a["aus"]["AU12"]["icc31_interval"]
    assert low < a["aus"]["AU12"]["icc31"] < high


def test_frames_left_out_make_another_protocol() -> None:
    short = method("short", 0.1, 2)
    table = short.members[0].table
    table.loc[table["subject"] == "F002", "valid"] = False
    short.members = [Member("short", table[table["frame"] != 7])]
    done = compare(method("a", 0.5), method("b", 1.5, 1), short)
    here = done["datasets"]["bp4d"]
    assert [(g["group"], g["rows"]) for g in here["groups"]] == [
        ("A", ["a", "b", "zero", "mean"]), ("B", ["short", "zero", "mean"]),
    ]  # fmt: skip
    found = row(done, "short")
    assert (found["scored"], found["invalid"], found["missing"], found["subjects"]) == (156, 39, 5, 4)
    assert found["missing_at"][0] == "F002/T1: 40 frames (0..39)"
    assert found["marks"]["icc31"] == {}, "alone in its protocol, it is best of nothing"
    assert "156 frames instead of 200" in here["groups"][1]["differs"]
    assert any("ranked apart" in text for text in markdown.warnings(model(done)))
    # The best of the first protocol is marked as if the third were not there.
    assert row(done, "a")["marks"]["icc31"]["mean"] == 1
    # Pairs are tested on what both have read.
    assert {(p["a"], p["b"]): p["frames"] for p in here["tests"]["pairs"]} == {
        ("a", "b"): 200, ("a", "short"): 156, ("b", "short"): 156,
    }  # fmt: skip

    same = compare(method("a", 0.5), method("b", 1.5, 1), short, common_frames=True)
    (group,) = same["datasets"]["bp4d"]["groups"]
    assert group["rows"] == ["short", "a", "b", "zero", "mean"]
    assert group["protocol"]["frames"] == 156
    kept = ((truth()["subject"] != "F002") & (truth()["frame"] != 7)).to_numpy()
    own = method("a", 0.5).members[0].table
    assert row(same, "a")["aus"]["AU06"]["mae"] == pytest.approx(metrics.mae(truth()["AU06"][kept], own["AU06"][kept]))


def test_aus_left_out_are_never_zero() -> None:
    few = method("few", 0.1, 2)
    few.members = [Member("few", few.members[0].table.drop(columns=["AU14"]))]
    done = compare(method("a", 0.5), few)
    found = row(done, "few")
    assert found["missing_aus"] == ["AU14"]
    assert found["aus"]["AU14"]["icc31"] is None
    assert found["mean"]["mae"] == pytest.approx(np.mean([found["aus"][au]["mae"] for au in AUS if au != "AU14"]))
    assert [g["group"] for g in done["datasets"]["bp4d"]["groups"]] == ["A", "B"]
    same = compare(method("a", 0.5), few, common_aus=True)["datasets"]["bp4d"]
    assert same["aus"] == ["AU06", "AU10", "AU12", "AU17"]
    assert [g["rows"] for g in same["groups"]] == [["few", "a", "zero", "mean"]]
    none = method("none", 0.1)
    none.members = [Member("none", none.members[0].table.drop(columns=AUS).assign(AU45=1.0))]
    with refused("table-mismatch", "none", "AU45", "bp4d"):
        compare(method("a", 0.5), none)


def test_a_probability_has_no_icc_unless_a_rescale_is_stated() -> None:
    likely = method("likely", 0.3, 3, scale="probability")
    table = likely.members[0].table
    table[AUS] = table[AUS] / 5
    done = compare(method("a", 0.5), likely)
    found = row(done, "likely")
    assert (found["mean"]["icc31"], found["mean"]["mae"], found["interval"]) == (None, None, None)
    assert found["mean"]["pcc"] > 0.5
    assert found["group"] == "B"
    assert "refused" in found["mean"]["note"]
    assert done["datasets"]["bp4d"]["tests"]["pairs"] == []
    likely.rescale = 5.0
    done = compare(method("a", 0.5), likely)
    found = row(done, "likely")
    assert found["group"] == "A"
    assert found["mean"]["mae"] == pytest.approx(row(compare(method("b", 0.3, 3)), "b")["mean"]["mae"])
    assert "probability times 5, as stated by the user" in found["notes"]
    likely.rescale = 50.0
    with refused("option-invalid", "likely", 50):
        compare(method("a", 0.5), likely)


def test_printed_rows_stand_beside_and_compete_only_if_asked() -> None:
    done = compare(method("a", 4.0), method("b", 5.0, 1))
    assert row(done, "a")["marks"]["icc31"]["mean"] == 1
    printed = done["datasets"]["bp4d"]["published"]
    assert [r["name"] for r in printed[:7]] == ["KBSS", "KJRE", "LBA", "2DC", "CFLF", "GENet", "FPR"]
    assert all("marks" not in r for r in printed)
    grid = tables.grid(model(done))
    assert [line.name for line in grid.blocks["icc31"]][-1].endswith("[printed]")
    ranked = compare(method("a", 4.0), method("b", 5.0, 1), rank_published=True)
    assert row(ranked, "a")["marks"]["icc31"].get("mean") != 1
    best = [r["name"] for r in ranked["datasets"]["bp4d"]["published"] if r["marks"]["icc31"].get("mean") == 1]
    assert best == ["GENet"]
    assert compare(method("a", 4.0), show_published=False)["datasets"]["bp4d"]["published"] == []


def test_printed_means_that_do_not_follow_from_their_cells() -> None:
    assert [(dataset, name, metric) for dataset, name, metric, _ in published.doubtful()] == [
        ("bp4d", "GENet", "icc31"), ("disfa", "2DC", "icc31"), ("disfa", "2DC", "mae"), ("disfa", "GENet", "icc31"),
    ]  # fmt: skip
    text = {n: t for d, n, _, t in published.doubtful() if d == "bp4d"}["GENet"]
    assert text == "printed 0.68, but the mean of the printed cells is 0.6860"
    assert any(
        "GENet [printed], ICC(3,1): printed 0.68" in w for w in markdown.warnings(model(compare(method("a", 1.0))))
    )


def test_the_transcription_has_every_cell() -> None:
    table = published.table()
    first = table[table["table"] == 1]
    assert len(first) == 2 * 7 * (6 + 13)
    assert first.groupby(["method", "dataset", "metric"])["au"].nunique().unique().tolist() == [6, 13]
    ours = {r.name: r.to_dict() for r in published.rows("disfa")}["FPR"]
    assert (ours["mean"], ours["aus"]["AU20"]) == ({"icc31": 0.61, "mae": 0.29}, {"icc31": 0.50, "mae": 0.19})
    assert {r.name: r.labels for r in published.rows("disfa")}["CFLF"] == "weak"


def test_names_and_empty_selections_are_refused() -> None:
    with refused("name-taken", "'a'", "--predictions"):
        compare(method("a", 1.0), method("a", 2.0))
    with refused("name-taken", "'zero'", "--predictions"):
        compare(method("zero", 1.0))
    elsewhere = method("b", 1.0)
    elsewhere.members[0].table["sequence"] = "T9"
    with refused("table-mismatch", "b: ", "T9"):
        compare(elsewhere)
    halves = [method(name, 1.0) for name in "ab"]
    halves[0].members[0].table.loc[:99, "valid"] = False
    halves[1].members[0].table.loc[100:, "valid"] = False
    with refused("nothing-to-compare", "bp4d", "--missing-frames"):
        compare(*halves, common_frames=True)


def test_outputs_hold_the_same_numbers() -> None:
    done = compare(method("a", 0.5), method("b_1", 1.5, 1))
    text = tables.tidy(model(done))
    found = pd.read_csv(io.StringIO(text), keep_default_na=False)
    line = found[(found["method"] == "a") & (found["metric"] == "icc31") & (found["au"] == "mean")].iloc[0]
    a = row(done, "a")
    assert float(line["value"]) == pytest.approx(a["mean"]["icc31"], abs=1e-5)
    assert float(line["low"]) == pytest.approx(a["interval"][0], abs=1e-5)
    assert line["rank"] == "1"
    assert set(found[found["kind"] == "published"]["method"]) >= {"KBSS", "GENet"}
    page = markdown.page(model(done))
    assert f"**{a['mean']['icc31']:.3f}**" in page
    assert "| GENet [printed] |" in page

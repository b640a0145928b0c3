"""How much less a matrix of runs costs than so many runs by themselves.

    OMP_NUM_THREADS=1 python benchmarks/runner_sharing.py [--runs 6] [--first 60] [--second 6] [--set key=value ...]

Leave-one-out of the default recipe, made small, once by the runner from an empty cache. The run with all losses, which
is the longest, is timed alone as well: from an empty cache, and from a full one, as any later run on this machine has
it. Processor time of all processes, which others on the machine do not lengthen, and wall time. It takes about seven
minutes of one core, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aubench_training.ablate import ablate, variants
from aubench_training.config import dump, resolve

SMALL = [
    "sampled.count=768",
    "sampled.held_out=64",
    "frames=192",
    "datasets=[{name: synth, config: {subjects: 6, sequences: 1, frames_per_sequence: 48}}]",
    "baselines=[]",
]


def measured(act: object) -> dict[str, float]:
    """Seconds of processor and of wall that ``act`` took, its processes among them."""
    before, began = _processor(), time.perf_counter()
    act()  # type: ignore[operator]
    return {"cpu_s": round(_processor() - before, 1), "wall_s": round(time.perf_counter() - began, 1)}


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=6, choices=range(2, 7), help="rows of the leave-one-out")
    parser.add_argument("--first", type=int, default=60, help="steps of the first phase")
    parser.add_argument("--second", type=int, default=6, help="steps of the second")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    options = parser.parse_args()
    steps = [f"loopback.steps={options.first}", f"label_free.steps={options.second}"]
    config = resolve("default", options={"device": "cpu"}, assignments=[*SMALL, *steps, *options.settings])
    rows = variants(config, 1)[: options.runs]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        recipe = folder / "small.yaml"
        recipe.write_text(dump(rows[0].config), encoding="utf-8")

        def alone(name: str) -> None:
            command = [sys.executable, "-m", "aubench", "train", "--recipe", str(recipe), "--out", str(folder / name)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def matrix() -> None:
            if ablate(rows, folder / "matrix").code:
                raise SystemExit("a run of the matrix failed; see above")

        os.environ["AUBENCH_CACHE"] = str(folder / "cache-alone")
        cold = measured(lambda: alone("cold"))
        warm = measured(lambda: alone("warm"))
        os.environ["AUBENCH_CACHE"] = str(folder / "cache-matrix")
        whole = measured(matrix)
    count = len(rows)
    print(json.dumps({
        "runs": count,
        "steps": [options.first, options.second],
        "one_run_from_an_empty_cache": cold,
        "one_run_from_a_full_cache": warm,
        "the_matrix_from_an_empty_cache": whole,
        "matrix_over_runs_from_empty_caches": round(whole["cpu_s"] / (count * cold["cpu_s"]), 3),
        "matrix_over_runs_from_a_full_cache": round(whole["cpu_s"] / (cold["cpu_s"] + (count - 1) * warm["cpu_s"]), 3),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()

"""Hostile and damaged files, 20,000 or more of them: the long form of ``pytest tests/fuzz``.

    python benchmarks/reliability/inputs.py [--times 20] [--seed 0] [-k videos]

Reads so many times as many inputs as the suite of tests does, chosen by ``--seed``, and prints a table of what came of
them. Every input is answered or refused with a code (exit code 2 of the command line); anything else, a hang, the
death of the process or a payload that runs is a violation. Exit code 1 where there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys

from attack import ROOT, commit, machine, parser


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--times", type=float, default=20.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("-k", dest="which", default="")
    given = options.parse_args()
    environment = {**os.environ, "AUBENCH_FUZZ": str(given.times), "AUBENCH_FUZZ_SEED": str(given.seed)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/fuzz",
        *(["-k", given.which] if given.which else []),
    ]
    code = subprocess.run(command, cwd=ROOT, env=environment).returncode
    print(f"{machine()}; commit {commit()}")
    return int(code != 0)


if __name__ == "__main__":
    raise SystemExit(main())

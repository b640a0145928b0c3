"""YAML: registry.yaml, recipes, ``--set``, splits and a run's config, with values that YAML is known to trip over."""

from __future__ import annotations

import math
import os
from pathlib import Path

import yaml
from finished_run import CONFIG
from fuzzing import fuzzed, read_by
from guarded import MARKER
from hypothesis import strategies as st
from mutation import NASTY_CELLS, changed, damaged, damaged_text, junk

from aubench import registry
from aubench.cli.data.options import options_in
from aubench.cli.pretrain import _over
from aubench.compare.runs import read_config
from aubench.data import splits
from aubench.foreign import entry_of
from aubench_training.config import dump, load_config, resolve

_TOUCH = f"touch {MARKER}"
NASTY_YAML = (
    "2001-99-99", "2001-12-14t21:59:43.10-05:00", "!!int ''", "!!int x", "!!bool maybe", "!!timestamp x",
    "!!float ''", "!!float x", "!!null x", "!!binary x", "!!binary é",
    "!!set {a}", "!!omap [a: 1]", "!!omap x", "!!pairs [a]", "!!merge x", "!!str {}", "!!seq {}", "!!map []", "!x y",
    "!!x y", "[" * 3000, "{" * 3000, "- " * 3000, "{a: " * 400 + "1" + "}" * 400,
    "[" * 900 + "]" * 900, "&a [*a]", "&a {x: *a}", "&a {*a : 1}", "*x", "<<: *a", "{<<: 1}", "{<<: [1]}", "? x",
    "{? [a] : b}", "{[a]: 1}", "{{a: 1}: 2}", "{1: 2}", "{null: 1}", "{2001-01-01: 1}", "1:99:99", "190:20:30.15",
    ".inf", "-.inf", ".nan", "0o99", "0b2", "0x", "0xg", "1_000", "1__0", "_", "+", "1e999", "1" * 5000, "9" * 30,
    "-1", "1e-400", "~", "''", '""', "'\\x'", '"\\xzz"', '"\\ud800"', '"\\0"', "|", ">", "|9", "@x", "`x", "%x", "\t",
    "a: b: c",
    "- x\ny", "{a: 1, a: 2}", "yes", "no", "on", "None", "#", "--- x", "---\n---", "...", "%YAML 9.9\n---\nx", "\x85",
    "\u2028", "\ufeff", "\x07", "🙂", "a" * 100_000,
    f"!!python/object/apply:os.system ['{_TOUCH}']", f"!!python/object/new:os.system ['{_TOUCH}']",
    "!!python/name:os.system", "!!python/module:os", f"!!python/object/apply:subprocess.getoutput ['{_TOUCH}']",
)  # fmt: skip
"""Values as they are written."""
REGISTRY = """\
version: 1
renderers:
  tiny-wide: {use: tiny, config: {}}
extractors:
  tiny-b:
    use: tiny
datasets:
  tiny-seven: {use: tiny, config: {seed: 7}}
weights:
  some-weights:
    file: some.pth
    url: https://example.org/some.pth
    licence: MIT
    fits: tiny
    size: 17
    sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    network: extractor tiny
    leave_out: [fc.]
matrices:
  main:
    recipe: default
    extractor: [tiny, tiny-b]
    losses: [[ct], [ct, id=0.5]]
    seeds: [0, 1]
"""
SPLITS = """\
tiny:
  default: ours
  splits:
    ours: {note: x, train: [P00, P01], test: [P02]}
    drawn: {draw: {test: 2, seed: 1}}
"""
RECIPE = yaml.safe_dump({key: value for key, value in CONFIG.items() if key not in ("recipe", "seed")}, sort_keys=False)
_LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
_MERGES = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{','.join(['*' + a] * 9)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = (
    _LAUGHS, _MERGES, "version: 1\n" + _LAUGHS, "version: 1\nweights:\n  x: &x {y: *x}\n", "[" * 100_000,
    "{" * 100_000, "- " * 100_000, "? " * 50_000, "&a " * 50_000, "x: " * 50_000, "'" * 100_000,
    "\n".join(f"k{i}: {i}" for i in range(20_000)), "\n".join(" " * i + "a:" for i in range(2000)),
    "a: " + "9" * 1_000_000, "\n" * 500_000, "#" * 500_000, "!" * 100_000, "\t" * 100_000, "a: [" + "1," * 50_000 + "]",
    f"version: 1\nmatrices:\n  m:\n    seeds: {list(range(3000))}\n"
    f"    extractor: {['tiny'] * 500}\n    losses: {[['ct']] * 300}\n",
)  # fmt: skip


def _texts(seed: str) -> st.SearchStrategy[bytes]:
    """A YAML file with values replaced as text, as a tree, or byte by byte."""
    tree = yaml.safe_load(seed)
    trees = changed(tree).map(lambda each: yaml.safe_dump(each, sort_keys=False).encode("utf-8", "replace"))
    places = _tokens(seed)
    replaced = st.tuples(st.sampled_from(places), st.sampled_from(NASTY_YAML)).map(
        lambda drawn: (seed[: drawn[0][0]] + drawn[1] + seed[drawn[0][1] :]).encode("utf-8", "replace")
    )
    return st.one_of(
        replaced,
        replaced,
        replaced,
        trees,
        trees,
        damaged_text([seed], cells=(*NASTY_YAML, *NASTY_CELLS)),
        damaged([seed.encode()]),
        junk(),
    )


def _tokens(text: str) -> list[tuple[int, int]]:
    """Where scalars and whole flow collections stand."""
    found = [(e.start_mark.index, e.end_mark.index) for e in yaml.parse(text) if isinstance(e, yaml.ScalarEvent)]

    def walk(node: yaml.Node) -> None:
        found.append((node.start_mark.index, node.end_mark.index))
        for inner in node.value if isinstance(node, yaml.CollectionNode) else ():
            for each in inner if isinstance(inner, tuple) else (inner,):
                walk(each)

    walk(yaml.compose(text))
    return sorted(set(found))


_BOMBS = st.sampled_from([bomb.encode() for bomb in BOMBS])


def _registry(path: Path) -> None:
    found = registry.load(path)
    found.check()
    for name in list(found.content.matrices)[:3]:
        for _, arguments in zip(range(50), found.commands(name), strict=False):
            assert all(isinstance(argument, str) for argument in arguments)
    found.unused()
    for name in list(found.content.weights)[:3]:
        entry_of(found, name)


def _here() -> None:
    os.environ.pop(registry.VARIABLE, None)
    registry.load()


@fuzzed(_texts(REGISTRY), examples=80)
def test_registries(data: bytes, folder: Path) -> None:
    path = folder / registry.FILE
    path.write_bytes(data)
    read_by(lambda: _registry(path), _here, lambda: registry.load(path).identify(path))


@fuzzed(_texts(RECIPE), examples=80)
def test_recipes(data: bytes, folder: Path) -> None:
    (folder / "mine.yaml").write_bytes(data)
    (folder / "config.yaml").write_bytes(b"recipe: mine\n" + data)
    read_by(
        lambda: _sane(resolve(str(folder / "mine.yaml"))), lambda: _sane(load_config(folder / "config.yaml")),
        lambda: read_config(folder),
    )  # fmt: skip


def _sane(config: object) -> None:
    dump(config)  # type: ignore[arg-type]
    assert math.isfinite(config.loopback.learning_rate)  # type: ignore[attr-defined]


_KEYS = ("seed", "label_free.steps", "label_free.learning_rate", "extractor", "extractor.name", "extractor.config",
"extractor.config.x", "datasets", "losses", "losses.ct", "loss_options", "loss_options.ct", "additions",
"sampled.more", "sampled.style", "device", "baselines", "x", "a.b.c", "", ".", "a..b", "plugins", "seed.x", "recipe",
"copies.options", "frames")  # fmt: skip
_SETTINGS = st.tuples(
    st.sampled_from(_KEYS),
    st.sampled_from((*NASTY_YAML, *NASTY_CELLS)),
    st.sampled_from(("=", "=", "=", " = ", "", "==")),
).map(lambda x: f"{x[0]}{x[2]}{x[1]}")


@fuzzed(st.lists(_SETTINGS, min_size=1, max_size=2), examples=80)
def test_settings(given: list[str], folder: Path) -> None:
    (folder / "mine.yaml").write_text(RECIPE, "utf-8")
    read_by(
        lambda: _sane(resolve(str(folder / "mine.yaml"), assignments=given)), lambda: _sane(resolve("default",
        assignments=given)),
        lambda: options_in([f"disfa.{each}" for each in given]), lambda: _over(None, given),
    )  # fmt: skip


@fuzzed(_texts(SPLITS), examples=50)
def test_splits(data: bytes, folder: Path) -> None:
    path = folder / "splits.yaml"
    path.write_bytes(data)
    people = [f"P{i:02d}" for i in range(6)]

    def of(name: str) -> None:
        found = splits.resolve("tiny", name, people, own=path)
        assert not set(found.train) & set(found.test)
        found.report()

    read_by(lambda: of("default"), lambda: of(f"{path}#ours"), lambda: of("drawn"))


READINGS = (
    lambda folder, text: _registry(folder / registry.FILE), lambda folder, text: _here(),
    lambda folder, text: _sane(resolve(str(folder / "mine.yaml"))), lambda folder, text: read_config(folder),
    lambda folder, text: splits.read_splits(folder / "splits.yaml"),
    lambda folder, text: _sane(resolve("default", assignments=[f"seed={text}"])),
    lambda folder, text: options_in([f"disfa.x={text}"]), lambda folder, text: _over(None, [f"x={text}"]),
)  # fmt: skip


@fuzzed(st.tuples(_BOMBS, st.integers(0, len(READINGS) - 1)), examples=20)
def test_bombs(given: tuple[bytes, int], folder: Path) -> None:
    data, reading = given
    for name in (registry.FILE, "config.yaml", "mine.yaml", "splits.yaml"):
        (folder / name).write_bytes(data)
    READINGS[reading](folder, data.decode())

"""Hash of the source code that a plugin runs: its own package, and the modules of aubench that it imports.

The modules are found by following ``import`` statements without running any code. Comments, docstrings and blank lines
are left out, so that a sentence written better makes no cache stale.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import io
import itertools
import sysconfig
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aubench.errors import UserError

CORE_FOLDER = Path(__file__).parents[1]
"""Where the package aubench lies."""
COMPILED = frozenset({".pyc", ".pyo", ".nbi", ".nbc"})
"""Suffixes of what Python and numba write beside the source."""
PLUMBING = frozenset({
    "aubench", "aubench.assets_lookup", "aubench.component", "aubench.errors", "aubench.files", "aubench.hookspecs",
})  # fmt: skip
"""Modules of the core that decide no answer of a plugin: messages, cards, writing of files. They are not hashed."""


@dataclass(frozen=True)
class _Module:
    """A file and the names by which it is imported. ``package`` is what a relative import in it starts from."""

    name: str
    package: str
    path: Path


def source_digest(module: str) -> str:
    """Hash of the package that ``module`` lies in (all its files), or of the module alone where it lies in none, and of
    every module of aubench, or of the same distribution, that these import directly or indirectly.

    Args:
        module: Dotted name, as in a card's factory. Neither it nor what it imports is run, only its parent packages.

    Returns:
        64 hexadecimal digits, equal for equal code on every machine and Python version.

    Raises:
        UserError: The module has no source file.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise UserError(
            f"{module}: has no source file to hash; give the module a DIGEST constant", code="plugin-invalid"
        )
    origin, package = Path(spec.origin), spec.parent or ""
    packaged = bool(package) and (origin.parent / "__init__.py").is_file()
    home = origin.parent
    own = files_under(home) if packaged else [origin]
    total = hashlib.sha256()
    for path in own:
        total.update(f"{path.relative_to(home).as_posix()}\0{_file_digest(path)}\n".encode())
    if packaged:
        start = [_inside(home, package, path) for path in own if path.suffix == ".py"]
        roots = {package.partition(".")[0]: home.parents[package.count(".")]}
    else:
        start = [_Module(module, "", origin)]
        installed = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
        roots = {} if home in installed else {path.stem: home for path in home.glob("*.py")}
    roots["aubench"] = CORE_FOLDER
    for found in sorted(_imported(start, roots), key=lambda m: m.name):
        total.update(f"{found.name}\0{_file_digest(found.path)}\n".encode())
    return total.hexdigest()


def files_under(folder: Path) -> list[Path]:
    """All files of a folder that count, sorted: no compiled code, nothing hidden."""

    def counts(path: Path) -> bool:
        inner = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inner)
        return not hidden and path.suffix not in COMPILED and path.is_file()

    return sorted(filter(counts, folder.rglob("*")))


def _inside(home: Path, package: str, path: Path) -> _Module:
    inner = [package, *path.relative_to(home).with_suffix("").parts]
    if inner[-1] == "__init__":
        return _Module(".".join(inner[:-1]), ".".join(inner[:-1]), path)
    return _Module(".".join(inner), ".".join(inner[:-1]), path)


def _imported(start: list[_Module], roots: dict[str, Path]) -> list[_Module]:
    """Modules under ``roots`` (folder by top-level name) that ``start`` imports, directly or not, but not ``start``."""
    seen = {module.path for module in start}
    found: list[_Module] = []
    waiting = list(start)
    while waiting:
        module = waiting.pop()
        for name in _names(module):
            reached = _resolve(name, roots)
            if reached is not None and reached.path not in seen and name not in PLUMBING:
                seen.add(reached.path)
                found.append(reached)
                waiting.append(reached)
    return found


def _resolve(name: str, roots: dict[str, Path]) -> _Module | None:
    """The module of a dotted name, without importing anything; None where it is no file under ``roots``."""
    root = roots.get(name.partition(".")[0])
    if root is None:
        return None
    place = root.joinpath(*name.split("."))
    if (place / "__init__.py").is_file():
        return _Module(name, name, place / "__init__.py")
    file = place.with_name(place.name + ".py")
    return _Module(name, name.rpartition(".")[0], file) if file.is_file() else None


def _names(module: _Module) -> Iterator[str]:
    """Dotted names that a module may import; of ``from a import b``, both ``a`` and ``a.b``."""
    for level, base, names in _statements(module.path, *_stamp(module.path)):
        if level:
            parts = module.package.split(".") if module.package else []
            base = ".".join([*parts[: len(parts) - level + 1], *([base] if base else [])])
        if base:
            yield base
        yield from (f"{base}.{name}" if base else name for name in names)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=4096)
def _statements(path: Path, size: int, time: int) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """The import statements of a file that run: level, module and names. Those for type checkers alone do not."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ()
    found: list[tuple[int, str, tuple[str, ...]]] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.append((0, "", tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return tuple(found)


def _file_digest(path: Path) -> str:
    return _content_digest(path, *_stamp(path))


@functools.lru_cache(maxsize=4096)
def _content_digest(path: Path, size: int, time: int) -> str:
    data = path.read_bytes()
    return hashlib.sha256(code_only(data) if path.suffix == ".py" else data).hexdigest()


def code_only(source: bytes) -> bytes:
    """Python source without comments, docstrings and blank lines; as it is where it cannot be read as Python."""
    try:
        text = source.decode()
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (UnicodeDecodeError, SyntaxError, tokenize.TokenError):
        return source
    lines = text.split("\n")
    dropped: set[int] = set()
    cut: dict[int, int] = {}
    fresh = True  # at the beginning of a statement
    telling = [token for token in tokens if token.type not in (tokenize.COMMENT, tokenize.NL)]
    ends = {
        one.start for one, after in itertools.pairwise(telling) if after.type == tokenize.NEWLINE
    }  # the last token of a statement
    for token in tokens:
        row, column = token.start
        if token.type == tokenize.COMMENT:
            cut[row] = column
        elif token.type == tokenize.NL:
            if not lines[row - 1][: cut.get(row)].strip():
                dropped.add(row)
        elif token.type == tokenize.STRING and fresh and token.start in ends:
            dropped.update(range(row, token.end[0] + 1))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            fresh = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    kept = [
        line[: cut[row]].rstrip() if row in cut else line for row, line in enumerate(lines, 1) if row not in dropped
    ]
    return "\n".join(kept).encode()

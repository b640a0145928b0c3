"""Reading YAML that a user wrote or was given: plain values only, of bounded size, or one line that says what is wrong.

Every YAML text that aubench reads comes through :func:`parse`: ``registry.yaml``, recipes, ``config.yaml`` of runs,
splits, and the values of ``--set``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import yaml

from aubench.errors import UserError, code_of_errno

MOST_CHARACTERS = 1 << 18
"""Longest text that is read: 256 kB. What aubench asks for in YAML takes a few."""
MOST_VALUES = 100_000
"""Most values in one text, where each alias (``*name``) counts as all that it stands for."""
DEEPEST = 50
"""Most levels of lists and mappings inside one another."""
_QUOTED = 200
_WHOLE_NUMBERS = range(-(2**63), 2**63)
_PLAIN = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map"))
_MERGE = "tag:yaml.org,2002:merge"


class _Text(Protocol):
    """A path, or a file of a package."""

    def read_bytes(self) -> bytes: ...


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with limits. Dates stay the text that they are; tags that make other objects are refused."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[yaml.Node, tuple[int, int]] = {}  # values and levels of each node that is whole
        self._level = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        self._level += 1
        if self._level > DEEPEST:
            raise _wrong(f"more than {DEEPEST} levels", mark)
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is None:
            return None
        if node not in self._sizes:
            if isinstance(event, yaml.AliasEvent):
                raise _wrong("an alias stands inside what it names", mark)
            self._sizes[node] = self._measure(node)
        values, levels = self._sizes[node]
        if values > MOST_VALUES or levels > DEEPEST:
            problem = f"more than {MOST_VALUES} values or {DEEPEST} levels, with aliases written out"
            raise _wrong(problem, mark)
        return node

    def _measure(self, node: yaml.Node) -> tuple[int, int]:
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated_keys(node)
        sizes = [self._sizes[child] for child in _children(node)]
        return 1 + sum(values for values, _ in sizes), 1 + max((levels for _, levels in sizes), default=0)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag not in _PLAIN and node.tag != _MERGE:
            raise _wrong(f"{node.tag!r} is not a plain value", node.start_mark)
        try:
            value = super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception:  # PyYAML's constructors raise whatever a wrong text leads to
            problem = f"{node.value!s:.40} is not a value of the kind {node.tag.rpartition(':')[2]}"
            raise _wrong(problem, node.start_mark) from None
        if isinstance(value, int) and value not in _WHOLE_NUMBERS:
            raise _wrong("a number has more than 64 bits", node.start_mark)
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong("a number is not finite", node.start_mark)
        if isinstance(value, str) and ("\0" in value or any("\ud800" <= char <= "\udfff" for char in value)):
            raise _wrong("a text holds a NUL or half a character", node.start_mark)
        return value


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _PLAIN or tag == _MERGE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _wrong(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def parse(text: str, name: str, *, code: str = "config-invalid") -> Any:
    """The value of a YAML text: ``None``, bool, int, float, str, and lists and mappings of these.

    Args:
        text: The YAML.
        name: What the text is, for messages: a file, or an option with its value.
        code: The code of errors, a key of :data:`aubench.errors.CODES`.

    Raises:
        UserError: for a text that is longer than :data:`MOST_CHARACTERS` or has more than :data:`MOST_VALUES` values,
            is no YAML, repeats a key, or holds anything but plain values; with the line, where there are several.
    """
    return _read(text, name, code)[0]


def read(file: _Text, name: str | None = None, *, code: str = "config-invalid") -> Any:
    """:func:`parse` of a UTF-8 file. ``name`` is the file unless given. Raises ``UserError`` also where it cannot be
    read."""
    return parse(_text(file, name or str(file), code), name or str(file), code=code)


def read_with_lines(file: Path, *, code: str = "config-invalid") -> tuple[Any, dict[tuple[str, ...], int]]:
    """:func:`read`, and the line of every entry below the top, counted from 1."""
    value, root = _read(_text(file, str(file), code), str(file), code)
    return value, dict(_lines(root, ())) if root is not None else {}


def _text(file: _Text, name: str, code: str) -> str:
    try:
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        told = f"{name}: cannot be read as YAML: {' '.join(str(error).split())}"
        raise UserError(told, code=code_of_errno(getattr(error, "errno", None), code)) from None
    try:
        return data[: 4 * MOST_CHARACTERS + 1].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{name}:{line}: cannot be read as YAML: not UTF-8", code=code) from None


def _read(text: str, name: str, code: str) -> tuple[Any, yaml.Node | None]:
    name = name if len(name) <= _QUOTED else name[:_QUOTED] + "..."
    if len(text) > MOST_CHARACTERS:
        raise UserError(f"{name}: cannot be read as YAML: longer than {MOST_CHARACTERS} characters", code=code)
    problem, line = "", 0
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return (None if root is None else loader.construct_document(root)), root
    except yaml.MarkedYAMLError as error:
        problem = error.problem or error.context or "not YAML"
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        problem = str(error) or type(error).__name__
    where = f"{name}:{line}" if line and "\n" in text.strip() else name
    raise UserError(f"{where}: cannot be read as YAML: {' '.join(problem.split()):.200}", code=code)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _refuse_repeated_keys(node: yaml.MappingNode) -> None:
    """YAML forbids them; PyYAML would take the last one."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            line = key.start_mark.line + 1
            if key.value in seen:
                problem = f"{key.value} already exists, on line {seen[key.value]}"
                raise _wrong(problem, key.start_mark)
            seen[key.value] = line


def _lines(node: yaml.Node, entry: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    yield entry, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*entry, str(key.value))
            yield from _lines(value, inner)
            yield inner, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*entry, str(index)))

"""A few pictures of a source: spread over it, or chosen by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aubench.errors import UserError
from aubench.predict.sources import Pictures, Shot, Source


def spread(total: int, count: int) -> list[int]:
    """At most ``count`` of the numbers 1..``total``: the middles of so many equal stretches."""
    count = min(count, total)
    return [int((i + 0.5) * total / count) + 1 for i in range(count)]


def parse_numbers(text: str) -> list[int]:
    """``"40, 120"`` as numbers of pictures, in order, each once. Raises :class:`UserError`."""
    parts = [part.strip() for part in text.split(",")]
    if bad := [part for part in parts if not part.isdecimal() or int(part) < 1]:
        raise UserError(
            f"--at {text}: {bad[0]!r} is not a frame number; frames start at 1, as in --at 40,120",
            code="option-invalid",
        )
    return sorted({int(part) for part in parts})


def choose(source: Source, count: int, numbers: Sequence[int] | None = None) -> Source:
    """``count`` pictures spread over ``source``, or those with the ``numbers`` given, in their order. They keep their
    number where they are of a video, and their name where they are files.

    Raises :class:`UserError` for a camera and, at once or when the video ends, for a number that there is not.
    """
    if not source.rereadable:
        raise UserError(
            f"{source.name}: has no frames to choose from; record a video or a photo first",
            code="source-unsupported",
        )
    total = source.total
    if isinstance(source, Pictures):
        if numbers and numbers[-1] > source.total:
            raise UserError(
                f"--at {numbers[-1]}: {source.name} has {source.total} image{'s' * (source.total != 1)}",
                code="frame-missing",
            )
        paths = [source.paths[n - 1] for n in numbers or spread(source.total, count)]
        return Pictures(source.name, paths, strict=source.strict)
    if numbers:
        return Chosen(source, numbers, strict=True)
    return Chosen(source, spread(total or sum(1 for _ in source), count))


class Chosen:
    """The pictures of a video with the given ``numbers``, not followed from one to the next. One that is ``strict``
    does not put up with missing any; what a header says of a video's length is now and then a guess."""

    follows = False
    rereadable = True

    def __init__(self, source: Source, numbers: Sequence[int], *, strict: bool = False) -> None:
        self.source, self.numbers, self.strict = source, tuple(numbers), strict
        self.name, self.rate, self.total = source.name, source.rate, len(numbers)

    def __iter__(self) -> Iterator[Shot]:
        wanted, seen = set(self.numbers), 0
        for shot in self.source:
            seen = shot.number
            if seen in wanted:
                yield shot
            if seen >= self.numbers[-1]:
                return
        if self.strict:
            raise UserError(f"--at {self.numbers[-1]}: {self.name} has {seen} frames", code="frame-missing")

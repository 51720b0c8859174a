"""Raise errors in our own code, to see that nobody else notices.

`executed_lines` lists the lines that a piece of work executes in given folders;
`raising_at` does the work again with an error at one of them.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType


class Fault(Exception):
    """An error that a test has put into our code."""


@dataclass(frozen=True, order=True)
class Line:
    """A line of source code."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.number}"


@dataclass
class Hit:
    """Whether the fault has struck."""

    struck: bool = False


KINDS: tuple[Callable[[], Exception], ...] = (
    lambda: Fault("injected"),
    lambda: MemoryError("injected"),
    lambda: OSError(28, "injected: no space left on device"),
    lambda: StopIteration("injected"),
    lambda: RecursionError("injected"),
    lambda: KeyError("injected"),
)
"""Errors of several kinds, since handlers are for kinds."""


def executed_lines(
    work: Callable[[], object], folders: Iterable[str | Path], leave_out: Iterable[str | Path] = ()
) -> list[Line]:
    """The lines below ``folders`` that ``work()`` executes in this thread, sorted."""
    found: set[Line] = set()
    with _tracing(
        lambda frame: found.add(Line(frame.f_code.co_filename, frame.f_lineno)), folders, leave_out
    ):
        work()
    return sorted(found)


@contextlib.contextmanager
def raising_at(line: Line, error: BaseException | None = None) -> Iterator[Hit]:
    """Raise ``error`` the first time that this thread is about to execute ``line``."""
    hit = Hit()

    def strike(frame: FrameType) -> None:
        if frame.f_lineno == line.number and not hit.struck:
            hit.struck = True
            raise error if error is not None else Fault(f"injected at {line}")

    with _tracing(strike, [line.file], ()):
        yield hit


@contextlib.contextmanager
def warnings_said(logger: str = "epochal") -> Iterator[list[str]]:
    """What is logged as a warning or worse inside the block, by epochal unless told otherwise."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logging.getLogger(logger).addHandler(listener)
    try:
        yield said
    finally:
        logging.getLogger(logger).removeHandler(listener)


@contextlib.contextmanager
def _tracing(
    at_line: Callable[[FrameType], object], places: Iterable[str | Path], leave_out: Iterable[str | Path]
) -> Iterator[None]:
    inside, outside = tuple(map(str, places)), tuple(map(str, leave_out))
    ours: dict[str, bool] = {}

    def follow(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            at_line(frame)
        return follow

    def enter(frame: FrameType, _event: str, _: Any) -> Any:
        file = frame.f_code.co_filename
        wanted = ours.get(file)
        if wanted is None:
            wanted = ours[file] = file.startswith(inside) and not file.startswith(outside or ("\0",))
        return follow if wanted else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)

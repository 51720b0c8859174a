"""What a run prints, kept as text events while the terminal shows it as ever.

`sys.stdout` and `sys.stderr` stay the objects they are, with their `isatty`, encoding, buffer and identity
(so loggers made earlier are heard, and notebooks keep their streams); only their `write` is wrapped. The
terminal comes first: what its `write` raises is raised, what it returns is returned, and only then is the
text put into a queue that a thread empties ten times a second. What C code or child processes write is not
seen.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from epochal import errors
from epochal.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 0.1  # seconds between two events of one stream
PATIENCE = 1.0  # seconds after which an unfinished line is sent, unless it is a progress bar
LINE = 65_536  # characters of an unfinished line that are waited with
EVENT = 262_144  # characters in one event
QUEUE = 100_000  # writes that wait for the thread


class Capture:
    """Sends (stream, text) to ``sink`` for what is written to stdout and stderr between `start` and `stop`.

    Text comes in whole lines as far as possible. Of a line that is drawn again and again with a carriage
    return only the last state is kept. Captures may be nested, and ended in any order.
    """

    def __init__(self, sink: Callable[[str, str], Any]) -> None:
        """Prepare; nothing is touched before `start`."""
        self._sink = sink
        self._queue: collections.deque[tuple[str, str]] = (
            collections.deque()
        )  # no lock: a signal handler may print
        self._missed = 0
        self._lines = {"stdout": _Lines(), "stderr": _Lines()}
        self._layers: list[_Layer] = []
        self._stopped = threading.Event()
        self._draining = threading.RLock()  # a signal handler may end the run while it is being ended
        self._sending = threading.local()
        self._pid = 0

    def start(self) -> None:
        """Wrap `write` of both streams and start the thread."""
        self._pid = os.getpid()
        streams = [("stdout", sys.stdout), ("stderr", sys.stderr)]
        for name, stream in streams:
            if stream is not None and not (name == "stderr" and stream is sys.stdout):
                layer = _Layer(self, name, stream)
                if layer.put_on():
                    self._layers.append(layer)
                else:
                    errors.warn_once(f"console {name}", f"{name} cannot be captured: {type(stream).__name__}")
        shell = _shell()
        if shell is not None:
            shell.events.register("pre_run_cell", self._keep_on)
        threading.Thread(target=self._work, name="epochal-console", daemon=True).start()

    def stop(self) -> None:
        """Leave the streams as they were found and send the rest."""
        self._stopped.set()
        if os.getpid() != self._pid:  # a fork may have the lock of a thread it has not
            for layer in self._layers:
                layer.take_off()
            return
        with self._draining:
            for layer in reversed(self._layers):
                layer.take_off()
        shell = _shell()
        if shell is not None:
            with contextlib.suppress(ValueError):  # registered in another shell
                shell.events.unregister("pre_run_cell", self._keep_on)
        self._drain(last=True)

    def heard(self, stream: str, text: Any) -> None:
        """Take note of what was written; called for every write, after the terminal has it."""
        if os.getpid() != self._pid or getattr(self._sending, "now", False) or not isinstance(text, str):
            return
        if len(self._queue) < QUEUE:
            self._queue.append((stream, text))
        else:
            self._missed += 1

    def _work(self) -> None:
        while not self._stopped.wait(PERIOD):
            self._keep_on()
            self._drain(last=False)

    def _keep_on(self, _cell: Any = None) -> None:
        with self._draining, errors.guard("console", "capture"):
            if not self._stopped.is_set():
                self._layers = [layer.kept_on() for layer in self._layers]

    def _drain(self, *, last: bool) -> None:
        with self._draining, errors.guard("console", "capture"):
            self._sending.now = True  # a complaint of the sink must not be captured in turn
            try:
                while self._queue:
                    stream, text = self._queue.popleft()
                    self._lines[stream].add(text)
                if self._missed:
                    self._lines["stderr"].add(
                        f"<... {self._missed} writes came too fast and were not kept>\n"
                    )
                    self._missed = 0
                for stream, lines in self._lines.items():
                    ready = lines.take(last=last)
                    for start in range(0, len(ready), EVENT):
                        self._sink(stream, plain(ready[start : start + EVENT]))
            finally:
                self._sending.now = False


class _Layer:
    """The wrapped `write` of one stream; passes everything through once its capture has ended."""

    def __init__(self, capture: Capture, name: str, stream: Any) -> None:
        self.capture: Capture | None = capture
        self.name, self.stream = name, stream
        self.below = stream.write
        self.was_own = "write" in getattr(stream, "__dict__", ())

    def __call__(self, text: Any, *rest: Any, **named: Any) -> Any:
        result = self.below(text, *rest, **named)
        capture = self.capture
        if capture is not None:
            capture.heard(self.name, text)
        return result

    def put_on(self) -> bool:
        try:
            self.stream.write = self
        except (AttributeError, TypeError):  # a stream without room for attributes
            return False
        return True

    def kept_on(self) -> _Layer:
        """Put on a new layer if somebody took this one off (see `_shell`)."""
        if self.capture is None or _reaches(vars(self.stream).get("write"), self):
            return self
        again = _Layer(self.capture, self.name, self.stream)
        self.capture = None
        again.put_on()
        return again

    def take_off(self) -> None:
        """End this layer and remove ended layers on top; under somebody else's wrapper it stays, idle."""
        self.capture = None
        top = getattr(self.stream, "__dict__", {}).get("write")
        if not isinstance(top, _Layer):
            return
        while isinstance(top, _Layer) and top.capture is None:
            if not top.was_own:
                del self.stream.write
                return
            top = top.below
        self.stream.write = top


def _shell() -> Any:
    """The notebook's shell, if this is one: it takes all layers off at the end of each cell."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def _reaches(write: Any, layer: _Layer, depth: int = 10) -> bool:
    """Whether calling ``write`` comes to the layer in the end, as far as layers and closures can tell."""
    if write is layer or depth == 0:
        return True
    if isinstance(write, _Layer):
        return _reaches(write.below, layer, depth - 1)
    below = []
    for cell in getattr(write, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # an empty cell
            below.append(cell.cell_contents)
    below += [write.func, *write.args] if isinstance(write, functools.partial) else []
    return any(_reaches(one, layer, depth - 1) for one in below if callable(one))


class _Lines:
    """One stream's text, put together to lines."""

    def __init__(self) -> None:
        self.ready: list[str] = []
        self.open = ""
        self.redrawn = False
        self.since = 0.0

    def add(self, text: str) -> None:
        *whole, rest = (self.open + text).split("\n")
        self.ready.extend(_last_state(line) + "\n" for line in whole)
        self.redrawn = "\r" in rest or (self.redrawn and not whole)
        self.open = _last_state(rest) + ("\r" if rest.endswith("\r") else "")
        self.since = time.monotonic()

    def take(self, *, last: bool) -> str:
        made = "".join(self.ready)
        self.ready.clear()
        waited = not self.redrawn and time.monotonic() - self.since > PATIENCE
        if self.open and (last or waited or len(self.open) > LINE):
            made += self.open.rstrip("\r")
            self.open = ""
        return made


def _last_state(line: str) -> str:
    """What a terminal shows in the end, where each carriage return begins the line anew."""
    return line.rstrip("\r").rpartition("\r")[2]

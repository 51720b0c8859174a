"""The terminal sees what it always saw; the sink gets the lines."""

import contextlib
import io
import logging
import os
import sys
import threading

import pytest

from epochal import errors
from epochal.surroundings.console import Capture, _Lines
from epochal.testing import programs


class Sink:
    def __init__(self):
        self.events = []
        self.arrived = threading.Event()

    def __call__(self, stream, text):
        self.events.append((stream, text))
        self.arrived.set()

    def text(self, stream):
        return "".join(text for name, text in self.events if name == stream)


@contextlib.contextmanager
def captured(sink=None):
    sink = sink or Sink()
    capture = sink.capture = Capture(sink)
    capture.start()
    try:
        yield sink
    finally:
        capture.stop()


def turn(capture):
    """Wait until the capture's thread has been round once, from its start to its end."""
    done, drain = [], capture._drain
    twice = threading.Event()

    def drained(**last):
        drain(**last)
        done.append(1)
        if len(done) == 2:  # the first may have begun before
            twice.set()

    capture._drain = drained
    assert twice.wait(60)
    del capture._drain


def test_both_streams_are_kept_and_shown(terminal):
    with captured() as sink:
        print("to out", 1)
        print("to err", file=sys.stderr)
        sys.stdout.writelines(["a\n", "b\n"])
    assert sink.text("stdout") == terminal[0].shown == "to out 1\na\nb\n"
    assert sink.text("stderr") == terminal[1].shown == "to err\n"


def test_the_streams_stay_what_they_are(terminal):
    out = sys.stdout
    with captured():
        assert sys.stdout is out
        assert sys.stdout.isatty()
        assert sys.stdout.encoding == "utf-8"
        assert sys.stdout.write("four") == 4
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")
    assert "write" not in vars(out)
    assert sys.stdout.write.__self__ is out


def test_loggers_made_before_are_heard(terminal):
    handler = logging.StreamHandler()
    with captured() as sink:
        handler.handle(logging.makeLogRecord({"msg": "late"}))
    assert sink.text("stderr") == "late\n"


def test_what_is_shown_is_what_a_bare_terminal_shows(tmp_path):
    program = """
import sys
if sys.argv[1] == "on":
    from epochal.surroundings.console import Capture
    Capture(lambda stream, text: None).start()
print("a", end=""); print("\\u00e9"); sys.stdout.write("b\\r"); sys.stdout.buffer.write(b"raw\\n")
sys.stderr.write("err\\n"); print(sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout.line_buffering)
1/0
"""
    shown = []
    for mode in ("on", "off"):
        out, err = tmp_path / f"{mode}.out", tmp_path / f"{mode}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            command = (sys.executable, "-c", program, mode)
            with programs.started(*command, stdout=stdout, stderr=stderr) as done:
                assert done.wait() == 1
        shown.append((out.read_bytes(), err.read_bytes()))
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    ("writes", "kept"),
    [
        (["10%\r", "20%\r", "100%\n"], "100%\n"),
        (["\r10%", "\r20%", "\r100%", "\n", "done\n"], "100%\ndone\n"),
        (["a\r\n", "b\r\n"], "a\nb\n"),
        (["\r 50%", "\r", "    ", "\r", "after\n"], "after\n"),
        (["no end"], "no end"),
        (["one ", "line\n"], "one line\n"),
        (["x\n\ny\n"], "x\n\ny\n"),
        (["\r99%"], "99%"),
    ],
    ids=["after", "before", "windows", "cleared", "unfinished", "pieces", "blank", "unfinished bar"],
)
def test_a_line_drawn_again_keeps_its_last_state(terminal, writes, kept):
    with captured() as sink:
        for text in writes:
            sys.stdout.write(text)
    assert sink.text("stdout") == kept
    assert terminal[0].shown == "".join(writes)


def test_a_long_progress_bar_takes_no_memory():
    lines = _Lines()
    for step in range(100_000):
        lines.add(f"\r{step}/100000 " + "#" * 50)
    assert len(lines.open) < 100
    assert lines.take(last=False) == ""
    assert lines.take(last=True).startswith("99999/100000")


def test_a_prompt_without_a_line_end_is_sent_after_a_while(terminal, monkeypatch):
    monkeypatch.setattr("epochal.surroundings.console.PATIENCE", 0.2)
    with captured() as sink:
        print("loading ... ", end="")
        assert sink.arrived.wait(60)
        assert sink.text("stdout") == "loading ... "
        print("done")
    assert sink.text("stdout") == "loading ... done\n"


def test_many_lines_are_few_events(terminal):
    turns = []
    with captured() as sink:
        drain = sink.capture._drain
        sink.capture._drain = lambda **last: (turns.append(1), drain(**last))
        for number in range(20_000):
            print(number)
    assert sink.text("stdout") == "".join(f"{number}\n" for number in range(20_000))
    assert len(sink.events) <= len(turns) + 1, "one a turn, and one may have begun before they were counted"


def test_events_are_of_bounded_size(terminal):
    with captured() as sink:
        print("x" * 1_000_000)
    assert len(sink.text("stdout")) == 1_000_001
    assert max(len(text) for _, text in sink.events) <= 262_144


def test_threads_lose_no_line(terminal):
    def work(name):
        for number in range(500):
            sys.stdout.write(f"{name}-{number}\n")

    with captured() as sink:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(sink.text("stdout").split()) == sorted(f"{n}-{i}" for n in range(8) for i in range(500))


@pytest.mark.parametrize("order", ["inner first", "outer first"])
def test_nested_captures(terminal, order):
    outer, inner = Sink(), Sink()
    first, second = Capture(outer), Capture(inner)
    first.start()
    print("one")
    second.start()
    print("two")
    (second if order == "inner first" else first).stop()
    print("three")
    (first if order == "inner first" else second).stop()
    print("four")
    inner_first = order == "inner first"
    assert outer.text("stdout") == ("one\ntwo\nthree\n" if inner_first else "one\ntwo\n")
    assert inner.text("stdout") == ("two\n" if inner_first else "two\nthree\n")
    assert terminal[0].shown == "one\ntwo\nthree\nfour\n"
    assert "write" not in vars(sys.stdout)


def test_somebody_elses_wrapper_is_left_in_place(terminal):
    out, theirs = sys.stdout, []
    with captured() as sink:
        below = out.write

        def write(text):
            theirs.append(text)
            return below(text)

        out.write = write
        print("during")
    assert out.write is write
    print("after")
    assert terminal[0].shown == "during\nafter\n"
    assert sink.text("stdout") == "during\n"
    assert "".join(theirs) == "during\nafter\n"


def test_a_wrapper_of_before_is_put_back(terminal):
    out, below, theirs = sys.stdout, sys.stdout.write, []

    def write(text):
        theirs.append(text)
        return below(text)

    out.write = write
    with captured() as sink:
        print("during")
    assert out.write is write
    assert sink.text("stdout") == "during\n" == "".join(theirs)


@contextlib.contextmanager
def cell(stream):
    """What IPython does around each cell (InteractiveShell._tee)."""
    original = stream.write

    def write(data, *rest, **named):
        return original(data, *rest, **named)

    stream.write = write
    try:
        yield
    finally:
        stream.write = original


def test_a_capture_begun_in_a_cell_hears_later_cells(terminal):
    out, sink = sys.stdout, Sink()
    capture = Capture(sink)
    with cell(out):
        capture.start()
        print("first cell")
    with cell(out):  # at once, as "run all" does: only the thread can notice
        turn(capture)
        print("second cell")
    turn(capture)
    with cell(out):
        print("third cell")
    with cell(out):
        capture.stop()
        print("after")
    assert sink.text("stdout") == "first cell\nsecond cell\nthird cell\n"
    assert terminal[0].shown == "first cell\nsecond cell\nthird cell\nafter\n"


def test_every_cell_of_a_real_shell_is_heard(terminal):
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell.instance()
    shell.user_ns["capture"] = Capture(sink := Sink())
    for source in (
        "capture.start(); print(1)",
        "print(2)",
        "print(3)",
        "print(4); capture.stop()",
        "print(5)",
    ):
        shell.run_cell(source)
    assert sink.text("stdout") == "1\n2\n3\n4\n"
    assert terminal[0].shown == "1\n2\n3\n4\n5\n"


def test_nothing_is_heard_twice_under_a_wrapper_that_hides_it(terminal):
    out = sys.stdout
    with captured() as sink:
        below = {"write": out.write}
        out.write = lambda text: below["write"](text) if text else 0  # in a dict, where nobody looks
        turn(sink.capture)
        print("once")
    print("after")
    assert sink.text("stdout") == "once\n"
    assert terminal[0].shown == "once\nafter\n"


def test_redirected_output_is_not_the_terminals(terminal):
    with captured() as sink, contextlib.redirect_stdout(io.StringIO()) as elsewhere:
        print("elsewhere")
    assert elsewhere.getvalue() == "elsewhere\n"
    assert sink.events == []


def test_streams_that_are_not_there(terminal):
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None), captured() as sink:
        print("nowhere")
    assert sink.events == []


class Tight:
    """A stream without room for attributes."""

    __slots__ = ("shown",)

    def __init__(self):
        self.shown = []

    def write(self, text):
        self.shown.append(text)


def test_a_stream_without_room_is_left_alone(terminal):
    with contextlib.redirect_stdout(Tight()) as tight, captured() as sink:
        print("still shown")
        print("heard", file=sys.stderr)
    assert "".join(tight.shown) == "still shown\n"
    assert sink.text("stdout") == ""
    assert sink.text("stderr") == "heard\n"


def test_a_sink_that_fails_and_prints_does_no_harm(terminal, monkeypatch):
    monkeypatch.setattr(errors, "strict", True)
    monkeypatch.setattr(errors, "swallowed", [])

    def sink(stream, text):
        print("the sink complains", file=sys.stderr)
        raise OSError("disk full")

    capture = Capture(sink)
    capture.start()
    try:
        print("work")
        turn(capture)
    finally:
        capture.stop()
    assert terminal[0].shown == "work\n"
    assert terminal[1].shown.count("complains") == 1
    assert [str(error) for error in errors.swallowed] == ["disk full"]


def test_the_users_error_in_write_is_the_users(terminal):
    with contextlib.redirect_stdout(io.StringIO()) as closed, captured() as sink:
        closed.close()
        with pytest.raises(ValueError, match="closed file"):
            print("nowhere")
    assert sink.events == []


def test_half_surrogate_pairs_are_spelled_out(terminal):
    sys.stdout.reconfigure(errors="surrogateescape")
    with captured() as sink:
        print("caf\udce9")
    assert sink.text("stdout") == "caf\\udce9\n"
    assert sys.stdout.buffer.getvalue() == b"caf\xe9\n"


def test_a_fork_prints_as_ever_and_sends_nothing():
    program = """
import os
from epochal.surroundings.console import Capture
sent = []
capture = Capture(lambda stream, text: sent.append(text))
capture.start()
if not os.fork():
    print("child", sent, flush=True)
    os._exit(0)
os.wait()
print("parent", flush=True)
capture.stop()
print(sent)
"""
    assert programs.python(program).stdout == "child []\nparent\n['parent\\n']\n"


def test_writing_from_a_signal_handler_does_not_hang(terminal):
    import signal

    before = signal.signal(signal.SIGUSR1, lambda *_: print("signal"))
    try:
        with captured() as sink:
            for _ in range(200):
                os.kill(os.getpid(), signal.SIGUSR1)
                print("main")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sink.text("stdout").count("signal") == 200


def test_a_write_sends_nothing_itself(terminal):
    """What it adds is a queue's append: no lock of another thread, no event, nothing that may take long."""
    with captured() as sink:
        sink.capture._stopped.set()  # nobody empties the queue
        with sink.capture._draining:
            for _ in range(1_000):
                sys.stdout.write("x\n")
        assert sink.events == []
    assert sink.text("stdout") == "x\n" * 1_000

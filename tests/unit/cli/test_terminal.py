"""Plain parts of the terminal: escaping, numbers, times, curves."""

from __future__ import annotations

import io
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from epochal.terminal import text
from epochal.terminal.curves import Axis, Line, plot, smooth, sparkline, thin
from epochal.terminal.pictures import related
from epochal.terminal.screen import Screen
from epochal.terminal.svg import drawing
from epochal.testing import programs


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        pytest.param("plain name-1", "plain name-1", id="plain"),
        pytest.param("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m", id="colour"),
        pytest.param("\x1b]0;title\x07", r"\x1b]0;title\x07", id="title"),
        pytest.param("\x9b31m", r"\x9b31m", id="c1"),
        pytest.param("a\r\nb\tc", r"a\r\nb\tc", id="lines"),
        pytest.param("a\x00b", r"a\x00b", id="nul"),
        pytest.param("a\x7f\x08b", r"a\x7f\x08b", id="backspace"),
        pytest.param("abc\u202eexe.txt", r"abc\u202eexe.txt", id="rtl-override"),
        pytest.param("a\u2066b\u2069\u200f", r"a\u2066b\u2069\u200f", id="isolates"),
        pytest.param("a\u200bb\ufeff", r"a\u200bb\ufeff", id="zero-width"),
        pytest.param("\u2028\u2029", r"\u2028\u2029", id="separators"),
        pytest.param("\ud800", r"\ud800", id="surrogate"),
        pytest.param("\U000e0041", r"\U000e0041", id="tag"),
        pytest.param("[bold]x[/bold]", "[bold]x[/bold]", id="markup"),
        pytest.param("é 日本 😀 עברית", "é 日本 😀 עברית", id="letters"),
    ],
)
def test_safe_shows_what_a_terminal_might_obey(hostile, shown):
    assert text.safe(hostile) == shown
    assert text.safe(hostile).isprintable()


def test_safe_cuts_and_says_so():
    assert text.safe("x" * 2_000_000, 10) == "xxxxxxxxxx... (2,000,000 characters)"
    assert text.safe("x" * 5000, 0) == "x" * 5000


def test_safe_lines_keep_lines_and_nothing_else():
    assert text.safe_lines("a\tb\r\n\x1b[2Jc") == ["a   b", r"\x1b[2Jc"]


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (None, "-"),
        (3, "3"),
        (10**20, "100000000000000000000"),
        (0.0, "0.0"),
        (12.0, "12.0"),
        (0.96491228, "0.9649"),
        (1e-5, "1e-05"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        ("NaN", "NaN"),
        (True, "true"),
        ({"a": [1]}, '{"a": [1]}'),
        ("\x1b[1m", r"\x1b[1m"),
    ],
)
def test_number(found, shown):
    assert text.number(found) == shown


def test_numbers_of_a_column_have_equally_many_decimals():
    assert text.numbers([0.9649, 0.95, 1.0, math.nan, None]) == ["0.9649", "0.9500", "1.0000", "nan", "-"]
    assert text.numbers([12.3, 9.51234]) == ["12.300", "9.512"]
    assert text.numbers([3, 40]) == ["3", "40"]
    assert text.numbers([1e-5, 0.5]) == ["1e-05", "0.5"]


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        ("accuracy", 1),
        ("test/f1_macro", 1),
        ("val_loss", -1),
        ("neg_mean_squared_error", 1),
        ("log_loss", -1),
        ("roc_auc", 1),
        ("best_score", 1),
        ("epoch", 0),
        ("explained_variance", 1),
        ("train/rmse", -1),
        ("seconds", 0),
    ],
)
def test_direction_of_a_metric(metric, way):
    assert text.direction(metric) == way


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (0, "just now"),
        (59, "59 seconds ago"),
        (61, "1 minute ago"),
        (7300, "2 hours ago"),
        (90_000, "1 day ago"),
        (-100, "in 1 minute"),
        (40_000_000, "1 year ago"),
    ],
)
def test_ago(past, said):
    assert text.ago(1_000_000_000 - past, 1_000_000_000) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (0.018, "18 ms"),
        (0.9999, "1.0 s"),
        (2.41, "2.4 s"),
        (59.97, "1 m 00 s"),
        (75, "1 m 15 s"),
        (3900, "1 h 05 m"),
        (100_000, "1 d 03 h"),
    ],
)
def test_duration(seconds, said):
    assert text.duration(seconds) == said


def test_size():
    assert [text.size(n) for n in (None, 0, 1023, 1024, 5 << 20, 3 << 40)] == [
        "-",
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 TiB",
    ]


def test_shortest_prefixes_tell_ids_apart():
    ids = ["0123456789abcdef", "0123456789abcd00", "ffff456789abcdef"]
    short = text.shortest(ids)
    assert short == {ids[0]: "0123456789abcde", ids[1]: "0123456789abcd0", ids[2]: "ffff4567"}


def test_json_spells_what_json_lacks():
    found = text.jsonable({"a": math.nan, "b": (math.inf, -math.inf), 3: np.float64(0.5), "c": np.arange(2)})
    assert found == {"a": "NaN", "b": ["Infinity", "-Infinity"], "3": 0.5, "c": [0, 1]}


def test_a_plot_has_the_size_asked_for_and_labels():
    picture = plot([Line("loss", range(100), [1 / (i + 1) for i in range(100)])], 60, 12).text.splitlines()
    assert len(picture) == 12
    assert max(map(len, picture)) <= 60
    assert picture[-1].split() == ["0", "step", "99"]
    assert any("0.5 ┤" in line for line in picture)


def test_no_spike_is_lost_among_a_million_points():
    values = np.zeros(1_000_000)
    values[123_456] = 7.0
    line = thin(Line("spike", np.arange(1_000_000), values), 100)
    assert max(line.y) == 7.0
    assert len(line.x) < 500
    top = plot([Line("spike", np.arange(1_000_000), values)], 60, 10).text.splitlines()[0]
    assert any(0x2800 < ord(c) <= 0x28FF for c in top)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="empty"),
        pytest.param([1.0], id="one"),
        pytest.param([math.nan] * 5, id="nan"),
        pytest.param([2.0, 2.0, 2.0], id="flat"),
        pytest.param([-1e308, 1e308, 0], id="huge"),
        pytest.param([0.0, math.inf, 1.0, -math.inf], id="infinite"),
        pytest.param([5e-324, 1e-320], id="tiny"),
    ],
)
@pytest.mark.parametrize("log_y", [False, True], ids=["linear", "log"])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["braille", "ascii"])
def test_odd_curves_are_drawn_without_error(values, log_y, ascii_only):
    picture = plot([Line("odd", range(len(values)), values)], 40, 8, log_y=log_y, ascii_only=ascii_only)
    assert len(picture.text.splitlines()) == 8
    assert not ascii_only or picture.text.isascii()
    ET.fromstring(drawing("odd", [Line("odd", range(len(values)), values)], log_y=log_y))


def test_a_logarithmic_axis_is_even():
    axis = Axis.over([1, 1000], log=True)
    assert [axis.place(v, 4) for v in (1, 10, 100, 1000)] == [0, 1, 2, 3]
    assert axis.place(0, 4) is None


def test_sparkline():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, math.nan, 2]) == "▁ █"
    assert sparkline([]) == sparkline([math.nan]) == ""
    assert len(sparkline(list(range(100_000)), 16)) == 16
    assert sparkline([0, 1], ascii_only=True).isascii()


def test_smoothing_starts_at_the_first_value_and_keeps_gaps():
    found = smooth([1.0, math.nan, 1.0, 2.0], 0.5)
    assert found[0] == found[2] == 1.0
    assert math.isnan(found[1])
    assert 1.0 < found[3] < 2.0


def test_train_and_validation_share_a_picture():
    assert related(["train/loss", "val/loss", "lr", "accuracy_test", "train_f1"]) == {
        "loss": {"train/loss": "train", "val/loss": "val"},
        "lr": {"lr": "lr"},
        "accuracy_test": {"accuracy_test": "accuracy_test"},
        "train_f1": {"train_f1": "train_f1"},
    }


def test_svg_escapes_names():
    image = drawing("</svg><script>", [Line("<b>&", [0, 1], [1, 2]), Line('"', [0, 1], [2, 1])])
    root = ET.fromstring(image)
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
    assert len([e for e in root.iter() if e.tag.endswith("polyline")]) == 2


class Stream(io.StringIO):
    """A stream that says what kind of thing it is."""

    def __init__(self, encoding: str, terminal: bool) -> None:
        super().__init__()
        self._encoding, self._terminal = encoding, terminal

    @property
    def encoding(self) -> str:
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


def test_colours_only_on_a_terminal_and_not_against_the_users_will(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "77")
    assert Screen.on(Stream("utf-8", True)).colour
    assert Screen.on(Stream("utf-8", True)).width == 77
    assert not Screen.on(Stream("utf-8", False)).colour
    assert Screen.on(Stream("utf-8", False)).width is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Screen.on(Stream("utf-8", True)).colour
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not Screen.on(Stream("utf-8", True)).colour


def test_what_the_encoding_lacks_becomes_ascii():
    screen = Screen.on(Stream("ascii", False))
    shown = screen.render(screen.status("finished"), "é")
    assert shown.isascii()
    assert "+ finished" in shown
    assert "\\xe9" in shown


def test_the_terminal_package_needs_no_rich():
    code = "import sys, epochal.terminal as t; t.safe('a'); assert not {'rich', 'numpy'} & set(sys.modules)"
    programs.python(code)


def test_an_integer_that_python_refuses_to_spell():
    assert text.number(1 << 20_000) == "an integer of 20,001 bits"

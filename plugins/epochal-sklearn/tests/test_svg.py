"""The pictures are well-formed, whatever the names and numbers in them, and hold nothing that runs."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from epochal_sklearn import svg

HOSTILE = ["<script>alert(1)</script>", '"><svg onload=1>', "a&b", "\x00\x1b[31m", "\ud800", "ü" * 200, ""]
PICTURES = {
    "lines": lambda t: svg.lines(t, t, t, [(t, [(0.0, 0.0), (1.0, 1.0)]), (t, [(0.0, 1.0)])], diagonal=True),
    "scatter": lambda t: svg.scatter(t, t, t, [(1e-300, -1e300), (0.0, 1e300)]),
    "bars": lambda t: svg.bars(t, t, [(t, -1.0), (t, 2.0)]),
    "heat": lambda t: svg.heat(t, t, t, [t, t], [[3, 0], [0, 0]]),
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("kind", PICTURES)
def test_any_name_can_be_drawn(kind, text):
    drawn = ET.fromstring(PICTURES[kind](text).encode())
    tags = {element.tag.partition("}")[2] for element in drawn.iter()}
    assert tags <= {"svg", "g", "rect", "line", "polyline", "circle", "text"}
    assert not [name for element in drawn.iter() for name in element.attrib if name.startswith("on")]


@pytest.mark.parametrize("points", [[], [(0.0, 0.0)], [(5.0, 5.0), (5.0, 5.0)]], ids=["none", "one", "equal"])
def test_little_data_can_be_drawn(points):
    for picture in (svg.lines("t", "x", "y", [("a", points)]), svg.scatter("t", "x", "y", points)):
        ET.fromstring(picture)
    ET.fromstring(svg.bars("t", "x", []))
    ET.fromstring(svg.heat("t", "x", "y", [], []))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 4), (0, 1e-9), (1e6, 1e6 + 3), (2, 2), (-1e300, 1e300)]
)
def test_ticks_are_round_and_inside(low, high):
    ticks = svg.Axis("x", low, high, 0, 100).ticks()
    assert len(ticks) <= 11
    assert all(low - abs(low) * 1e-9 - 1e-9 <= tick <= high + abs(high) * 1e-9 + 1e-9 for tick in ticks)

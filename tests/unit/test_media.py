"""Every medium, from real libraries, into the object store and back."""

import io
import json
import math
import random
import struct
import tracemalloc
import wave

import matplotlib as mpl
import matplotlib.figure
import msgspec
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects as go
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies
from hypothesis.extra import numpy as arrays

import epochal
from epochal import keeping, media, plugins
from epochal.artifacts.objects import Objects
from epochal.errors import NotFound, ValueRefused
from epochal.media import png
from epochal.testing import programs

torch = pytest.importorskip("torch")


@pytest.fixture
def back(tmp_path):
    """Keep a value as a run does, and read it as a run's reader does."""

    def keep_and_read(item):
        event = keeping.keep_media(tmp_path, "key", media.wrap(item), 3)
        entry = msgspec.json.decode(msgspec.json.encode(event))
        return media.read(entry, Objects(tmp_path))

    return keep_and_read


def decoded(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def random_states():
    return random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()


def drawing():
    figure = mpl.figure.Figure()
    figure.subplots().plot([1, 2, 3])
    return figure


# -- PNG ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    strategies.sampled_from([(), (1,), (2,), (3,), (4,)]).flatmap(
        lambda tail: arrays.arrays(
            np.uint8,
            strategies.tuples(strategies.integers(1, 9), strategies.integers(1, 9)).map(lambda s: s + tail),
        )
    )
)
def test_png_holds_every_pixel(pixels):
    found = decoded(png.encode(pixels))
    assert np.array_equal(found, pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def test_png_of_sixteen_bits():
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000
    assert np.array_equal(decoded(png.encode(pixels)).astype(np.uint16), pixels)


def test_png_of_smooth_pixels_is_small():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    theirs = io.BytesIO()
    PIL.Image.fromarray(ramp).save(theirs, "PNG")
    assert len(png.encode(ramp)) <= 1.5 * len(theirs.getvalue())


# -- images ------------------------------------------------------------------------

RGB = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
IMAGES = {
    "uint8": (RGB, RGB),
    "alpha": (np.dstack([RGB, RGB[..., :1]]), np.dstack([RGB, RGB[..., :1]])),
    "grey": (RGB[..., 0], RGB[..., 0]),
    "one channel": (RGB[..., :1], RGB[..., 0]),
    "bool": (np.eye(3, dtype=bool), np.eye(3, dtype=np.uint8) * 255),
    "float": (np.array([[0.0, 0.5], [1.0, 0.25]]), np.array([[0, 128], [255, 64]])),
    "float, a little off": (np.array([[-1e-6, 1.0000001]]), np.array([[0, 255]])),
    "int64": (RGB.astype(np.int64), RGB),
    "list": ([[0, 255], [3, 4]], np.array([[0, 255], [3, 4]])),
    "tensor, channel first": (torch.from_numpy(RGB).permute(2, 0, 1), RGB),
    "tensor, three rows": (torch.from_numpy(RGB[:3]).permute(2, 0, 1), RGB[:3]),
    "tensor of float": (torch.tensor([[0.0, 1.0]], requires_grad=True), np.array([[0, 255]])),
    "bfloat16": (torch.tensor([[0.0, 1.0]], dtype=torch.bfloat16), np.array([[0, 255]])),
    "channel first": (RGB.transpose(2, 0, 1), RGB),
    "not contiguous": (RGB[::-1, ::2], RGB[::-1, ::2]),
    "PIL": (PIL.Image.fromarray(RGB), RGB),
    "PIL, indexed": (PIL.Image.fromarray(RGB[..., 0]).convert("P"), RGB[..., 0]),
}


@pytest.mark.parametrize(("value", "pixels"), IMAGES.values(), ids=IMAGES)
def test_image_keeps_its_pixels(back, value, pixels):
    found = back(epochal.Image(value, "a picture"))
    assert (found.type, found.mime, found.caption, found.step) == ("image", "image/png", "a picture", 3)
    assert (found.data["height"], found.data["width"]) == pixels.shape[:2]
    assert np.array_equal(found.to_pil().convert("L" if pixels.ndim == 2 else found.to_pil().mode), pixels)


def test_image_of_a_printer_becomes_rgb(back):
    assert back(epochal.Image(PIL.Image.new("CMYK", (2, 3)))).to_numpy().shape == (3, 2, 3)


@pytest.mark.parametrize(
    ("form", "mime"),
    [("PNG", "png"), ("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp"), ("BMP", "bmp"), ("TIFF", "tiff")],
)
def test_image_file_is_kept_as_it_is_whatever_it_is_called(back, tmp_path, form, mime):
    path = tmp_path / "holiday.txt"
    PIL.Image.fromarray(RGB).save(path, form)
    by_path, by_bytes = back(epochal.Image(path)), back(epochal.Image(path.read_bytes()))
    assert by_path.mime == by_bytes.mime == f"image/{mime}"
    assert by_path.bytes() == by_bytes.bytes() == path.read_bytes()
    assert by_path.data["name"] == "holiday.txt"


def test_image_with_overlays(back):
    mask = np.array([[0, 1], [300, 2]])
    found = back(
        epochal.Image(
            RGB,
            boxes={"truth": [{"box": [0, 0, np.float32(2), 3], "label": "cat", "score": math.nan}]},
            masks={"truth": mask, "../x": torch.tensor([[True, False]])},
            classes={1: "cat", 2: "dog"},
        )
    )
    assert found.data["boxes"] == {"truth": [{"box": [0, 0, 2.0, 3], "label": "cat", "score": "NaN"}]}
    assert found.data["classes"] == {"1": "cat", "2": "dog"}
    assert [m["name"] for m in found.data["masks"]] == ["truth", "../x"]
    assert np.array_equal(found.to_numpy(found.data["masks"][0]["file"]), mask)
    assert np.array_equal(found.to_numpy("mask-1.png"), [[1, 0]])


def test_normalize_stretches_and_survives_nan(back):
    found = back(epochal.Image(np.array([[-5.0, 0.0], [5.0, math.nan]]), normalize=True))
    assert np.array_equal(found.to_numpy(), [[0, 128], [255, 0]])
    assert back(epochal.Image(np.full((2, 2), math.nan), normalize=True)).to_numpy().max() == 0
    assert back(epochal.Image(np.full((2, 2), 7.0), normalize=True)).to_numpy().max() == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.zeros((5, 6, 2)), r"ndarray float64 \(5, 6, 2\); it takes an array of height x width"),
        (np.zeros((0, 5)), "no image can be made"),
        (np.zeros((2, 3, 4, 3)), "no image can be made"),
        (np.array([[0.0, 300.0]]), "goes from 0 to 300; scale it, or pass normalize=True"),
        (np.array([[0.0, math.nan]]), "goes from nan to nan"),
        (np.array([[-1, 3]]), r"must lie in 0\.\.255"),
        (np.array([["a"]]), "no image can be made"),
        (b"no picture", "PNG, JPEG"),
        ("/nowhere/cat.png", "there is no file /nowhere/cat.png"),
        (3, "no image can be made of int 3"),
        (None, "no image can be made of NoneType None"),
    ],
    ids=["2 channels", "empty", "4-d", "range", "NaN", "negative", "text", "bytes", "path", "int", "None"],
)
def test_image_is_refused(value, reason):
    with pytest.raises(ValueRefused, match=reason):
        epochal.Image(value).encode()


def test_mask_is_refused():
    with pytest.raises(ValueRefused, match="mask 'm'"):
        epochal.Image(RGB, masks={"m": np.array([[0.5]])}).encode()


# -- figures -----------------------------------------------------------------------


def test_figure_of_matplotlib(back):
    figure = drawing()
    found = back(epochal.Figure(figure, "lines", svg=True))
    assert [f["mime"] for f in found.files] == ["image/png", "image/svg+xml"]
    assert found.to_pil().size == (640, 480)
    assert b"<svg" in found.bytes("figure.svg")
    assert found.data == {"library": "matplotlib"}


def test_the_same_figure_gives_the_same_bytes():
    figure = drawing()
    assert epochal.Figure(figure).encode().files == epochal.Figure(figure).encode().files
    assert decoded(epochal.Figure(figure, dpi=50).encode().files[0][1]).shape == (240, 320, 4)


@pytest.mark.parametrize("part", ["axes", "line", "subfigure axes", "array of axes"])
def test_a_part_of_a_figure_stands_for_the_whole(back, part):
    figure = mpl.figure.Figure()
    axes = figure.subfigures(1, 2)[0].subplots() if part == "subfigure axes" else figure.subplots(2, 2)[0, 0]
    value = {"line": axes.plot([1])[0], "array of axes": np.array([axes], dtype=object)}.get(part, axes)
    assert back(value).type == "figure"


def test_pyplot_and_its_backend_are_left_alone():
    import matplotlib.pyplot as plt

    plt.switch_backend("svg")
    plt.figure()
    kept = plt.figure()
    before = mpl.get_backend(), plt.get_fignums(), plt.gcf(), type(kept.canvas), kept.dpi, dict(mpl.rcParams)
    epochal.Figure(kept, svg=True, dpi=30).encode()
    assert epochal.Figure(plt).encode().type == "figure"
    assert (
        mpl.get_backend(),
        plt.get_fignums(),
        plt.gcf(),
        type(kept.canvas),
        kept.dpi,
        dict(mpl.rcParams),
    ) == before
    plt.close("all")
    with pytest.raises(ValueRefused, match="no figure can be made"):
        epochal.Figure(plt).encode()


def test_figure_of_plotly(back):
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, float("nan")]))
    found = back(figure)
    assert found.mime == "application/vnd.plotly.v1+json"
    assert list(found.to_plotly().data[0].x) == [1, 2]
    assert found._repr_mimebundle_()["application/vnd.plotly.v1+json"]["data"][0]["type"] == "scatter"


# -- tables ------------------------------------------------------------------------

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "\N{GRINNING FACE}"], "c": [0.1, math.nan, math.inf]})
TABLES = {
    "pandas": FRAME,
    "pandas, indexed": FRAME.set_index("b", drop=False)[["a", "b", "c"]].reset_index(drop=True),
    "polars": pl.DataFrame(
        {"a": [1, 2, 3], "b": ["x", None, "\N{GRINNING FACE}"], "c": [0.1, math.nan, math.inf]}
    ),
    "polars, lazy": pl.LazyFrame(
        {"a": [1, 2, 3], "b": ["x", None, "\N{GRINNING FACE}"], "c": [0.1, math.nan, math.inf]}
    ),
    "Arrow": pa.table(
        {"a": [1, 2, 3], "b": ["x", None, "\N{GRINNING FACE}"], "c": [0.1, math.nan, math.inf]}
    ),
    "columns": {
        "a": [1, 2, 3],
        "b": ("x", None, "\N{GRINNING FACE}"),
        "c": np.array([0.1, math.nan, math.inf]),
    },
    "dicts": [
        {"a": 1, "b": "x", "c": 0.1},
        {"a": 2, "c": math.nan},
        {"a": 3, "b": "\N{GRINNING FACE}", "c": math.inf},
    ],
}


@pytest.mark.parametrize("with_arrow", [True, False], ids=["Parquet", "JSON lines"])
@pytest.mark.parametrize("value", TABLES.values(), ids=TABLES)
def test_table_keeps_its_cells(back, monkeypatch, value, with_arrow):
    if not with_arrow:
        monkeypatch.setattr(media.columns.importlib.util, "find_spec", lambda name: None)
    found = back(epochal.Table(value, caption="cells"))
    parquet = with_arrow or isinstance(value, pl.DataFrame | pl.LazyFrame)  # polars writes its own
    assert found.mime == ("application/vnd.apache.parquet" if parquet else "application/x-ndjson")
    rows = found.rows()
    assert [row["a"] for row in rows] == [1, 2, 3]
    assert [row["b"] for row in rows] == ["x", None, "\N{GRINNING FACE}"]
    assert [str(row["c"]) for row in rows] == ["0.1", "nan", "inf"]
    assert found.data["rows"] == 3
    assert found.data["columns"] == ["a", "b", "c"]
    assert found.data["preview"][2][1:] == ["\N{GRINNING FACE}", "Infinity"]
    for frame in (found.to_pandas(), found.to_arrow().to_pandas(), found.to_polars().to_pandas()):
        assert list(frame["a"]) == [1, 2, 3]
        assert list(frame["c"].map(str)) == ["0.1", "nan", "inf"]


def test_table_of_rows(back):
    table = epochal.Table(columns=["x", "y"])
    table.add_row(1, "a")
    table.add_row(2.5, {"nested": [b"\x00", {1}]})
    found = back(table)
    assert found.rows() == [{"x": 1, "y": "a"}, {"x": 2.5, "y": {"nested": ["b'\\x00'", [1]]}}]
    assert found.mime == "application/x-ndjson"  # Parquet has no column of text and mappings
    with pytest.raises(ValueRefused, match="a row of 1 cells for 2 columns"):
        table.add_row(1)


def test_table_of_an_array(back):
    assert back(epochal.Table(np.array([[1, 2], [3, 4]]), columns=["u", "v"])).rows() == [
        {"u": 1, "v": 2},
        {"u": 3, "v": 4},
    ]
    named = np.array([(1, 2.5)], dtype=[("n", "i4"), ("x", "f8")])
    assert back(epochal.Table(named)).rows() == [{"n": 1, "x": 2.5}]


def test_table_of_pictures(back):
    found = back(
        epochal.Table([[1, epochal.Image(RGB, "one")], [2, epochal.Image(RGB[:2])]], columns=["n", "seen"])
    )
    first = found.rows()[0]["seen"]
    assert (first["media"], first["caption"]) == ("image", "one")
    assert np.array_equal(found.to_numpy(first["files"][0]), RGB)
    assert len(found.files) == 3


def test_an_index_with_a_name_is_a_column(back):
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["p", "q"], name="who"))
    assert back(frame).data["columns"] == ["who", "v"]
    assert list(back(frame).to_pandas().index) == ["p", "q"]


def test_columns_of_the_same_name_are_told_apart(back):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert back(frame).rows() == [{"a": 1, "a <2>": 2}]


def test_an_empty_table(back):
    for empty in ([], pd.DataFrame({"a": []}), {}, epochal.Table(columns=["a"])):
        assert back(empty if isinstance(empty, epochal.Table) else epochal.Table(empty)).rows() == []


def test_a_large_table_shows_its_beginning():
    data = epochal.Table(pd.DataFrame(np.zeros((5000, 3)))).encode().data
    assert data["rows"] == 5000
    assert len(data["preview"]) == media.tables.PREVIEW
    long = epochal.Table({"t": ["x" * 10_000]}).encode().data
    assert len(json.dumps(long)) < 500


ODD_COLUMNS = pd.DataFrame(
    {
        "when": pd.to_datetime(["2026-01-02", None], utc=True),
        "whole": pd.array([2**53 + 1, None], dtype="Int64"),
        "kind": pd.Categorical(["a", None]),
        "span": pd.to_timedelta([1, None], unit="s"),
        "flag": pd.array([True, None], dtype="boolean"),
    }
)


@pytest.mark.parametrize("with_arrow", [True, False], ids=["Parquet", "JSON lines"])
def test_table_of_odd_columns(back, monkeypatch, with_arrow):
    if not with_arrow:
        monkeypatch.setattr(media.columns.importlib.util, "find_spec", lambda name: None)
    found = back(ODD_COLUMNS)
    first, second = found.rows()
    assert first["whole"] == 2**53 + 1
    assert (first["kind"], first["flag"]) == ("a", True)
    assert str(first["when"]).replace("T", " ").startswith("2026-01-02 00:00:00")
    assert set(second.values()) == {None}
    assert found.data["preview"][1] == [None] * 5


def test_mappings_in_cells_keep_their_own_keys(back):
    assert back(epochal.Table({"m": [{"a": 1}, {"b": 2}]})).rows() == [{"m": {"a": 1}}, {"m": {"b": 2}}]


def test_a_large_frame_is_not_turned_into_python_objects():
    tracemalloc.start()
    epochal.Table(pd.DataFrame({"a": np.arange(2_000_000)})).encode()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000  # the integers as objects alone take 64 MB


@pytest.mark.parametrize(
    ("value", "columns", "reason"),
    [
        ({"a": [1, 2], "b": [1]}, None, "equally long; these are a: 2, b: 1"),
        ([[1, 2], [3]], None, "row 1 of the table has 1 cells, not 2"),
        ([[1, 2]], ["a"], "row 0 of the table has 2 cells, not 1"),
        (pd.DataFrame({"a": [1]}), ["a", "b"], "1 columns got 2 names"),
        ([1, 2], None, "no table can be made of list"),
        (3, None, "no table can be made of int 3; it takes a pandas"),
        (np.zeros((2, 2, 2)), None, "no table can be made of ndarray"),
    ],
    ids=["ragged dict", "ragged rows", "too few names", "too many names", "flat list", "int", "3-d"],
)
def test_table_is_refused(value, columns, reason):
    with pytest.raises(ValueRefused, match=reason):
        epochal.Table(value, columns).encode()


# -- histograms --------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [np.asarray, torch.tensor, list, pd.Series, pl.Series], ids=lambda f: f.__name__
)
def test_histogram_counts(back, make):
    found = back(epochal.Histogram(make([0.0, 1.0, 1.0, 2.0]), bins=2))
    assert found.counts.tolist() == [1, 3]
    assert found.edges.tolist() == [0, 1, 2]
    assert found.files == []
    assert (found.data["count"], found.data["min"], found.data["max"], found.data["mean"]) == (4, 0, 2, 1)


def test_histogram_leaves_out_what_is_not_finite(back):
    found = back(epochal.Histogram([1.0, math.nan, math.inf, 2.0]))
    assert found.counts.sum() == 2
    assert len(found.counts) == 64
    assert found.data["nonfinite"] == 2


@pytest.mark.parametrize(
    "values",
    [[1e308, -1e308], [1.0, np.nextafter(1.0, 2)], [5.0], [5e-324, 0], [True, False], [2**62, 2**62 + 1]],
    ids=repr,
)
def test_histogram_of_odd_numbers_counts_each(values):
    found = epochal.Histogram(values)
    assert sum(found.counts) == len(values)
    json.dumps(found.encode().data, allow_nan=False)


def test_histogram_counted_elsewhere(back):
    counts, edges = np.histogram([1, 2, 3], bins=3)
    found = back(epochal.Histogram(np_histogram=(counts, edges)))
    assert found.counts.tolist() == [1, 1, 1]
    assert found.edges.tolist() == edges.tolist()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: epochal.Histogram([math.nan]), "no finite number"),
        (lambda: epochal.Histogram([]), "no finite number"),
        (lambda: epochal.Histogram(["a"]), "no histogram can be made"),
        (lambda: epochal.Histogram(None), "no histogram|no finite"),
        (lambda: epochal.Histogram([1j]), "no histogram can be made"),
        (lambda: epochal.Histogram([1], bins=0), "1 to 4096 bins, not 0"),
        (lambda: epochal.Histogram(np_histogram=([1, 2], [0, 1])), "2 counts needs 3 edges, not 2"),
        (lambda: epochal.Histogram(np_histogram=([1], [1, 1])), "must increase"),
        (lambda: epochal.Histogram(np_histogram=([math.nan], [0, 1])), "finite"),
    ],
    ids=["NaN", "empty", "text", "None", "complex", "bins", "edges", "equal edges", "NaN counts"],
)
def test_histogram_is_refused(make, reason):
    with pytest.raises(ValueRefused, match=reason):
        make()


# -- sound, video, text, pages -----------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "channels", "width", "first"),
    [
        (np.array([0.0, 1.0, -1.0]), 1, 2, struct.pack("<3h", 0, 32767, -32767)),
        (np.array([[1, 2], [3, 4], [5, 6]], np.int16), 2, 2, struct.pack("<6h", 1, 2, 3, 4, 5, 6)),
        (np.array([1, 2], np.int32), 1, 4, struct.pack("<2i", 1, 2)),
        (np.array([0, 255], np.uint8), 1, 1, b"\x00\xff"),
        (
            torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]]),
            2,
            2,
            struct.pack("<6h", 32767, 0, 0, 0, -32767, 0),
        ),
    ],
    ids=["float", "stereo", "int32", "uint8", "tensor"],
)
def test_audio_keeps_its_samples(back, samples, channels, width, first):
    found = back(epochal.Audio(samples, sample_rate=8000))
    with wave.open(io.BytesIO(found.bytes())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (channels, width, 8000)
        assert file.readframes(file.getnframes()) == first
    assert found.data["seconds"] == file.getnframes() / 8000


def test_audio_file_is_kept(back, tmp_path):
    sound = epochal.Audio(np.zeros(10), 8000).encode().files[0][1]
    path = tmp_path / "sound.mp3"
    path.write_bytes(sound)
    assert back(epochal.Audio(path)).mime == "audio/wav"
    with path.open("rb") as file:
        assert back(epochal.Audio(file)).bytes() == sound


@pytest.mark.parametrize(
    ("value", "rate", "reason"),
    [
        (np.zeros(3), None, "needs its sample_rate"),
        (np.array([0.0, 3.0]), 8000, "reaches 3"),
        (np.array([0.0, math.nan]), 8000, "reaches nan"),
        (np.zeros((2, 2, 2)), 8000, "no sound can be made"),
        (b"noise", None, "a WAV, FLAC"),
        (object(), 8000, "no sound can be made of object"),
    ],
    ids=["rate", "loud", "NaN", "3-d", "bytes", "object"],
)
def test_audio_is_refused(value, rate, reason):
    with pytest.raises(ValueRefused, match=reason):
        epochal.Audio(value, rate).encode()


def test_video_of_frames_moves(back):
    frames = np.random.default_rng(0).integers(0, 255, (4, 6, 7, 3), dtype=np.uint8)
    for value in (frames, torch.from_numpy(frames).permute(0, 3, 1, 2)):
        found = back(epochal.Video(value, fps=2))
        assert (found.type, found.mime) == ("video", "image/apng")
        shown = PIL.Image.open(io.BytesIO(found.bytes()))
        assert shown.n_frames == 4
        for index in range(4):
            shown.seek(index)
            assert np.array_equal(np.asarray(shown.convert("RGB")), frames[index])
            assert shown.info["duration"] == 500
    assert found.data == {"frames": 4, "fps": 2.0, "height": 6, "width": 7}


def test_video_file_is_kept(back):
    clip = b"\x00\x00\x00\x18ftypmp42" + bytes(20)
    assert back(epochal.Video(clip)).mime == "video/mp4"
    assert (
        back(epochal.Video(epochal.Video(np.zeros((2, 2, 2, 3))).encode().files[0][1])).mime == "image/apng"
    )
    assert back(epochal.Video(b"exotic", mime="video/exotic")).mime == "video/exotic"
    with pytest.raises(ValueRefused, match="an MP4, WebM"):
        epochal.Video(b"exotic").encode()
    with pytest.raises(ValueRefused, match="frames x height"):
        epochal.Video(np.zeros((2, 2, 2))).encode()


def test_text_and_page(back, tmp_path):
    text = back(epochal.Text("line\n\udc80" * 1000))
    assert text.text() == "line\n\\udc80" * 1000
    assert len(text.data["preview"]) == 500
    page = tmp_path / "page.html"
    page.write_text("<b>bold</b>")
    assert back(epochal.Html("<script>alert(1)</script>")).text() == "<script>alert(1)</script>"
    assert (
        back(epochal.Html(page)).text()
        == back(epochal.Html(io.StringIO("<b>bold</b>"))).text()
        == "<b>bold</b>"
    )
    assert "<table" in back(epochal.Html(FRAME)).text()
    assert "text/html" not in back(epochal.Html(page))._repr_mimebundle_()
    for refused in (epochal.Text(3), epochal.Html(3)):
        with pytest.raises(ValueRefused):
            refused.encode()


# -- wrap, plugins, reading --------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (FRAME, "table"),
        (pl.DataFrame({"a": [1]}), "table"),
        (pa.table({"a": [1]}), "table"),
        (RGB, "image"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "image"),
        (np.eye(3, dtype=bool), "image"),
        (np.eye(3), "table"),
        (np.arange(5), "table"),
        (PIL.Image.new("RGB", (2, 2)), "image"),
        (go.Figure(), "figure"),
        ([epochal.Image(RGB), epochal.Image(RGB)], "image"),
    ],
    ids=[
        "pandas",
        "polars",
        "Arrow",
        "pixels",
        "tensor",
        "mask",
        "matrix",
        "vector",
        "PIL",
        "plotly",
        "list",
    ],
)
def test_wrap_knows(back, value, kind):
    assert back(value).type == kind


LEFT_ALONE = [
    *(None, 1, 1.5, "text", b"bytes", {}, [], [1, 2], [RGB], object(), pd.Timestamp(0), torch.tensor(1.0)),
    *(np.float32(1), np.array(1), np.array([[1]], np.uint8), np.zeros((200, 200)), np.zeros((3, 3, 3, 3))),
    *(np.array([[object()]]), [epochal.Image(RGB), epochal.Text("")]),
]


@pytest.mark.parametrize("value", LEFT_ALONE, ids=lambda v: f"{type(v).__name__} {getattr(v, 'shape', '')}")
def test_wrap_leaves_alone(value):
    assert media.wrap(value) is None


def test_several_of_a_kind_are_one_medium(back):
    found = back([epochal.Image(RGB, "first"), epochal.Image(RGB[:2])])
    assert [item["caption"] for item in found.data["items"]] == ["first", None]
    assert [f["path"] for f in found.files] == ["0-image.png", "1-image.png"]
    assert np.array_equal(found.to_numpy("1-image.png"), RGB[:2])


class Molecule:
    formula = "H2O"


class Molecules:
    """An encoder as a plugin would add it."""

    name = "molecules"
    types = (f"{__name__}:Molecule",)

    def encode(self, value):
        return epochal.Text(value.formula, caption="a molecule")


class Broken(Molecules):
    def encode(self, value):
        raise RuntimeError("no such atom")


def encoders(encoder):
    from epochal.hooks import hookimpl

    class Plugin:
        @hookimpl
        def encoders(self):
            return [encoder]

    return Plugin()


def test_an_encoder_of_a_plugin_is_asked_last(back):
    with plugins.using(chemistry=encoders(Molecules())):
        assert back(Molecule()).text() == "H2O"
    assert media.wrap(Molecule()) is None


def test_a_broken_encoder_is_reported_and_harms_nothing(monkeypatch):
    from epochal import errors

    monkeypatch.setattr(errors, "strict", True)
    monkeypatch.setattr(errors, "swallowed", [])
    with plugins.using(chemistry=encoders(Broken())):
        assert media.wrap(Molecule()) is None
    assert [str(error) for error in errors.swallowed] == ["no such atom"]


def test_what_is_not_there_is_said(back, tmp_path):
    found = back(epochal.Image(RGB))
    with pytest.raises(NotFound, match=r"no file 'x'; there are: image\.png"):
        found.bytes("x")
    with pytest.raises(NotFound, match="is no table"):
        found.rows()
    with pytest.raises(NotFound, match="has no counts"):
        _ = found.counts
    assert [path.read_bytes() for path in found.save(tmp_path / "out")] == [found.bytes()]
    assert repr(found) == f"<image 'key', step=3, image/png, {len(found.bytes())} bytes>"


def test_a_table_in_a_notebook_runs_no_script(back):
    found = back(epochal.Table({"<script>": ["<img onerror=x>"]}))
    shown = found._repr_mimebundle_()["text/html"]
    assert "<script>" not in shown
    assert "<img" not in shown


@pytest.mark.parametrize(
    "medium",
    [
        epochal.Image(RGB, "c"),
        epochal.Figure(mpl.figure.Figure()),
        epochal.Table(FRAME),
        epochal.Histogram([1, 2]),
        epochal.Text("t"),
        epochal.Html("h"),
        epochal.Audio(np.zeros(3), 8000),
        epochal.Video(np.zeros((1, 2, 2, 3))),
        media.wrap([epochal.Text("a")]),
    ],
    ids=lambda medium: type(medium).__name__,
)
def test_every_medium_says_what_it_is(medium):
    assert repr(medium).startswith(f"epochal.{type(medium).__name__}(")
    assert len(repr(medium)) < 200


def test_nothing_random_and_nothing_of_the_user_is_touched():
    frame, pixels = FRAME.copy(), RGB.copy()
    states = random_states()
    for value in (FRAME, RGB, drawing(), go.Figure()):
        media.wrap(value).encode()
    epochal.Histogram(RGB).encode()
    pd.testing.assert_frame_equal(frame, FRAME)
    assert np.array_equal(pixels, RGB)
    assert (
        random.getstate(),
        np.random.get_state()[1].tobytes(),
        torch.get_rng_state().numpy().tobytes(),
    ) == states


def test_looking_at_a_value_imports_no_library():
    program = """
import sys
import numpy as np
from epochal import media
media.wrap(np.eye(3))
media.wrap(object())
media.Table([[1, 2]]).encode()
media.Image(np.eye(3, dtype=bool)).encode()
media.Histogram([1]).encode()
libraries = ("pandas", "polars", "pyarrow", "matplotlib", "plotly", "PIL", "torch")
print([name for name in libraries if name in sys.modules])
"""
    found = programs.python(program)
    assert found.stdout.strip() == "[]"

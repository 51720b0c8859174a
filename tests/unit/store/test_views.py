from __future__ import annotations

import datetime as dt
import json
import math
import sys

import numpy as np
import pytest

import epochal
from epochal import journal
from epochal.errors import EpochalError, NotFound, StoreError
from epochal.store import Store

HOSTILE = "<script>alert('x')</script>\x1b[31m"


def _fill(book, make_id, count=30):
    for number in range(count):
        uuid = make_id(number)
        book.write(
            book.lines(
                (
                    "params",
                    {"values": {"lr": 0.1 * number, "model": "rf" if number % 2 else "svm", "same": 1}},
                ),
                ("metrics", {"step": 0, "values": {"acc": number / count}}),
                ("metrics", {"step": 1, "values": {"acc": number / count / 2, "loss": 1.0}}),
                ("tags", {"values": {"team": "a"}}),
                ("end", {"status": "finished"}),
                run=uuid,
                name=f"run{number}",
                project="iris" if number % 3 else "wine",
                begin=1_763_900_000.0 + number,
            ),
            uuid,
        )
    return book.open()


def test_a_run_with_everything(book, make_id):
    book.write(
        book.lines(
            ("config", {"values": {"opt": {"lr": 0.1}}}),
            ("define", {"metric": "acc*", "summary": "best", "goal": "maximize", "step_metric": "epoch"}),
            ("metrics", {"step": 0, "values": {"acc": 0.9, "loss": 3.0, "n": 5}}),
            ("metrics", {"step": 1, "values": {"acc": 0.5, "loss": "NaN"}}),
            ("metrics", {"step": 2, "values": {"acc": 0.7, "loss": 1.0}}),
            ("summary", {"values": {"verdict": "good", "n": 50}}),
            (
                "artifact",
                {"name": "m", "type": "model", "files": [], "size": 0, "digest": "d", "metadata": {"v": 1}},
            ),
            (
                "artifact",
                {"name": "m", "type": "model", "files": [], "size": 0, "digest": "d", "metadata": {"v": 2}},
            ),
            (
                "artifact",
                {
                    "name": "f",
                    "type": "file",
                    "files": [{"path": "f", "digest": "0", "size": 3}],
                    "size": 3,
                    "digest": "d",
                },
            ),
            (
                "media",
                {"key": "k", "step": 4, "type": "text", "files": [], "data": {"text": "t"}, "caption": "c"},
            ),
            ("text", {"stream": "stdout", "text": "out\n"}),
            ("text", {"stream": "stderr", "text": "err\n"}),
            ("note", {"name": "environment", "data": {"python": "3"}}),
            ("note", {"name": "git", "data": {"commit": "c"}}),
            ("system", {"values": {"cpu": 5}}),
            (
                "end",
                {
                    "status": "failed",
                    "error": {"type": "ValueError", "text": "no", "traceback": "tb"},
                    "dropped": 2,
                },
            ),
            notes="why",
            source="script",
            user="u",
            host="h",
            job_type="train",
            tags={"a": "1"},
        )
    )
    run = epochal.run(make_id()[:14], store=book.open())
    assert run.config == {"opt": {"lr": 0.1}}
    assert run.params == {"opt.lr": 0.1}
    assert run.metrics == {"acc": 0.9, "loss": 1.0, "n": 50.0}
    assert run.summary == {"acc": 0.9, "loss": 1.0, "n": 50, "verdict": "good"}
    acc, loss = run.metric("acc"), run.metric("loss")
    assert (acc.value, acc.last, acc.min, acc.max, acc.best, acc.count, acc.goal, acc.step_metric) == (
        0.9, 0.7, 0.5, 0.9, 0.9, 3, "maximize", "epoch")  # fmt: skip
    assert (loss.value, loss.mean, loss.best, loss.last_step, loss.goal) == (1.0, 2.0, 1.0, 2, None)
    assert run.status == "failed"
    assert (run.error.type, run.error["text"]) == ("ValueError", "no")
    assert [one.metadata for one in run.models] == [{"v": 2}]
    assert [one["name"] for one in run.files] == ["f"]
    assert book.open().artifact(make_id(), "m").metadata == {"v": 2}
    assert book.open().artifact(make_id(), "nothing") is None
    assert [(one.key, one.step, one.caption) for one in run.media("k")] == [("k", 4, "c")]
    assert run.media("other") == []
    assert run.console() == "out\nerr\n"
    assert run.console("stderr") == "err\n"
    assert (run.environment, run.git, run.note("none")) == ({"python": "3"}, {"commit": "c"}, None)
    assert run.system()["cpu"].values.tolist() == [5.0]
    assert (run.notes, run.source, run.user, run.host, run.job_type) == ("why", "script", "u", "h", "train")
    assert run.created == dt.datetime.fromtimestamp(1_763_900_000, dt.UTC)
    assert run.duration == pytest.approx(0.016, abs=1e-6)
    assert run.keys() == ["acc", "loss", "n"]
    assert run.dropped == 2
    assert not run.damage
    assert journal.run_folder(book.root, make_id()).as_uri() == run.url


@pytest.mark.parametrize(
    ("defines", "value"),
    [
        ([], 2.0),
        ([{"metric": "x", "summary": "min"}], 1.0),
        ([{"metric": "x", "summary": "max"}], 3.0),
        ([{"metric": "x", "summary": "mean"}], 2.0),
        ([{"metric": "x", "summary": "max"}, {"metric": "*", "summary": "min"}], 1.0),
        ([{"metric": "y*", "summary": "max"}], 2.0),
        ([{"metric": "x", "summary": "best"}], 1.0),
        ([{"metric": "x", "summary": "best", "goal": "maximize"}], 3.0),
        ([{"metric": "x", "goal": "minimize"}], 1.0),
        ([{"metric": "x", "summary": "min"}, {"metric": "x", "summary": "last"}], 2.0),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["before the points", "after the points"])
def test_summaries(book, make_id, defines, value, late):
    points = [("metrics", {"step": s, "values": {"x": v}}) for s, v in enumerate([3.0, 1.0, 2.0])]
    told = [("define", one) for one in defines]
    book.write(book.lines(*([*points, *told] if late else [*told, *points])))
    assert book.open().run(make_id()).metrics == {"x": value}


def test_a_summary_that_was_never_logged_can_be_searched(book, make_id):
    book.write(book.lines(("summary", {"values": {"score": 5, "word": "w"}})))
    store = book.open()
    assert [run.id for run in store.runs("metrics.score > 4")] == [make_id()]
    assert store.run(make_id()).metrics == {"score": 5.0}
    assert store.run(make_id()).summary == {"score": 5, "word": "w"}


def test_nan_is_a_value(book, make_id):
    book.write(book.lines(("metrics", {"step": 0, "values": {"x": "NaN"}})))
    run = book.open().run(make_id())
    assert math.isnan(run.metrics["x"])
    assert run.history("x", buckets=3).count.tolist() == [1]
    assert np.isnan(run.history("x", buckets=3).min).all()


# -- lists -------------------------------------------------------------------------


def test_a_list_is_a_sequence_read_in_pages(book, make_id):
    store = _fill(book, make_id, 230)
    found = epochal.runs(store=store)
    assert len(found) == 230
    names = [run.name for run in found]
    assert names == [f"run{n}" for n in reversed(range(230))]
    assert found[0].name == "run229"
    assert found[-1].name == "run0"
    assert [run.name for run in found[100:103]] == ["run129", "run128", "run127"]
    assert found[229] == found[-1]
    with pytest.raises(IndexError):
        found[230]
    assert len(epochal.runs("params.model = 'rf' limit 7", store=store)) == 7
    assert len(list(epochal.runs("limit 150", store=store))) == 150
    assert len(epochal.runs(limit=150, store=store)) == 150
    assert len(epochal.runs("limit 9", limit=3, store=store)) == 3
    assert list(epochal.runs(limit=0, store=store)) == []
    assert len(epochal.runs(project="wine", store=store)) == 77
    assert store.projects() == {"iris": 153, "wine": 77}
    page = store.query("order by created", offset=100, limit=2)
    assert [run.name for run in page] == ["run100", "run101"]
    assert page[0].metrics == {"acc": pytest.approx(100 / 230 / 2), "loss": 1.0}


def test_children_and_parents(book, make_id):
    book.write(book.lines(run=make_id(0)), make_id(0))
    for number in (1, 2):
        book.write(book.lines(run=make_id(number), parent=make_id(0), name=f"c{number}"), make_id(number))
    store = book.open()
    assert [run.id for run in store.runs()] == [make_id(0)]
    assert len(store.runs(children=True)) == 3
    assert {run.name for run in store.run(make_id(0)).children} == {"c1", "c2"}
    assert store.run(make_id(1)).parent == make_id(0)


def test_repr_is_a_table_cut_to_the_terminal(book, make_id, monkeypatch):
    store = _fill(book, make_id)
    monkeypatch.setenv("COLUMNS", "80")
    text = repr(store.runs())
    lines = text.split("\n")
    assert lines[0].split()[:3] == ["name", "project", "id"]
    assert len(lines) == 2 + 20 + 1
    assert all(len(line) <= 80 for line in lines[:21])
    assert "30 runs, the first 20 shown" in text
    assert " acc " in text
    assert "same" not in text
    monkeypatch.setenv("COLUMNS", "200")
    assert "model" in repr(store.runs())
    assert repr(store.runs("name = 'zzz'")).startswith("no runs")


def test_hostile_names_are_escaped(book, make_id):
    book.write(book.lines(
        ("params", {"values": {HOSTILE: HOSTILE}}), ("metrics", {"step": 0, "values": {HOSTILE: 1.0}}),
        ("tags", {"values": {HOSTILE: HOSTILE}}), name=HOSTILE, project=HOSTILE,
    ))  # fmt: skip
    store = book.open()
    for text in (store.runs()._repr_html_(), store.run(make_id())._repr_html_()):
        assert "<script" not in text
        assert "&lt;script" in text
    assert "\x1b" not in repr(store.runs()) + repr(store.run(make_id()))


def test_frames(book, make_id):
    store = _fill(book, make_id)
    book.write(
        book.lines(("params", {"values": {"lr": "auto", "big": 2**70, "d": [1]}}), run=make_id(99)),
        make_id(99),
    )
    found = book.open().runs("order by created")
    frame = found.to_pandas()
    assert list(frame.columns) == [
        "run_id",
        "name",
        "project",
        "status",
        "created",
        "duration",
        "params.big",
        "params.d",
        "params.lr",
        "params.model",
        "params.same",
        "metrics.acc",
        "metrics.loss",
        "tags.team",
    ]
    assert len(frame) == 31
    assert str(frame["created"].dtype).endswith("UTC]")
    row = frame[frame["name"] == "run3"].iloc[0]
    assert (row["run_id"], row["params.model"], row["metrics.acc"]) == (make_id(3), "rf", 3 / 30 / 2)
    polars = found.to_polars()
    assert polars.shape == (31, 14)
    assert polars["metrics.acc"].drop_nulls().to_list() == frame["metrics.acc"].dropna().to_list()
    assert polars["metrics.acc"].null_count() == frame["metrics.acc"].isna().sum() == 1
    arrow = found.to_arrow()
    assert arrow.num_rows == 31
    assert arrow.column("run_id").to_pylist() == frame["run_id"].to_list()
    assert len(store.runs("name = 'nobody'").to_pandas()) == 0
    assert store.runs("name = 'nobody'").to_arrow().num_rows == 0
    assert store.runs("name = 'nobody'").to_polars().shape[0] == 0


def test_a_missing_library_is_said(book, make_id, monkeypatch):
    store = _fill(book, make_id, 1)
    for module, name in (("pandas", "to_pandas"), ("polars", "to_polars"), ("pyarrow", "to_arrow")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(EpochalError, match=r"pip install 'epochal\["):
            getattr(store.runs(), name)()


def test_history_as_a_frame(book, make_id):
    _fill(book, make_id, 1)
    frame = book.open().run(make_id()).history("acc").to_pandas()
    assert list(frame.columns) == ["step", "time", "value"]
    assert frame["time"][0].timestamp() == 1_763_900_000.002


# -- finding -----------------------------------------------------------------------


def test_finding_a_run(book, make_id):
    store = _fill(book, make_id, 3)
    assert store.run(make_id(1)).name == "run1"
    assert store.run(make_id(1).upper()).name == "run1"
    assert store.run("run2").id == make_id(2)
    assert store.find_run("run2") == make_id(2)
    for name, message in (
        ("019", "more than one run"),
        ("run9", "did you mean run"),
        ("zzz", "the latest are"),
        ("", "no run ''"),
    ):
        with pytest.raises(NotFound, match=message):
            store.run(name)
    with pytest.raises(NotFound, match="no metric 'ac'; it has acc"):
        store.run("run1").history("ac")
    with pytest.raises(NotFound, match="no metric"):
        store.run("run1").metric("zzz")


def test_an_empty_store(book):
    assert list(book.open().runs()) == []
    assert repr(book.open().runs()) == "no runs"
    with pytest.raises(NotFound, match="no runs yet"):
        book.open().run("x")


def test_comparing(book, make_id):
    store = _fill(book, make_id, 3)
    differences = store.compare([make_id(1), make_id(2)])
    assert differences["params"] == {"lr": [0.1, 0.2], "model": ["rf", "svm"]}
    assert differences["metrics"] == {"acc": [1 / 3 / 2, 2 / 3 / 2]}
    assert differences["tags"] == {}
    assert differences["attributes"]["name"] == ["run1", "run2"]


# -- changing ----------------------------------------------------------------------


def test_changing_a_finished_run(book, make_id):
    store = _fill(book, make_id, 2)
    run = store.run("run1")
    run.rename("better")
    run.set_tags({"team": None, "stage": 3})
    run.set_notes("so it was")
    assert (run.name, run.tags, run.notes, run.status) == ("better", {"stage": "3"}, "so it was", "finished")
    store.rebuild()
    again = store.run("better")
    assert (again.tags, again.notes, again.status, again.ended) == (
        {"stage": "3"},
        "so it was",
        "finished",
        run.ended,
    )
    assert book.markers() == []


def test_the_bin(book, make_id):
    store = _fill(book, make_id, 2)
    run = store.run("run1")
    run.delete()
    assert run.deleted
    assert [r.name for r in store.runs()] == ["run0"]
    assert [r.name for r in store.runs(deleted=True)] == ["run1"]
    assert len(store.runs(deleted=None)) == 2
    run.undelete()
    assert len(store.runs()) == 2


def test_purging(book, make_id):
    store = _fill(book, make_id, 2)
    run = store.run("run1")
    book.hold(run.id)
    with pytest.raises(StoreError, match="being written"):
        run.purge()
    book.let_go()
    run.purge()
    assert [r.name for r in store.runs(deleted=None)] == ["run0"]
    assert not journal.run_folder(book.root, run.id).exists()
    with store.connect() as connection:
        for table in ("param", "metric", "series", "chunk", "source", "tag"):
            rows = connection.exec_driver_sql(f"select count(*) from {table}").scalar()
            assert rows <= 4
    store.rebuild()
    assert len(store.runs()) == 1


def test_changing_a_run_while_it_is_written(book, make_id):
    book.write(book.lines(("tags", {"values": {"a": "1"}})))
    book.hold()
    run = book.open().run(make_id())
    run.set_tags({"b": "2"})
    assert (run.status, run.tags) == ("running", {"a": "1", "b": "2"})


def test_doctor(book, make_id):
    store = _fill(book, make_id, 2)
    status = store.status()
    assert (status["runs"], status["journals"], status["points"], status["open_journals"]) == (2, 2, 6, 0)
    assert status["damage"] == []
    assert json.dumps(status)


def test_the_default_store_is_that_of_the_settings(book, make_id, monkeypatch):
    _fill(book, make_id, 1)
    monkeypatch.setenv("EPOCHAL_STORE", str(book.root))
    assert epochal.run("run0").id == make_id(0)
    assert Store.open().root == book.root

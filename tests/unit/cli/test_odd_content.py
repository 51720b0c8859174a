"""Whatever a plugin or a user wrote into a run, the rest of the run can be seen."""

from __future__ import annotations

import pytest

import epochal

ODD = [-1.5, "NaN", [1, "a", None], None, {}, {"a": {"b": [5]}}]
NOTES = {
    "environment": ["gpus", "command", "python", "cpu", "memory", "host", "platform"],
    "git": ["commit", "branch", "dirty"],
    "dataset/train": ["shape", "rows", "target", "fingerprint", "columns"],
}
MEDIA = {
    "table": ["columns", "preview", "rows"],
    "histogram": ["counts", "edges", "mean"],
    "figure": ["series", "matrix", "labels", "names", "values", "x_label"],
    "text": ["preview"],
    "hologram": ["data"],
}
BASE = {
    "table": {"columns": ["a", "rank"], "preview": [[1, 2]], "rows": 1},
    "histogram": {"counts": [1], "edges": [0, 1]},
    "figure": {"series": [{"name": "n", "x": [0, 1], "y": [0, 1]}], "x_label": "x", "y_label": "y"},
}


def check(call):
    for args in (["show", "odd"], ["show", "odd", "--json"], ["compare", "odd", "plain"], ["runs"]):
        code, out, err = call(*args)
        assert (code, err) == (0, ""), (args, err)
        assert "mistake" not in out
    assert "sound" in call("show", "odd")[1]


def write(events):
    epochal.start_run(name="plain").finish()
    with epochal.start_run(name="odd", config={"sound": 1}) as run:
        for kind, data in events:
            run.event(kind, data)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_notes(call, root, odd):
    write([("note", {"name": name, "data": odd}) for name in NOTES])
    check(call)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_parts_of_notes(call, root, odd):
    events = [("note", {"name": name, "data": dict.fromkeys(keys, odd)}) for name, keys in NOTES.items()]
    inner = {"target": {"classes": {"a": odd}}, "shape": [odd]}
    write([*events, ("note", {"name": "dataset/x", "data": inner})])
    check(call)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", MEDIA)
def test_odd_media(call, root, kind, odd):
    base = {"step": 0, "type": kind, "files": []}
    events = [("media", base | {"key": "all", "data": dict.fromkeys(MEDIA[kind], odd)})]
    events += [("media", base | {"key": key, "data": BASE.get(kind, {}) | {key: odd}}) for key in MEDIA[kind]]
    events += [
        ("media", base | {"key": f"row {key}", "data": BASE.get(kind, {}) | {key: [odd]}})
        for key in MEDIA[kind]
    ]
    write(events)
    check(call)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_models(call, root, odd):
    keys = ("signature", "class", "flavor", "requirements")
    model = {"name": "m", "type": "model", "files": [], "size": 3, "digest": "d"}
    events = [("artifact", model | {"name": key, "metadata": {key: odd}}) for key in keys]
    events.append(
        ("artifact", model | {"metadata": {"signature": {"inputs": {"columns": odd, "shape": odd}}}})
    )
    events.append(
        (
            "artifact",
            model | {"name": "n", "metadata": {"signature": {"inputs": {"columns": [odd], "shape": [odd]}}}},
        )
    )
    write(events)
    check(call)

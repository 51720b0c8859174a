from __future__ import annotations

import argparse
import dataclasses
import json
import os
import threading

import numpy as np
import pytest

import epochal
from epochal import context, errors, journal, settings
from epochal.testing import programs


def of_kind(records, run, kind):
    return [record.data for record in records(run.id) if record.kind == kind]


def test_a_run_from_start_to_end(root, records):
    with epochal.start_run(
        project="iris", name="rf", config={"n": 100}, tags=["quick"], notes="first"
    ) as run:
        assert epochal.active_run() is run
        run.log({"accuracy": 0.96}, step=1)
    start, config, metrics, end = records(run.id)
    assert start.kind == "start"
    assert {k: start.data[k] for k in ("project", "name", "tags", "notes")} == {
        "project": "iris", "name": "rf", "tags": {"quick": ""}, "notes": "first",
    }  # fmt: skip
    assert config.data == {"values": {"n": 100}}
    assert metrics.data == {"step": 1, "values": {"accuracy": 0.96}}
    assert end.data == {"status": "finished", "emitted": 4}
    assert epochal.active_run() is None
    assert run.status == "finished"


def test_module_functions_act_on_the_active_run(root, records, tmp_path):
    with pytest.raises(epochal.EpochalError, match=r"start one with epochal.start_run\(\)"):
        epochal.log({"x": 1})
    (tmp_path / "data.csv").write_text("a\n1\n")
    run = epochal.start_run()
    epochal.log({"x": 1})
    epochal.log_params({"a": {"b": 2}})
    epochal.set_tags({"team": "a"})
    epochal.set_notes("why")
    epochal.define_metric("x", summary="max")
    epochal.log_artifact(tmp_path / "data.csv")
    epochal.log_text("hello", "note.txt")
    epochal.log_dict({"a": 1}, "a.json")
    epochal.config.lr = 0.1
    epochal.summary["best"] = 3
    epochal.finish()
    epochal.finish()
    kinds = [record.kind for record in records(run.id)]
    assert kinds == [
        "start",
        "metrics",
        "params",
        "tags",
        "update",
        "define",
        *["artifact"] * 3,
        "config",
        "summary",
        "end",
    ]
    assert of_kind(records, run, "params") == [{"values": {"a.b": 2}}]
    with pytest.raises(AttributeError, match="no run is active"):
        _ = epochal.config


def test_steps_are_kept_as_they_come(root, records):
    with epochal.start_run() as run:
        for step in (None, None, 5, None, 5, -3, None, 2**62, np.int64(4), 7.0):
            run.log({"x": 1.0}, step=step)
        run.log({"x": 1.0}, step=1.5)
        run.log({"x": 1.0}, step=2**63)
        run.log({"x": 1.0}, step="two")
    assert [d["step"] for d in of_kind(records, run, "metrics")] == [0, 1, 5, 6, 5, -3, -2, 2**62, 4, 7]
    assert run.refused == 3


def test_numbers_are_kept_exactly_or_refused_by_name_and_the_rest_is_kept(root, records, caplog):
    class Hostile:
        def __float__(self):
            raise RuntimeError("no")

    with epochal.start_run() as run:
        run.log(
            {"nan": float("nan"), "inf": np.float32("inf"), "ninf": -np.inf, "zero": -0.0, "tiny": 1e-320},
            step=0,
        )
        run.log(
            {
                "half": np.float16(0.1),
                "int": 3,
                "big": 2**53 + 1,
                "text": "x",
                "hostile": Hostile(),
                "ok": True,
            }
        )
        run.log({"\ud800": 1.0, "": 1.0, "fine": 2.0})
        run.log([1, 2])
        run.log({"a": {"b": {"c": 1}}})
    first, second, third, nested = of_kind(records, run, "metrics")
    assert first["values"] == {
        "nan": "NaN",
        "inf": "Infinity",
        "ninf": "-Infinity",
        "zero": -0.0,
        "tiny": 1e-320,
    }
    assert str(first["values"]["zero"]) == "-0.0"
    assert second["values"] == {"half": float(np.float16(0.1)), "int": 3, "ok": 1}
    assert third["values"] == {"fine": 2.0}
    assert nested["values"] == {"a/b/c": 1}
    assert run.refused == 6
    for name in ("big", "text", "hostile"):
        assert f"'{name}' was not logged" in caplog.text
    assert of_kind(records, run, "end")[0]["refused"] == 6


def test_strict_raises_what_is_otherwise_a_warning(root):
    with (
        settings.override(strict=True),
        epochal.start_run() as run,
        pytest.raises(ValueError, match="was not logged"),
    ):
        run.log({"x": "text"})


def test_media_among_the_numbers(root, records):
    with epochal.start_run() as run:
        run.log({"loss": 0.5, "picture": epochal.Image(np.zeros((4, 4), np.uint8), caption="dark")}, step=3)
        run.log_media("weights", epochal.Histogram(np.arange(100.0)))
        with pytest.raises(errors.ValueRefused, match="'x'"):
            run.log_media("x", object())
    picture, weights = of_kind(records, run, "media")
    assert (picture["key"], picture["step"], picture["type"], picture["caption"]) == (
        "picture",
        3,
        "image",
        "dark",
    )
    from epochal.artifacts.objects import Objects

    assert Objects(root).read(picture["files"][0]["digest"]).startswith(b"\x89PNG")
    assert weights["type"] == "histogram"
    assert of_kind(records, run, "metrics")[0]["values"] == {"loss": 0.5}


def test_config_is_read_and_written_in_every_way(root, records, tmp_path):
    @dataclasses.dataclass
    class Options:
        depth: int = 3

    with epochal.start_run(config={"lr": 0.1, "optimizer": {"name": "adam", "betas": (0.9, 0.99)}}) as run:
        assert run.config.lr == run.config["lr"] == 0.1
        assert run.config.optimizer.betas == (0.9, 0.99)
        run.config.optimizer.name = "sgd"
        run.config.update(argparse.Namespace(epochs=3), Options(), seed=1)
        (tmp_path / "c.json").write_text('{"from_json": 1}')
        (tmp_path / "c.yaml").write_text("from_yaml: [1, 2]")
        run.config.update(tmp_path / "c.json", str(tmp_path / "c.yaml"))
        with pytest.raises(AttributeError, match="no 'missing' in the config; there are: lr, optimizer"):
            _ = run.config.missing
        with pytest.raises(errors.EpochalError, match="can be set again"):
            del run.config["lr"]
        with pytest.raises(errors.EpochalError, match="from a list"):
            run.config.update([1])
        with pytest.raises(errors.EpochalError, match=r"nothing\.json cannot be read"):
            run.config.update(tmp_path / "nothing.json")
    merged = {}
    for data in of_kind(records, run, "config"):
        merged.update(data["values"])
    assert merged == {
        "lr": 0.1, "optimizer": {"name": "sgd", "betas": [0.9, 0.99]}, "epochs": 3, "depth": 3, "seed": 1,
        "from_json": 1, "from_yaml": [1, 2],
    }  # fmt: skip
    assert merged == json.loads(json.dumps(run.config.to_dict()))


def test_summary_is_the_last_value_or_what_was_defined_or_set(root):
    with epochal.start_run() as run:
        run.define_metric("val/*", summary="min")
        run.define_metric("acc", summary="best", goal="maximize")
        run.define_metric("mean", summary="mean")
        for i, loss in enumerate((3.0, 1.0, 2.0)):
            run.log({"loss": loss, "val/loss": loss, "acc": loss, "mean": loss}, step=i)
        assert dict(run.summary) == {"loss": 2.0, "val/loss": 1.0, "acc": 3.0, "mean": 2.0}
        run.summary["loss"] = 0
        assert run.summary["loss"] == 0
        for wrong in ({"summary": "median"}, {"goal": "up"}, {"summary": "best"}):
            with pytest.raises(errors.EpochalError):
                run.define_metric("x", **wrong)


def test_nested_runs_and_runs_in_each_others_way(root, records):
    with epochal.start_run(name="outer") as outer:
        with pytest.raises(errors.EpochalError, match="pass nested=True"):
            epochal.start_run()
        with epochal.start_run(nested=True) as inner:
            assert epochal.active_run() is inner
        assert epochal.active_run() is outer
        with outer.child(name="fold 1") as fold:
            assert epochal.active_run() is outer
    assert of_kind(records, inner, "start")[0]["parent"] == outer.id
    assert of_kind(records, fold, "start")[0]["parent"] == outer.id


def test_a_cell_run_fifty_times_leaves_one_run_open(root):
    cells = [epochal.start_run() for _ in range(50)]
    assert [run.status for run in cells] == ["superseded"] * 49 + ["running"]
    assert context.open_runs() == [cells[-1]]
    epochal.finish()
    assert context.open_runs() == []


def test_a_run_ended_by_an_exception_tells_which(root, records):
    with pytest.raises(ZeroDivisionError), epochal.start_run() as run:
        _ = 1 / 0
    end = of_kind(records, run, "end")[0]
    assert end["status"] == run.status == "failed"
    assert end["error"]["type"] == "ZeroDivisionError"
    assert end["error"]["text"] == "ZeroDivisionError: division by zero"
    assert "test_tracking.py" in end["error"]["traceback"]
    with pytest.raises(ValueError, match="hunter2"), epochal.start_run() as secret:
        raise ValueError("cannot connect to postgresql://me:hunter2@host/db")
    assert "hunter2" not in str(of_kind(records, secret, "end")[0])
    with pytest.raises(SystemExit), epochal.start_run() as quiet:
        raise SystemExit(0)
    assert quiet.status == "finished"


def test_threads_log_into_the_users_run(root, records):
    with epochal.start_run() as run:
        threads = [threading.Thread(target=lambda n=n: epochal.log({f"t{n}": 1.0})) for n in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert len(of_kind(records, run, "metrics")) == 4


def test_a_managed_run_is_seen_only_in_its_own_context(root):
    seen = []
    with context.managed_run("test") as run:
        assert context.current_run() is run
        thread = threading.Thread(target=lambda: seen.append(context.current_run()))
        thread.start()
        thread.join()
    assert seen == [None]
    assert run.status == "finished"
    with pytest.raises(KeyError), context.managed_run("test") as failed:
        raise KeyError("x")
    assert failed.status == "failed"


def test_a_forked_child_logs_into_a_file_of_its_own_and_ends_nothing(root, records):
    script = """
import os, epochal
run = epochal.start_run()
run.log({"before": 1.0})
if not os.fork():
    epochal.log({"child": 2.0})
    epochal.finish()
    os._exit(0)
os.wait()
assert run.status == "running"
run.log({"after": 3.0})
run.finish()
print(run.id)
"""
    there = {"EPOCHAL_STORE": str(root), "EPOCHAL_ENVIRONMENT": "off", "EPOCHAL_SYSTEM_INTERVAL": "0"}
    run_id = programs.python(script, env=there).stdout.strip()
    files = sorted(journal.run_folder(root, run_id).glob("*.jsonl"), key=lambda f: f.stat().st_ino)
    by_file = [[(r.kind, r.data.get("values")) for r in journal.read(f)] for f in files]
    parent, child = sorted(by_file, key=len, reverse=True)
    assert [kind for kind, _ in parent] == ["start", "metrics", "metrics", "end"]
    assert child[1:] == [("metrics", {"child": 2.0})]


def test_resuming_goes_on_with_the_steps(root, records):
    with epochal.start_run() as run:
        run.log({"x": 1.0}, step=9)
    with pytest.raises(errors.EpochalError, match="pass resume=True"):
        epochal.start_run(run_id=run.id)
    with epochal.start_run(run_id=run.id, resume=True) as again:
        again.log({"x": 2.0})
    assert again.id == run.id
    assert [d["step"] for d in of_kind(records, run, "metrics")] == [9, 10]
    with pytest.raises(errors.NotFound, match="no run 0190"):
        epochal.start_run(run_id="0190" + "0" * 8 + "7000" + "8" + "0" * 15, resume=True)
    with pytest.raises(errors.EpochalError, match="is no run id"):
        epochal.start_run(run_id="../../x", resume=True)


def test_files_and_folders_are_kept_by_content(root, records, tmp_path):
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("same")
    (folder / "sub" / "b.txt").write_text("same")
    with epochal.start_run() as run:
        run.log_artifact(folder, type="results", metadata={"k": 1})
        with pytest.raises(errors.NotFound, match="does not exist"):
            run.log_artifact(tmp_path / "nothing")
        (folder / "pipe").unlink(missing_ok=True)
        os.mkfifo(folder / "pipe")
        with pytest.raises(errors.StoreError, match="no regular file"):
            run.log_artifact(folder)
    (artifact,) = of_kind(records, run, "artifact")
    assert [f["path"] for f in artifact["files"]] == ["a.txt", "sub/b.txt"]
    assert len({f["digest"] for f in artifact["files"]}) == 1
    assert (artifact["name"], artifact["type"], artifact["size"], artifact["metadata"]) == (
        "out",
        "results",
        8,
        {"k": 1},
    )
    from epochal.artifacts.objects import Objects

    Objects(root).materialize(artifact["files"], tmp_path / "back")
    assert (tmp_path / "back" / "sub" / "b.txt").read_text() == "same"
    for path in ("../x", "/etc/x", "a/../../x", "", "a\\b"):
        with pytest.raises(errors.FormatError):
            Objects(root).materialize([{**artifact["files"][0], "path": path}], tmp_path / "evil")


def test_a_damaged_object_is_not_handed_out(root, records):
    from epochal.artifacts.objects import Objects

    blob = Objects(root).put_bytes(b"hello")
    Objects(root).path(blob.digest).write_bytes(b"hellO")
    with pytest.raises(errors.FormatError, match="is damaged"):
        Objects(root).read(blob.digest)
    with pytest.raises(errors.FormatError, match="not the digest"):
        Objects(root).read("../../etc/passwd")


def test_wrong_arguments_are_told_at_once(root):
    with pytest.raises(errors.EpochalError, match="name must be text, not int"):
        epochal.start_run(name=3)
    with pytest.raises(errors.EpochalError, match="needs the run_id"):
        epochal.start_run(resume=True)
    with epochal.start_run() as run, pytest.raises(errors.EpochalError, match="cannot end as 'done'"):
        run.finish("done")
    assert context.open_runs() == []


def test_hostile_texts_are_kept_visibly(root, records):
    with epochal.start_run(name="\ud800name", tags={"a\0b": "\udfff"}) as run:
        run.log_params({"\ud800": object, "x" * 10_000: 1, "../../x": 2, "`": "'; DROP"})
        run.log_params({"big": "y" * 10_000_000})
    start = of_kind(records, run, "start")[0]
    assert start["name"] == "\\ud800name"
    assert start["tags"] == {"a\0b": "\\udfff"}
    params = of_kind(records, run, "params")
    assert {"x" * 10_000, "../../x", "`"} < set(params[0]["values"])
    assert params[1]["values"]["big"] == "y" * 10_000_000


def test_a_finished_run_can_be_written_to_and_stays_finished(root, records):
    from epochal.starting import reopen

    with epochal.start_run() as run:
        run.log({"x": 1.0})
    later = reopen(run.id)
    assert len(records(run.id)) == 3
    later.log({"test/x": 2.0}, step=0)
    later.finish()
    assert [r.kind for r in records(run.id)] == ["start", "metrics", "end", "start", "metrics"]
    assert of_kind(records, run, "start")[1]["attach"] is True
    with pytest.raises(errors.NotFound, match="no run"):
        reopen("0" * 32)

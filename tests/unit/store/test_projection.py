from __future__ import annotations

import math
import os
import random
import shutil
import signal
import struct
import sys

import pytest

from epochal import ids, journal
from epochal.store import Store, lines, projection
from epochal.testing import programs

SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e-320, 1.7976931348623157e308, 0.1, 2.0**63]


def _json(value):
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def everything(rng, points=400):
    """Records of every kind, in some order."""
    some = [
        (
            "params",
            {"values": {"lr": 0.1, "model": "rf", "deep": [1, {"a": None}], "none": None, "on": True}},
        ),
        (
            "config",
            {"values": {"optimizer": {"name": "adam", "betas": {"one": 0.9, "two": 0.99}}, "flat": 3}},
        ),
        ("config", {"values": {"optimizer": {"name": "sgd"}, "empty": {}}}),
        ("define", {"metric": "l*", "summary": "min"}),
        ("define", {"metric": "acc", "goal": "maximize", "summary": "best"}),
        ("summary", {"values": {"acc": 0.99, "verdict": "good", "only": 7}}),
        ("tags", {"values": {"team": "a", "gone": "x"}}),
        ("tags", {"values": {"gone": None}}),
        (
            "artifact",
            {
                "name": "a",
                "type": "file",
                "files": [{"path": "a", "digest": "00", "size": 1}],
                "size": 1,
                "digest": "0",
            },
        ),
        (
            "media",
            {"key": "plot", "step": 1, "type": "text", "files": [], "data": {"text": "x"}, "caption": "c"},
        ),
        ("text", {"stream": "stdout", "text": "hello\n"}),
        ("text", {"stream": "stderr", "text": "oh\n"}),
        ("system", {"values": {"cpu": 12.5, "memory": 3}}),
        ("system", {"values": {"cpu": 1.5}, "rank": 2}),
        ("note", {"name": "environment", "data": {"python": "3.11"}}),
        ("from the future", {"x": [1, 2, 3]}),
        ("update", {"name": "renamed", "notes": "so"}),
    ]
    for step in range(points):
        values = {"loss": rng.gauss(0, 1), "acc": rng.random()}
        if step % 50 == 7:
            values["loss"] = rng.choice(SPECIAL)
        some.append(("metrics", {"step": step - 3, "values": {k: _json(v) for k, v in values.items()}}))
    tail = some[-points:]
    for record in some[:-points]:
        tail.insert(rng.randrange(len(tail)), record)
    return [*tail, ("end", {"status": "finished", "emitted": len(some) + 2})]


def test_a_cut_anywhere_and_resumed_is_as_one_pass(book, tmp_path, tell):
    rng = random.Random(7)
    whole = b"".join(book.lines(*everything(rng)))
    book.write(whole)
    once = tell(book.open())
    cuts = sorted({0, 1, len(whole) - 1, len(whole), *(rng.randrange(len(whole)) for _ in range(146))})
    shutil.rmtree(book.root)
    (book.root / "live").mkdir(parents=True)
    Store.open(book.root, catch_up=False).close()
    book.write(b"")
    book.hold()
    done = 0
    for cut in cuts:
        book.append(whole[done:cut])
        done = cut
        book.open()
    book.let_go()
    assert tell(book.open()) == once
    assert book.markers() == []
    print(f"prefix: {len(cuts)} cuts, {len(whole)} bytes, equal")


@pytest.mark.parametrize("seed", range(3))
def test_random_pairs_of_cuts(book, tell, seed):
    rng = random.Random(seed)
    whole = b"".join(book.lines(*everything(rng, points=150)))
    seen = []
    for cut in (len(whole), *(rng.randrange(len(whole)) for _ in range(8))):
        book.write(whole[:cut])
        book.hold()
        book.open()
        book.append(whole[cut:])
        book.let_go()
        store = book.open()
        seen.append(tell(store))
        store.run(ids_of(seen)).purge()
    assert all(one == seen[0] for one in seen)


def ids_of(seen):
    return next(iter(seen[0]))


def test_rebuilding_gives_the_same_answers(book, tell, make_id):
    rng = random.Random(3)
    for number in range(4):
        run = make_id(number)
        book.write(book.lines(*everything(rng, 90), run=run, parent=make_id(0) if number == 3 else None), run)
    more = [("metrics", {"step": 1, "values": {"loss": 5.0}}), ("tags", {"values": {"team": "late"}})]
    book.write(book.lines(*more, run=make_id(1), attach=True, begin=1_763_900_900.0), make_id(1), "other")
    book.open()
    before = tell(book.open())
    assert len(before) == 4
    assert before[make_id(1)]["values"].count("late") == 1
    book.open().rebuild()
    assert tell(book.open()) == before


def test_the_order_of_reading_the_writers_of_a_run_does_not_matter(book, tell, make_id):
    first = book.lines(
        ("metrics", {"step": 0, "values": {"loss": 1.0}}),
        ("params", {"values": {"a": 1}}),
        ("end", {"status": "failed", "error": {"type": "E", "text": "x"}}),
    )
    second = book.lines(
        ("metrics", {"step": 9, "values": {"loss": 2.0}}),
        ("params", {"values": {"a": 2}}),
        ("update", {"name": "new"}),
        ("end", {"status": "finished"}),
        attach=True,
        resumed=True,
        begin=1_763_900_100.0,
    )
    answers = []
    for order in ([("w", first), ("v", second)], [("v", second), ("w", first)]):
        for writer, content in order:
            book.write(content, writer=writer)
            book.open()
        run = book.open().run(make_id())
        assert (run.status, run.params, run.name, run.error) == ("finished", {"a": 2}, "new", None)
        assert run.history("loss").values.tolist() == [1.0, 2.0]
        answers.append(tell(book.open()))
        run.purge()
    assert answers[0] == answers[1]


def test_hostile_values_come_back_to_the_bit(book, make_id):
    records = [
        ("metrics", {"step": -step, "values": {"x": _json(value)}}) for step, value in enumerate(SPECIAL)
    ]
    book.write(book.lines(*records, ("metrics", {"step": 2**62, "values": {"x": 3}})))
    history = book.open().run(make_id()).history("x")
    assert [struct.pack("<d", v) for v in history.values] == [struct.pack("<d", v) for v in [*SPECIAL, 3.0]]
    assert history.steps.tolist() == [-step for step in range(len(SPECIAL))] + [2**62]
    assert history.times.tolist() == [
        round(1_763_900_000.0 + n / 1000, 6) for n in range(1, len(SPECIAL) + 2)
    ]
    metric = book.open().run(make_id()).metric("x")
    assert (metric.min, metric.max, metric.count, metric.last) == (-math.inf, math.inf, len(SPECIAL) + 1, 3.0)


def test_hostile_names_and_texts(book, make_id):
    names = [
        "../../x",
        "a/b",
        "\N{ROCKET}",
        "nul\0nul",
        "k" * 10_000,
        "'; drop table run --",
        '"',
        "`",
        "%",
        "é",
        "",
    ]
    values = {name: f"value of {name[:50]}" for name in names} | {"huge": "x" * 10_000_000}
    book.write(book.lines(
        ("params", {"values": values}),
        ("tags", {"values": {name: name for name in names}}),
        ("metrics", {"step": 0, "values": {name: float(i) for i, name in enumerate(names)}}),
    ))  # fmt: skip
    run = book.open().run(make_id())
    assert run.params == values
    assert run.tags == {name: name for name in names}
    assert run.metrics == {name: float(i) for i, name in enumerate(names)}
    assert all(run.history(name).values.tolist() == [float(i)] for i, name in enumerate(names))
    assert "\0" not in repr(run)


def test_numbers_of_any_size_and_kind_as_params(book, make_id):
    values = {
        "big": 2**80,
        "neg": -(2**63),
        "pi": 3.14,
        "nan": "NaN",
        "t": True,
        "f": False,
        "n": None,
        "l": [1, [2]],
        "d": {"a": {"b": 1}},
        "s": "12",
        "e": "",
    }
    book.write(book.lines(("params", {"values": values})))
    assert book.open().run(make_id()).params == values


def test_a_replaced_config_leaves_no_old_params(book, make_id):
    book.write(book.lines(("config", {"values": {"o": {"a": 1, "b": {"c": 2}}}})))
    book.hold()
    assert book.open().run(make_id()).params == {"o.a": 1, "o.b.c": 2}
    book.append(b"".join(book.lines(("x", {}), ("config", {"values": {"o": {"a": 5}}}))[2:]))
    run = book.open().run(make_id())
    assert (run.params, run.config) == ({"o.a": 5}, {"o": {"a": 5}})


# -- status ------------------------------------------------------------------------


def test_status_is_seen_from_the_lock(book, make_id):
    book.write(book.lines(("params", {"values": {"a": 1}})))
    book.hold()
    assert book.open().run(make_id()).status == "running"
    assert book.open().run(make_id()).ended is None
    assert len(book.markers()) == 1
    book.let_go()
    run = book.open().run(make_id())
    assert run.status == "crashed"
    assert run.ended.timestamp() == 1_763_900_000.001
    assert book.markers() == []


def test_a_start_record_alone_is_a_run(book, make_id):
    book.write(book.lines(project="iris", name="first", group="g", tags={"a": "b"}))
    run = book.open().run(make_id())
    assert (run.project, run.name, run.group, run.tags) == ("iris", "first", "g", {"a": "b"})


def test_a_resumed_run_runs_again(book, make_id):
    book.write(book.lines(("end", {"status": "finished"})))
    assert book.open().run(make_id()).status == "finished"
    book.write(book.lines(attach=True, resumed=True, begin=1_763_900_500.0), writer="again")
    book.hold(writer="again")
    assert book.open().run(make_id()).status == "running"
    book.let_go()
    assert book.open().run(make_id()).status == "crashed"


def test_a_second_process_of_a_run_does_not_end_it(book, make_id):
    book.write(book.lines())
    book.hold()
    book.write(
        book.lines(("end", {"status": "finished"}), attach=True, rank=1, begin=1_763_900_001.0),
        writer="rank1",
    )
    assert book.open().run(make_id()).status == "running"


def test_no_locks_and_a_process_that_lives(book, make_id):
    alive = {"locked": False, "host": os.uname().nodename, "pid": os.getpid()}
    book.write(book.lines(**alive))
    assert book.open().run(make_id()).status == "running"
    assert len(book.markers()) == 1


# -- damage ------------------------------------------------------------------------


def _points(count):
    return [("metrics", {"step": step, "values": {"x": step}}) for step in range(count)]


def test_torn_and_rotten_lines_are_skipped_and_counted(book, make_id):
    lines = book.lines(*_points(20), ("end", {"status": "finished"}))
    lines[5] = lines[5].replace(b"4", b"5", 1)
    lines[9] = b"\0" * (len(lines[9]) - 1) + b"\n"
    lines[12] = b"\xff\xfe{[" + lines[12]
    book.write([*lines, b'[22,1763900000.1,"metr'])
    run = book.open().run(make_id())
    assert run.history("x").values.tolist() == [i - 1 for i in range(1, 21) if i not in {5, 9, 12}]
    assert run.damage.lines == 4
    assert run.damage.missing == 3
    assert run.damage.bytes == sum(len(lines[i]) for i in (5, 9, 12)) + 22
    assert book.open().status()["damage"][0]["damaged"] == 4
    assert "unreadable" in repr(run)


def test_every_flipped_bit_is_found_or_harmless(book, make_id):
    rng = random.Random(11)
    whole = b"".join(book.lines(*_points(30), ("end", {"status": "finished"})))
    right = {(step, float(step)) for step in range(30)}
    for number in range(60):
        data = bytearray(whole)
        at = rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)
        run = make_id(number)
        book.write(bytes(data), run)
    store = book.open()
    unread = 0
    for number in range(60):
        run = store.run(make_id(number))
        history = run.history("x")
        got = set(zip(history.steps.tolist(), history.values.tolist(), strict=True))
        assert got <= right
        lost = len(right) - len(got)
        assert run.damage or lost == 0
        unread += lost
    print(f"bit flips: 60, wrong values 0, unread points {unread}, all reported")


def test_swapped_and_doubled_lines_are_refused(book, make_id):
    lines = book.lines(*_points(10))
    lines[3], lines[8] = lines[8], lines[3]
    book.write([*lines, lines[2], lines[2]])
    run = book.open().run(make_id())
    values = run.history("x").values.tolist()
    assert values == sorted(values)
    assert len(values) + run.damage.lines == 12


def test_garbage_instead_of_a_journal(book, make_id):
    book.write(random.Random(0).randbytes(100_000))
    book.write(b"", make_id(1))
    book.write(b"[]\n{}\nnull\n", make_id(2))
    book.write(book.lines(run=make_id(3)), make_id(3))
    store = book.open()
    assert store.run(make_id(3)).status == "crashed"
    assert store.run(make_id(0)).damage
    assert store.run(make_id(2)).damage.lines == 3


WRONG = [
    ("params", {"values": 3}),
    ("metrics", {"step": "one", "values": {}}),
    ("metrics", {"step": 2**70, "values": {"x": 1}}),
    ("end", {}),
    ("end", {"status": ["finished"]}),
    ("tags", {}),
    ("tags", {"values": {"a": {"b": 1}}}),
    ("system", {"values": {"cpu": "hot"}}),
    ("config", {"values": ["metrics", "metrics"]}),
    ("note", {"name": 3, "data": 1}),
    ("define", {"metric": None}),
    ("media", {"key": "k", "step": 2**70, "type": "text"}),
    ("text", {"stream": "stdout", "text": {"a": 1}}),
    ("artifact", {"name": "a", "type": "file", "files": "none", "size": 1, "digest": ""}),
    ("update", {"name": ["x"]}),
]


def test_records_that_do_not_fit_their_kind_are_counted(book, make_id, make_line):
    note = ("note", {"name": "a", "data": ["metrics", "metrics"]})
    lines = book.lines(
        note, *WRONG, ("params", {"values": {"ok": 1}}), ("metrics", {"step": 1, "values": {"x": 2}})
    )
    lines.append(make_line(2**64, 1_763_900_001.0, "params", {"values": {"no": 1}}))
    lines.append(make_line(len(lines), 1e300, "params", {"values": {"no": 1}}))
    book.write(lines)
    run = book.open().run(make_id())
    assert run.params == {"ok": 1}
    assert run.note("a") == ["metrics", "metrics"]
    assert run.metrics == {"x": 2.0}
    assert run.damage.lines == len(WRONG) + 2


def test_a_long_line_is_read_whole(book, make_id):
    book.write(
        book.lines(("note", {"name": "big", "data": "y" * 7_000_000}), ("params", {"values": {"a": 1}}))
    )
    run = book.open().run(make_id())
    assert len(run.note("big")) == 7_000_000
    assert run.params == {"a": 1}


# -- files -------------------------------------------------------------------------


def test_a_replaced_journal_is_read_anew_and_reported(book, make_id, caplog):
    book.write(book.lines(("params", {"values": {"a": 1, "b": 2}})))
    book.hold()
    book.open()
    book.path().unlink()
    book.write(book.lines(("params", {"values": {"a": 7}}), begin=1_763_900_050.0))
    book.let_go()
    assert book.open().run(make_id()).params == {"a": 7}
    assert "replaced" in caplog.text


def test_a_vanished_journal_hurts_nobody(book, make_id):
    book.write(book.lines(("params", {"values": {"a": 1}})))
    book.hold()
    book.open()
    book.path().unlink()
    assert book.open().run(make_id()).params == {"a": 1}


def test_only_markers_are_looked_at(book, make_id):
    book.open()
    book.write(book.lines(), live=False)
    assert len(book.open().runs()) == 0
    book.open().rebuild()
    assert len(book.open().runs()) == 1


def test_a_writer_of_ours_is_read_while_it_writes(book):
    from epochal import events

    run = ids.new()
    writer = journal.Writer(book.root, events.Start(run=run, writer="", name="live"))
    for step in range(5):
        writer.write("metrics", events.Metrics(step, {"loss": step / 2}))
        assert book.open().run(run).history("loss").values.tolist() == [s / 2 for s in range(step + 1)]
        assert book.open().run(run).status == "running"
    writer.write("end", events.End("finished"))
    writer.close()
    assert book.open().run(run).status == "finished"
    assert book.markers() == []


PROJECT = (
    "import sys; from epochal.store import Store; [Store.open(sys.argv[1]).catch_up() for _ in range(40)]"
)


def test_two_projectors_at_once(book, tell, make_id):
    rng = random.Random(5)
    whole = {make_id(n): b"".join(book.lines(*everything(rng, 60), run=make_id(n))) for n in range(6)}
    for run in whole:
        book.write(b"", run)
        book.hold(run)
    book.open()
    command = (sys.executable, "-c", PROJECT, book.root)
    with programs.started(*command) as one, programs.started(*command) as other:
        done = dict.fromkeys(whole, 0)
        while any(done[run] < len(whole[run]) for run in whole):
            for run, data in whole.items():
                more = data[done[run] : done[run] + rng.randrange(1, 1500)]
                book.append(more, run)
                done[run] += len(more)
        for program in (one, other):
            _, err = program.communicate()
            assert program.returncode == 0, err
    book.let_go()
    seen = tell(book.open())
    book.open().rebuild()
    assert tell(book.open()) == seen


@pytest.mark.parametrize(("part", "points", "block"), [(1, 1, 64), (5000, 50, 300), (20_000, 7, 8000)])
def test_however_large_the_parts_are(book, tell, make_id, monkeypatch, part, points, block):
    rng = random.Random(9)
    for number in range(3):
        book.write(book.lines(*everything(rng, 120), run=make_id(number)), make_id(number))
    store = book.open()
    whole = tell(store)
    monkeypatch.setattr(projection, "PART_BYTES", part)
    monkeypatch.setattr(projection, "POINTS_AT_ONCE", points)
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    done = []
    store.rebuild(lambda files, total: done.append((files, total)))
    assert tell(store) == whole
    assert done[-1] == (3, 3)


def test_a_projector_that_is_killed_loses_and_doubles_nothing(book, tell, make_id):
    rng = random.Random(13)
    for number in range(3):
        book.write(book.lines(*everything(rng, 3000), run=make_id(number)), make_id(number))
    script = """
import os, signal, sys
from sqlalchemy import Engine, event
from epochal.store import Store, projection
projection.PART_BYTES, left = 20000, [int(sys.argv[2])]
@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
Store.open(sys.argv[1])
"""
    statements = (1, 20, 40, 41, 42, 60)
    for at in statements:
        programs.python(script, book.root, at, code=-signal.SIGKILL)
    seen = tell(book.open())
    book.open().rebuild()
    assert tell(book.open()) == seen
    assert all(len(run.history("acc")) == 3000 for run in book.open().runs())
    print(f"projector: {len(statements)} kills, 9000 points, lost 0, doubled 0")


def test_a_long_series_appended_in_parts(book, make_id, make_line):
    import numpy as np

    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=140_000))
    lines = book.lines()
    lines += [
        make_line(i + 1, 1_763_900_001 + i / 1000, "metrics", {"step": i, "values": {"x": v}})
        for i, v in enumerate(values.tolist())
    ]
    book.write(lines[:100])
    book.hold()
    at = 100
    for size in (10, 63, 64, 65, 4000, 4096, 5000, 50_000, 70_000, 140_000):
        book.append(b"".join(lines[at : at + size]))
        at += size
        history = book.open().run(make_id()).history("x")
        assert history.values.tobytes() == values[: len(history)].tobytes()
        assert len(history) == min(at, len(lines)) - 1
    buckets = book.open().run(make_id()).history("x", buckets=200)
    assert len(buckets) == 200
    assert (buckets.min.min(), buckets.max.max()) == (values.min(), values.max())
    assert buckets.count.sum() == len(values)
    book.let_go()
    book.open()
    after = book.open().run(make_id()).history("x", buckets=200)
    assert after.min.tobytes() == buckets.min.tobytes()
    assert after.mean.tobytes() == buckets.mean.tobytes()
    assert book.open().run(make_id()).history("x").values.tobytes() == values.tobytes()

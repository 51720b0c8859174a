from __future__ import annotations

import json
import os
import random
import signal
import stat
import sys
import threading
import zlib

import pytest

from epochal import errors, events, ids, journal
from epochal.testing import programs


def writer(root, **fields):
    return journal.Writer(root, events.Start(run=ids.new(), writer="", **fields))


def test_a_line_is_json_that_ends_in_the_checksum_of_what_is_before_it(root):
    w = writer(root)
    w.write("metrics", events.Metrics(12, {"loss": 0.25}))
    line = w.path.read_bytes().splitlines(keepends=True)[1]
    seq, time, kind, data, checksum = json.loads(line)
    assert (seq, kind, data) == (1, "metrics", {"step": 12, "values": {"loss": 0.25}})
    assert round(time, 6) == time > 1.6e9
    assert checksum == f"{zlib.crc32(line[: line.rindex(b',')]):08x}"


def test_files_lie_by_month_and_only_their_owner_may_read_them(root):
    w = writer(root)
    month, run, name = w.path.relative_to(root / "runs").parts
    assert run == w.run
    assert name == f"{w.name}.jsonl"
    assert len(month) == 7
    assert stat.S_IMODE(w.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(w.path.parent.stat().st_mode) == 0o700
    assert (root / "live" / f"{run}.{w.name}").is_file()


def test_a_torn_last_line_is_waited_for_and_a_rotten_one_is_counted(root):
    w = writer(root)
    for i in range(5):
        w.write("metrics", events.Metrics(i, {"x": i}))
    w.close()
    data = w.path.read_bytes()
    w.path.write_bytes(data[:-7])
    assert [r.seq for r in journal.read(w.path)] == [0, 1, 2, 3, 4]
    lines = data.splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"x"', b'"y"')
    w.path.write_bytes(b"".join(lines))
    damage = journal.Damage()
    assert [r.seq for r in journal.read(w.path, damage=damage)] == [0, 1, 3, 4, 5]
    assert (damage.lines, damage.bytes) == (1, len(lines[2]))


def test_no_flipped_bit_gives_a_wrong_value(root):
    w = writer(root)
    for i in range(50):
        w.write("metrics", events.Metrics(i, {"loss": i / 7}))
    w.close()
    data, chance = w.path.read_bytes(), random.Random(0)
    written = {r.seq: r[:4] for r in journal.read(w.path)}
    for _ in range(2000):
        rotten = bytearray(data)
        rotten[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        w.path.write_bytes(rotten)
        for record in journal.read(w.path):
            assert record[:4] == written[record.seq]


def test_reading_goes_on_where_it_stopped(root):
    w = writer(root)
    first = list(journal.read(w.path))
    w.write("tags", events.Tags({"a": "b"}))
    assert [r.kind for r in journal.read(w.path, first[-1].end)] == ["tags"]


def test_32_threads_write_whole_lines_in_order(root):
    w = writer(root)

    def work(n):
        for i in range(300):
            w.write("metrics", events.Metrics(i, {f"t{n}": float(i)}))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    found = list(journal.read(w.path))
    assert [r.seq for r in found] == list(range(1 + 32 * 300))
    for n in range(32):
        assert [r.data["step"] for r in found if f"t{n}" in r.data.get("values", {})] == list(range(300))


def test_a_full_disk_drops_and_counts_and_logging_goes_on_when_there_is_room(root, caplog):
    script = """
import resource, sys
from pathlib import Path
from epochal import events, ids, journal
w = journal.Writer(Path(sys.argv[1]), events.Start(run=ids.new(), writer=""))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for i in range(100):
    w.write("metrics", events.Metrics(i, {"x": i}))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for i in range(100, 110):
    w.write("metrics", events.Metrics(i, {"x": i}))
print(w.path, w.emitted, w.dropped, w.seq)
"""
    out = programs.python(script, root)
    path, emitted, dropped, seq = out.stdout.split()
    damage = journal.Damage()
    found = list(
        journal.read(journal.run_folder(root, path.split("/")[-2]) / path.split("/")[-1], damage=damage)
    )
    steps = [r.data["step"] for r in found[1:]]
    assert int(emitted) == 111 == len(found) + int(dropped)
    assert int(seq) == len(found)
    assert steps == list(range(len(steps) - 10)) + list(range(100, 110))
    assert damage.lines <= 1
    assert out.stderr.count("cannot write") == 1


def test_kill_9_loses_nothing_that_was_acknowledged(root):
    script = """
import os, sys
from pathlib import Path
from epochal import events, ids, journal
w = journal.Writer(Path(sys.argv[1]), events.Start(run=ids.new(), writer=""))
os.write(1, f"{w.path}\\n".encode())
for i in range(10**9):
    w.write("metrics", events.Metrics(i, {"x": float(i)}))
    os.write(1, f"{i}\\n".encode())
"""
    chance = random.Random(1)
    lost = acknowledged = 0
    for _ in range(10):
        with programs.started(sys.executable, "-c", script, root) as child:
            path = child.stdout.readline().strip()
            lines = [child.stdout.readline() for _ in range(chance.randrange(1, 3000))]
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.read().splitlines(keepends=True)
        acked = [int(line) for line in lines if line.endswith("\n")]
        stored = {
            r.data["step"]: r.data["values"]["x"]
            for r in journal.read(type(root)(path))
            if r.kind == "metrics"
        }
        acknowledged += len(acked)
        lost += sum(stored.get(i) != float(i) for i in acked)
        assert not journal.is_alive(type(root)(path))
    print(f"D1 kill-9: 10/10 points, acknowledged {acknowledged}, lost {lost}")
    assert lost == 0


def test_a_reader_tells_a_live_writer_from_a_dead_one(root):
    w = writer(root)
    assert journal.is_alive(w.path)
    w.close()
    assert not journal.is_alive(w.path)
    assert not journal.is_alive(root / "nothing.jsonl")


def test_a_forked_child_does_not_keep_the_parents_run_alive_nor_write_into_its_file(root):
    script = """
import os, sys
from pathlib import Path
from epochal import events, ids, journal
w = journal.Writer(Path(sys.argv[1]), events.Start(run=ids.new(), writer=""))
ready, go = os.pipe(), os.pipe()
if not os.fork():
    w.write("metrics", events.Metrics(0, {"child": 1}))
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os._exit(0)
os.read(ready[0], 1)
w.close()
print(journal.is_alive(w.path), [r.kind for r in journal.read(w.path)])
os.write(go[1], b"x")
os.wait()
"""
    assert programs.python(script, root).stdout == "False ['start']\n"


def test_every_record_is_synced_when_asked(root, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    w = journal.Writer(root, events.Start(run=ids.new(), writer=""), durability="sync")
    w.write("tags", events.Tags({}))
    assert len(synced) == 2


def test_what_json_cannot_say_is_refused_before_anything_is_written(root):
    w = writer(root)
    with pytest.raises(UnicodeEncodeError):
        w.write("tags", {"values": {"\ud800": "x"}})
    with pytest.raises(TypeError):
        w.write("tags", {"values": object()})
    w.write("tags", {"values": {}})
    assert [(r.seq, r.kind) for r in journal.read(w.path)] == [(0, "start"), (1, "tags")]
    assert w.emitted == 2


def test_writing_after_the_end_is_dropped_and_counted(root):
    w = writer(root)
    w.close()
    w.write("tags", {"values": {}})
    assert w.dropped == 1
    assert not errors.swallowed


def test_ids_sort_by_time_and_carry_it():
    made = [ids.new() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(ids.valid(i) and i[12] == "7" and i[16] in "89ab" for i in made)
    assert [ids.time_of(one) for one in made] == sorted(ids.time_of(one) for one in made)
    assert not ids.valid("../../etc/passwd")


def test_without_locks_a_writer_is_alive_while_its_process_is(root, monkeypatch):
    import fcntl

    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    w = writer(root, host=os.uname().nodename, pid=os.getpid())
    assert next(journal.read(w.path)).data.get("locked", False) is False
    assert journal.is_alive(w.path)
    gone = int(programs.python("import os; print(os.getpid())").stdout)
    for pid in (gone, 0, -1):
        assert not journal.is_alive(writer(root, host=os.uname().nodename, pid=pid).path)

from __future__ import annotations

import logging
import os
import sqlite3
import stat

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from epochal.errors import StoreError
from epochal.store import Store, database, filters, query, schema
from epochal.testing import programs


def _one(book, make_id):
    book.write(book.lines(("params", {"values": {"a": 1}}), ("end", {"status": "finished"})))
    return book.open()


def test_files_are_private(book, make_id):
    _one(book, make_id)
    for name in ("epochal.db", "epochal.db-wal", "epochal.db-shm"):
        if (book.root / name).exists():
            assert stat.S_IMODE((book.root / name).stat().st_mode) == 0o600


def test_no_store(tmp_path):
    with pytest.raises(StoreError, match="no store at"):
        Store.open(tmp_path / "nowhere")


def test_another_version_is_built_again(book, make_id):
    _one(book, make_id).close()
    with sqlite3.connect(book.root / "epochal.db") as connection:
        connection.execute("update meta set value = 'old' where name = 'version'")
        connection.execute("drop table param")
        connection.execute("create table left_over (x)")
    connection.close()
    assert book.open().run(make_id()).params == {"a": 1}
    assert book.open().status()["version"] == schema.VERSION


def test_a_deleted_database_is_built_again(book, make_id):
    _one(book, make_id)
    (book.root / "epochal.db").unlink()
    assert book.open().run(make_id()).params == {"a": 1}


def test_rubbish_in_place_of_the_database(book, make_id):
    (book.root / "epochal.db").write_bytes(b"no database at all" * 1000)
    store = _one(book, make_id)
    assert store.run(make_id()).params == {"a": 1}
    assert (book.root / "epochal.db.broken").read_bytes().startswith(b"no database")


@pytest.mark.parametrize("how", ["catch up", "rebuild"])
def test_a_rotten_database_is_built_again(book, make_id, how):
    for number in range(40):
        lines = book.lines(("params", {"values": {f"p{i}": i for i in range(30)}}), run=make_id(number))
        book.write(lines, make_id(number))
    book.open().close()
    path = book.root / "epochal.db"
    store = book.open()
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(4096 * 3)
        stream.write(b"\x5a" * (size - 4096 * 3))
    with pytest.raises(StoreError, match="epochal rebuild"):
        store.status()
    if how == "rebuild":
        store.rebuild()
    else:
        book.write(book.lines(run=make_id(90)), make_id(90))
        store.catch_up()
    assert len(store.runs("params.p3 = 3")) == 40
    assert path.with_name("epochal.db.broken").exists()


def test_where_no_database_can_be_the_cache_folder_has_it(book, make_id, tmp_path):
    (book.root / "epochal.db").mkdir()
    store = _one(book, make_id)
    assert store.run(make_id()).params == {"a": 1}
    assert store.status()["database"].startswith(str(tmp_path / "cache"))
    assert book.markers() != []  # who has the store at home has yet to read it
    book.write(book.lines(("params", {"values": {"a": 2}}), run=make_id(1)), make_id(1))
    assert book.open().run(make_id(1)).params == {"a": 2}


def test_and_where_that_cannot_be_written_the_memory(book, make_id, tmp_path):
    (book.root / "epochal.db").mkdir()
    (tmp_path / "cache").write_text("no folder")
    store = _one(book, make_id)
    assert store.status()["database"] == ":memory:"
    assert [run.params for run in store.runs()] == [{"a": 1}]
    assert len(store.runs()[0:5]) == 1
    book.write(book.lines(("params", {"values": {"a": 2}}), run=make_id(1)), make_id(1))
    assert book.open().run(make_id(1)).params == {"a": 2}
    assert len(book.open().runs().to_pandas()) == 2


def test_a_full_disk_loses_nothing(book, make_id, caplog):
    store = _one(book, make_id)
    connections = []

    def keep_small(connection, *_):
        connection.execute("pragma max_page_count=1")  # SQLite's own "database or disk is full"
        connections.append(connection)

    event.listen(store._database.engine, "connect", keep_small)
    store._database.engine.dispose()
    book.write(book.lines(("params", {"values": {"big": "x" * 3_000_000}}), run=make_id(1)), make_id(1))
    with caplog.at_level(logging.WARNING, logger="epochal"):
        assert len(book.open().run(make_id(1)).params["big"]) == 3_000_000
    assert book.open().run(make_id()).params == {"a": 1}
    assert "disk is full" in caplog.text
    assert connections
    assert make_id(1) in "".join(book.markers())


def test_network_file_systems_are_known(book, monkeypatch, tmp_path):
    assert database._filesystem(book.root) not in {0, 0x6969}
    monkeypatch.setattr(database, "_NETWORK", {database._filesystem(book.root)})
    places = database._places(book.root)
    assert [home for _, home in places] == [False, False]
    assert str(tmp_path / "cache") in places[0][0]


def test_the_tables_can_be_made_on_postgresql():
    dialect = postgresql.dialect()
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in schema.tables.sorted_tables]
    made += [
        str(CreateIndex(i).compile(dialect=dialect)) for t in schema.tables.sorted_tables for i in t.indexes
    ]
    assert len(made) > 20
    assert any("BYTEA" in one for one in made)


def test_a_search_can_be_asked_on_postgresql(book):
    store = book.open()
    text = "metrics.a > 1 and params.b ilike 'x%' or not tags.c in ('d') and created > -7d order by metrics.e"
    with store.connect() as connection:
        search = query.Search(connection, filters.parse(text), query.Scope(project="p"))
    said = str(search.ids(10, 20).compile(dialect=postgresql.dialect()))
    assert "'x%'" not in said
    assert "NULLS LAST" in said


def test_a_forked_child_opens_its_own(book, make_id):
    _one(book, make_id)
    script = """
import os, sys
from epochal.store import Store
store = Store.open(sys.argv[1])
store.run(sys.argv[2])
if not os.fork():
    child = Store.open(sys.argv[1])
    print(child is store, child.run(sys.argv[2]).params, flush=True)
    os._exit(0)
os.wait()
print(Store.open(sys.argv[1]) is store)
"""
    assert programs.python(script, book.root, make_id()).stdout == "False {'a': 1}\nTrue\n"

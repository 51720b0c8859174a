"""A store, opened: caught up with its journals, ready to be searched."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError, OperationalError

from epochal import errors, journal, settings
from epochal.errors import NotFound, StoreError

from . import filters, schema, settle
from .database import MEMORY, exclusive, open_database, set_aside
from .projection import Caught, Projector
from .query import Search, hint
from .reading import Entry, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection

    from .database import Database
    from .views import RunList, RunView

_opened: dict[tuple[Path, int], Store] = {}
_opening = threading.Lock()


class Store:
    """Runs, as their journals say.  Made by `Store.open`; safe to use from several threads."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self._lock = threading.RLock()
        self._use(database)

    @classmethod
    def open(cls, root: Path | str | None = None, *, catch_up: bool = True) -> Self:
        """Open the store at ``root`` (default: that of the settings) and read what its journals have gained.

        Raises `StoreError` where there is no folder that can be read.
        """
        folder = settings.store_root() if root is None else Path(root).expanduser().absolute()
        if not folder.is_dir():
            raise StoreError(
                f"there is no store at {folder}; `epochal init` makes one, EPOCHAL_STORE names another"
            )
        place = (folder, os.getpid())  # a database connection does not survive a fork
        with _opening:
            store = _opened.get(place)
            if store is None or not isinstance(store, cls) or store.vanished():
                store = cls(folder, open_database(folder))
                _opened[place] = store
        if catch_up:
            store.catch_up()
        return store

    def close(self) -> None:
        """Let go of the database; the next `open` opens it anew."""
        with _opening:
            for place in [place for place, store in _opened.items() if store is self]:
                del _opened[place]
        self._database.engine.dispose()

    def vanished(self) -> bool:
        """Whether the database was deleted or replaced under us."""
        return self._identity != _identity(self._database.path)

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> Caught:
        """Read what the journals have gained; where the database cannot take it, another one does."""
        with self._lock:
            try:
                return self._projector.catch_up(progress)
            except DatabaseError as error:
                if "locked" in str(error.orig):
                    errors.warn_once(("locked", self.root), "epochal: another process holds %s; what is shown may be some "
                                     "time old", self._database.path)  # fmt: skip
                    return Caught()
                self._move(error)
                return self._projector.catch_up(progress)

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> Caught:
        """Forget what the database holds and read all journals again."""
        with self._lock:
            return self._projector.rebuild(progress)

    def _move(self, error: DatabaseError) -> None:
        """Go on with another database: the disk is full, the folder has become read-only, the file is broken."""
        broken = not isinstance(error, OperationalError)
        if not broken and not self._database.home:
            raise StoreError(
                f"the database {self._database.path} cannot be written ({error.orig})"
            ) from error
        errors.warn_once(("database", self.root), "epochal: cannot use %s (%s); reading goes on from another database, "
                         "nothing is lost", self._database.path, error.orig)  # fmt: skip
        self._database.engine.dispose()
        if broken:
            set_aside(self._database.path)
        self._use(open_database(self.root, elsewhere=not broken))

    def _use(self, database: Database) -> None:
        self._database = database
        self._identity = _identity(database.path)
        self._projector = Projector(self.root, database)

    @contextlib.contextmanager
    def connect(self, *, write: bool = False) -> Iterator[Connection]:
        """A transaction: a steady view of the store, or alone in writing."""
        engine = exclusive(self._database.engine) if write else self._database.engine
        alone = self._lock if self._database.path == MEMORY else contextlib.nullcontext()
        with alone, engine.begin() as connection:  # a database in memory has one connection
            yield connection

    # -- finding runs ------------------------------------------------------------------

    def runs(
        self,
        filter: str = "",
        *,
        project: str | None = None,
        children: bool = False,
        deleted: bool | None = False,
        limit: int | None = None,  # noqa: A002 - the word users know
    ) -> RunList:
        """The runs that a filter finds; see `epochal.runs`."""
        from .views import RunList

        query = filters.parse(filter)
        limits = [n for n in (limit, query.limit) if n is not None]
        return RunList(
            self,
            query,
            filter,
            project=project,
            children=children,
            deleted=deleted,
            limit=min(limits, default=None),
        )

    def query(
        self, filter: str = "", *, offset: int = 0, limit: int | None = None, **options: Any
    ) -> list[RunView]:  # noqa: A002
        """One page of what `runs` finds."""
        from .views import load

        with self.connect() as connection:
            search = self.search(connection, filters.parse(filter), **options)
            return load(self, connection, list(connection.scalars(search.ids(limit, offset))))

    def search(
        self,
        connection: Connection,
        query: filters.Query,
        *,
        project: str | None = None,
        children: bool = False,
        deleted: bool | None = False,
    ) -> Search:
        """A parsed filter, ready to be asked."""
        return Search(connection, query, project=project, children=children, deleted=deleted)

    def hint(self, query: filters.Query) -> str:
        """What may be wrong with a filter that found nothing."""
        with self.connect() as connection:
            return hint(connection, query)

    def run(self, name: str) -> RunView:
        """A run by its id, the beginning of it, or its name if no other run has it; raises `NotFound`."""
        from .views import load

        with self.connect() as connection:
            return load(self, connection, [self._find(connection, name)])[0]

    def find_run(self, name: str) -> str:
        """The whole id of a run; see `run`."""
        return self.run(name).id

    def _find(self, connection: Connection, name: str) -> int:
        columns = schema.run.c
        text = name.strip().lower().replace("-", "")
        found: list[Any] = []
        if text and all(letter in "0123456789abcdef" for letter in text):
            end = text + "g"
            query = select(columns.id, columns.uuid, columns.name).where(
                columns.uuid >= text, columns.uuid < end
            )
            found = list(connection.execute(query.limit(6)))
        if not found:
            query = select(columns.id, columns.uuid, columns.name).where(columns.name == name)
            found = list(connection.execute(query.order_by(columns.created.desc()).limit(6)))
        if len(found) == 1:
            return int(found[0][0])
        if found:
            ids = ", ".join(f"{row[1]} ({row[2]})" for row in found[:5])
            raise NotFound(
                f"{name!r} is more than one run: {ids}{', ...' if len(found) > 5 else ''}; give more of the id"
            )
        raise NotFound(self._not_found(connection, name))

    def _not_found(self, connection: Connection, name: str) -> str:
        import difflib

        columns = schema.run.c
        latest = connection.execute(
            select(columns.uuid, columns.name).order_by(columns.created.desc()).limit(1000)
        ).all()
        names = [part for row in latest for part in row]
        near = difflib.get_close_matches(name, names, 3)
        if near:
            return f"no run {name!r} in {self.root}; did you mean {' or '.join(near)}?"
        if not latest:
            return f"no run {name!r}: the store {self.root} has no runs yet"
        some = ", ".join(f"{row[0][:12]} ({row[1]})" for row in latest[:3])
        return f"no run {name!r} in {self.root}; the latest are {some}"

    def projects(self) -> dict[str, int]:
        """How many runs each project has, children and deleted ones not counted."""
        columns = schema.run.c
        query = select(columns.project, func.count()).where(
            columns.deleted.is_(False), columns.parent.is_(None)
        )
        with self.connect() as connection:
            return {
                row[0]: row[1]
                for row in connection.execute(query.group_by(columns.project).order_by(columns.project))
            }

    def artifact(self, run_id: str, name: str) -> Entry | None:
        """The last artifact of that name in a run: its event's fields and ``time``."""
        with self.connect() as connection:
            number = connection.scalar(select(schema.run.c.id).where(schema.run.c.uuid == run_id))
            found: list[Entry] = [] if number is None else Reader(connection, number).artifacts()
        return next((one for one in reversed(found) if one["name"] == name), None)

    def compare(self, names: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
        """Where runs differ: {"params": {name: [value in each run]}, "metrics", "tags", "attributes"}; None where one has none."""
        views = [self.run(name) for name in names]
        sides: dict[str, list[dict[str, Any]]] = {
            "attributes": [{k: getattr(view, k) for k in ("project", "name", "status", "group", "job_type", "source", "duration")} for view in views],
            "params": [view.params for view in views],
            "metrics": [view.metrics for view in views],
            "tags": [view.tags for view in views],
            "notes": [view.differing_notes() for view in views],
        }  # fmt: skip
        return {kind: _differing(values) for kind, values in sides.items()}

    def status(self) -> dict[str, Any]:
        """What `epochal doctor` shows of a store."""
        columns = schema.source.c
        with self.connect() as connection:
            counts = {
                t.name: connection.scalar(select(func.count()).select_from(t))
                for t in (schema.run, schema.source, schema.series)
            }
            points = connection.scalar(select(func.sum(schema.series.c.count))) or 0
            damaged = connection.execute(
                select(schema.source)
                .where(
                    (columns.damaged > 0)
                    | (columns.next_other > columns.records)
                    | (columns.next_point > columns.records)
                )
                .limit(1000)
            ).mappings()
            damage = [
                {k: row[k] for k in ("file", "damaged", "damaged_bytes", "records", "offset")}
                for row in damaged
            ]
            live = connection.scalar(
                select(func.count()).select_from(schema.source).where(columns.closed.is_(False))
            )
        path = self._database.path
        return {
            "root": str(self.root), "database": path, "home": self._database.home, "why": self._database.why,
            "version": schema.VERSION, "database_bytes": os.path.getsize(path) if os.path.exists(path) else 0,
            "runs": counts["run"], "journals": counts["source"], "series": counts["series"], "points": int(points),
            "open_journals": live, "damage": damage,
        }  # fmt: skip

    # -- changing them -----------------------------------------------------------------

    def append(self, run_id: str, *records: tuple[str, dict[str, Any]]) -> None:
        """Add records to a run, whatever its state, in a journal of their own."""
        import getpass

        from epochal import events

        user = ""
        with contextlib.suppress(KeyError, OSError):
            user = getpass.getuser()
        start = events.Start(
            run=run_id, writer="", attach=True, host=os.uname().nodename, pid=os.getpid(), user=user
        )
        writer = journal.Writer(self.root, start)
        for kind, data in records:
            writer.write(kind, data)
        dropped = writer.dropped
        writer.close()
        if dropped:
            raise StoreError(f"could not write the change to {writer.path}; the run is as it was")
        self.catch_up()

    def purge(self, run_id: str) -> None:
        """Delete a run for good: journals, markers, rows.  The files it logged stay in the object store.

        Raises `StoreError` while the run is being written.
        """
        folder = journal.run_folder(self.root, run_id)
        for path in folder.glob("*.jsonl"):
            if journal.is_alive(path):
                raise StoreError(f"run {run_id} is being written; end it first")
        with self.connect(write=True) as connection:
            settle.forget(connection, run_id)
            shutil.rmtree(folder, ignore_errors=True)
            for marker in (self.root / "live").glob(f"{run_id}.*"):
                marker.unlink(missing_ok=True)
        if folder.exists():
            raise StoreError(f"could not delete all of {folder}")


def _identity(path: str) -> tuple[int, int] | None:
    """Which file a path names today; None for a database in memory, and where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _differing(values: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = sorted({name for one in values for name in one})
    rows = {name: [one.get(name) for one in values] for name in names}
    return {name: row for name, row in rows.items() if any(repr(value) != repr(row[0]) for value in row)}


def runs(
    filter: str = "",
    *,
    project: str | None = None,
    children: bool = False,
    deleted: bool | None = False,
    limit: int | None = None,
    store: Store | None = None,  # noqa: A002
) -> RunList:
    """Search the store: ``epochal.runs("metrics.accuracy > 0.9 and params.model = 'rf' order by metrics.loss")``.

    All projects unless one is named; the runs that began by themselves unless ``children``; the newest first unless
    the filter says ``order by``.  Deleted runs are hidden; ``deleted=True`` finds only those, None both.  The list is read in pages as it is used; ``.to_pandas()``, ``.to_polars()`` and
    ``.to_arrow()`` read all of it.  Raises `QueryError`, which marks the place in the filter.
    """
    return (store or Store.open()).runs(
        filter, project=project, children=children, deleted=deleted, limit=limit
    )


def run(name: str, *, store: Store | None = None) -> RunView:
    """A run to read, by its id, the beginning of its id, or its name if it is the only one of that name.

    Raises `NotFound`, which names close ones.
    """
    return (store or Store.open()).run(name)

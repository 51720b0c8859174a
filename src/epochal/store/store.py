"""A store, opened: caught up with its journals, ready to be searched."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError, OperationalError

from epochal import errors, settings
from epochal.errors import StoreError

from . import changing, filters, health, schema
from .comparing import compare
from .database import MEMORY, exclusive, open_database, set_aside
from .finding import find
from .projection import Caught, Projector
from .query import Scope, Search, hint
from .reading import Entry, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection

    from .database import Database
    from .lists import RunList
    from .views import RunView

_opened: dict[tuple[Path, int], Store] = {}
_opening = threading.RLock()


def _after_fork() -> None:
    global _opening  # noqa: PLW0603 - another thread of the parent may have held it
    _opening = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


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
                if store is not None:
                    store.close()
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

    # -- keeping up --------------------------------------------------------------------

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> Caught:
        """Read what the journals have gained; where the database cannot take it, another one does.

        ``progress`` is told (files done, files in all), as in `rebuild`.
        """
        with self._lock:
            try:
                return self._projector.catch_up(progress)
            except DatabaseError as error:
                if "locked" in str(error.orig):
                    errors.warn_once(
                        ("locked", self.root),
                        "epochal: another process holds %s; what is shown may be some time old",
                        self._database.path,
                    )
                    return Caught()
                self._move(error)
                return self._projector.catch_up(progress)

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> Caught:
        """Forget what the database holds and read all journals again."""
        with self._lock:
            try:
                return self._projector.rebuild(progress)
            except DatabaseError as error:
                self._move(error)
                return self._projector.catch_up(progress)

    def _move(self, error: DatabaseError) -> None:
        """Go on with another database: the disk is full, the folder read-only now, or the file broken."""
        broken = not isinstance(error, OperationalError)
        path = self._database.path
        if not broken and not self._database.home:
            raise StoreError(f"the database {path} cannot be written ({error.orig})") from error
        errors.warn_once(
            ("database", self.root),
            "epochal: cannot use %s (%s); reading goes on from another database, nothing is lost",
            path,
            error.orig,
        )
        self._database.engine.dispose()
        if broken:
            set_aside(path)
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
        try:
            with alone, engine.begin() as connection:  # a database in memory has one connection
                yield connection
        except DatabaseError as error:
            if type(error) not in {DatabaseError, OperationalError}:
                raise
            message = f"cannot read {self._database.path} ({error.orig}); `epochal rebuild` makes it anew"
            raise StoreError(message) from error

    # -- finding runs ------------------------------------------------------------------

    def runs(self, filter: str = "", *, limit: int | None = None, **scope: Any) -> RunList:  # noqa: A002
        """The runs that a filter finds; see `epochal.runs` for the scope."""
        from .lists import RunList

        query = filters.parse(filter)
        limits = [number for number in (limit, query.limit) if number is not None]
        return RunList(self, query, Scope(**scope), min(limits, default=None))

    def query(
        self,
        filter: str = "",  # noqa: A002
        *,
        offset: int = 0,
        limit: int | None = None,
        **scope: Any,
    ) -> list[RunView]:
        """One page of what `runs` finds, read in one go."""
        from .lists import load

        with self.connect() as connection:
            search = Search(connection, filters.parse(filter), Scope(**scope))
            return load(self, connection, list(connection.scalars(search.ids(limit, offset))))

    def hint(self, query: filters.Query) -> str:
        """What may be wrong with a filter that found nothing."""
        with self.connect() as connection:
            return hint(connection, query)

    def run(self, name: str) -> RunView:
        """A run by its id, the beginning of it, or its name if no other run has it; raises `NotFound`."""
        from .lists import load

        with self.connect() as connection:
            return load(self, connection, [find(connection, self.root, name)])[0]

    def find_run(self, name: str) -> str:
        """The whole id of a run; see `run`."""
        return self.run(name).id

    def projects(self) -> dict[str, int]:
        """How many runs each project has, children and deleted ones not counted."""
        columns = schema.run.c
        query = select(columns.project, func.count()).group_by(columns.project).order_by(columns.project)
        query = query.where(columns.deleted.is_(False), columns.parent.is_(None))
        with self.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def artifact(self, run_id: str, name: str) -> Entry | None:
        """The last artifact of that name in a run: its event's fields and ``time``."""
        with self.connect() as connection:
            number = connection.scalar(select(schema.run.c.id).where(schema.run.c.uuid == run_id))
            found: list[Entry] = [] if number is None else Reader(connection, number).artifacts()
        return next((one for one in reversed(found) if one["name"] == name), None)

    def compare(self, names: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
        """Where runs differ: by kind (attributes, params, metrics, tags, notes) and name each run's value."""
        return compare([self.run(name) for name in names])

    def status(self) -> dict[str, Any]:
        """Where things are, how much there is, and what could not be read."""
        with self.connect() as connection:
            return health.status(connection, self.root, self._database)

    # -- changing them -----------------------------------------------------------------

    def append(self, run_id: str, kind: str, data: dict[str, Any]) -> None:
        """Add a record to a run, whatever its state; raises `StoreError` if it cannot be written."""
        changing.append(self.root, run_id, kind, data)
        self.catch_up()

    def purge(self, run_id: str) -> None:
        """Delete a run for good; raises `StoreError` while it is being written."""
        with self.connect(write=True) as connection:
            changing.purge(connection, self.root, run_id)


def _identity(path: str) -> tuple[int, int] | None:
    """Which file a path names today; None for a database in memory, and where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def runs(
    filter: str = "",  # noqa: A002 - the word that users look for
    *,
    project: str | None = None,
    children: bool = False,
    deleted: bool | None = False,
    limit: int | None = None,
    store: Store | None = None,
) -> RunList:
    """Search: ``epochal.runs("metrics.accuracy > 0.9 and params.model = 'rf' order by metrics.loss")``.

    All projects unless one is named; the runs that began by themselves unless ``children``; the newest first
    unless the filter says ``order by``.  Deleted runs are hidden; ``deleted=True`` finds those, None both.
    The list is read in pages as it is used; ``.to_pandas()``, ``.to_polars()``, ``.to_arrow()`` read all.
    Raises `QueryError`, which marks the place in the filter.
    """
    opened = store or Store.open()
    return opened.runs(filter, project=project, children=children, deleted=deleted, limit=limit)


def run(name: str, *, store: Store | None = None) -> RunView:
    """A run to read, by its id, the beginning of its id, or its name if it is the only one of that name.

    Raises `NotFound`, which names close ones.
    """
    return (store or Store.open()).run(name)

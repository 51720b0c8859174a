"""The runs that a search found: a sequence, read in pages as it is used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from . import reading, show
from .query import Search
from .views import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from .filters import Query
    from .query import Scope
    from .store import Store

_PAGE = 100


def load(store: Store, connection: Connection, numbers: list[int]) -> list[RunView]:
    """Views of these runs with what a table shows of them read in one go."""
    rows = {row["id"]: row for row in reading.run_rows(connection, numbers)}
    views = [RunView(store, row) for row in rows.values()]
    params, metrics, tags = (
        read(connection, numbers) for read in (reading.params_of, reading.metrics_of, reading.tags_of)
    )
    for view, number in zip(views, rows, strict=True):
        vars(view).update(params=params[number], metrics=metrics[number], tags=tags[number])
    return views


class RunList(Sequence[RunView]):
    """What a search found, in order; read in pages as it is used."""

    def __init__(self, store: Store, query: Query, scope: Scope, limit: int | None) -> None:
        self._store, self._query, self._scope, self._limit = store, query, scope, limit
        self._pages: dict[int, list[RunView]] = {}
        self._numbers: list[int] | None = None
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            with self._store.connect() as connection:
                count = connection.scalar(self._search(connection).count()) or 0
            self._count = count if self._limit is None else min(count, self._limit)
        return self._count

    @overload
    def __getitem__(self, index: int) -> RunView: ...
    @overload
    def __getitem__(self, index: slice) -> list[RunView]: ...
    def __getitem__(self, index: int | slice) -> RunView | list[RunView]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return [self[i] for i in range(start, stop, step)]
        if index < 0:
            index += len(self)
        page = self._page(index // _PAGE) if index >= 0 else []
        if index < 0 or index % _PAGE >= len(page):
            raise IndexError(f"there are {len(self)} runs")
        return page[index % _PAGE]

    def __iter__(self) -> Iterator[RunView]:
        number = 0
        while page := self._page(number):
            yield from page
            number += 1

    def __bool__(self) -> bool:
        return bool(self._page(0))

    @cached_property
    def hint(self) -> str:
        """Where nothing was found: a name in the filter that no run has, and those like it."""
        return "" if self else self._store.hint(self._query)

    @property
    def ids(self) -> list[str]:
        """The ids of all of them."""
        with self._store.connect() as connection:
            return [row["uuid"] for row in reading.run_rows(connection, self._all_numbers(connection))]

    def to_pandas(self) -> Any:
        """A DataFrame: run_id, name, project, status, created, duration, params.*, metrics.*, tags.*."""
        from .frames import to_pandas

        return to_pandas(self._store, self.numbers())

    def to_polars(self) -> Any:
        """The same as a polars DataFrame."""
        from .frames import to_polars

        return to_polars(self._store, self.numbers())

    def to_arrow(self) -> Any:
        """The same as a pyarrow Table."""
        from .frames import to_arrow

        return to_arrow(self._store, self.numbers())

    def numbers(self) -> list[int]:
        """The numbers of all of them in the database."""
        with self._store.connect() as connection:
            return self._all_numbers(connection)

    def _all_numbers(self, connection: Connection) -> list[int]:
        if self._numbers is None:
            self._numbers = list(connection.scalars(self._search(connection).ids(self._limit)))
            self._count = len(self._numbers)
        return self._numbers

    def _search(self, connection: Connection) -> Search:
        return Search(connection, self._query, self._scope)

    def _page(self, number: int) -> list[RunView]:
        if number not in self._pages:
            with self._store.connect() as connection:
                self._pages[number] = load(self._store, connection, self._page_numbers(connection, number))
        return self._pages[number]

    def _page_numbers(self, connection: Connection, number: int) -> list[int]:
        """The first page is asked for alone; whoever wants a second one is given the order of all."""
        if number or self._numbers is not None:
            return self._all_numbers(connection)[number * _PAGE : (number + 1) * _PAGE]
        size = _PAGE if self._limit is None else min(_PAGE, self._limit)
        return list(connection.scalars(self._search(connection).ids(size)))

    def __repr__(self) -> str:
        return show.list_text(self)

    def _repr_html_(self) -> str:
        return show.list_html(self)

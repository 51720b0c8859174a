"""What data a model takes and gives: column names and types, dtypes and shapes, nested.

A signature is plain JSON: it says ``int64`` or ``category`` in words that pandas, polars,
Arrow and NumPy share, so a model shown one kind of table can be asked with another.
It is inferred from data (`inference`) and held against data (`matching`); this module
holds only the structs, for manifests are read where no such library is installed.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column: its label (a tuple is a list here), a type in shared words, the library's own dtype."""

    name: Any
    type: str
    dtype: str = ""


class Table(msgspec.Struct, frozen=True, tag="table", tag_field="kind"):
    """A data frame, or a list of dicts (library ``records``)."""

    library: str
    columns: list[Column]


class Series(msgspec.Struct, frozen=True, tag="series", tag_field="kind"):
    """One column by itself."""

    library: str
    column: Column


class Array(msgspec.Struct, frozen=True, tag="array", tag_field="kind"):
    """A tensor of any library (``list`` for nested lists of numbers); -1 stands for the batch."""

    library: str
    dtype: str
    shape: list[int]


class Dict(msgspec.Struct, frozen=True, tag="dict", tag_field="kind"):
    """Several inputs by name."""

    items: dict[str, Spec]


class Tuple(msgspec.Struct, frozen=True, tag="tuple", tag_field="kind"):
    """Several inputs in order."""

    items: list[Spec]


class Scalar(msgspec.Struct, frozen=True, tag="scalar", tag_field="kind"):
    """One number or string."""

    type: str


class Opaque(msgspec.Struct, frozen=True, tag="any", tag_field="kind"):
    """Something of a type that no rule is known for: noted, never checked."""

    type: str


Spec = Table | Series | Array | Dict | Tuple | Scalar | Opaque


class Signature(msgspec.Struct, frozen=True):
    """What goes in and, where it is known, what comes out."""

    inputs: Spec | None = None
    outputs: Spec | None = None

    def check(self, data: Any) -> Any:
        """Return ``data`` as the model expects it, or raise `errors.SignatureMismatch` naming every fault.

        Columns are put in order and cast where nothing can be lost (int to float, never
        float to int); the data given are never changed in place.  Without inputs
        everything passes.
        """
        if self.inputs is None:
            return data
        from .matching import match

        return match(self.inputs, data)

    def __str__(self) -> str:
        """Two lines for a terminal."""
        return f"inputs: {describe(self.inputs)}\noutputs: {describe(self.outputs)}"


def describe(spec: Spec | None, limit: int = 12) -> str:
    """One line about a specification, cut after ``limit`` columns."""
    match spec:
        case None:
            return "unknown"
        case Table(library, columns):
            shown = [f"{c.name}: {c.type}" for c in columns[:limit]]
            more = [f"... {len(columns) - limit} more"] if len(columns) > limit else []
            return f"{library} table ({', '.join(shown + more)})"
        case Series(library, column):
            return f"{library} series {column.name!r} of {column.type}"
        case Array(library, dtype, shape):
            return f"{library} {dtype}{shape}"
        case Dict(items):
            return "{" + ", ".join(f"{name}: {describe(item)}" for name, item in items.items()) + "}"
        case Tuple(items):
            return "(" + ", ".join(describe(item) for item in items) + ")"
        case Scalar(type=kind) | Opaque(type=kind):
            return kind

"""Any object as JSON, for parameters, configurations and notes.

What JSON can say is kept exactly; what it cannot is described in words that no exact value looks like:
"<cycle>", "<ndarray float32 (1000, 3)>", "<... 12 more>". `plain` never raises, reads no iterator, and runs
an object's own code (`__repr__`, `items`) only behind a guard.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import itertools
import math
import os
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sized
from collections.abc import Set as AbstractSet
from typing import Any

DEPTH = 50
NODES = 200_000  # in one call: a data set passed by mistake must not become a journal line of a gigabyte
ARRAY = 100  # elements of an array or tensor that are written out
REPR = 1_000  # characters of somebody's __repr__
BYTES = 10_000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_FRAMES = {"pandas", "polars", "pyarrow"}
_SPELLED = {"decimal", "fractions", "uuid", "ipaddress"}  # `str` says it all and better than `repr`


def plain(value: Any) -> Any:
    r"""Return ``value`` as dicts with text keys, lists, text, numbers, booleans and None; never raise.

    Integers within 64 bits stay integers, larger ones become text; non-finite floats become "NaN",
    "Infinity", "-Infinity"; half surrogate pairs in text are spelled "\udc80". Dataclasses, named tuples,
    namespaces, attrs and pydantic objects become dicts; classes and functions their dotted names; arrays of
    up to 100 elements lists. Beyond 50 levels or 200,000 values the rest is cut and counted in words.
    """
    try:
        return _Walk().visit(value)
    except RecursionError:  # the caller had hardly any stack left
        return f"<{type(value).__name__}: no stack left to look at it>"


def describe(value: Any, limit: int = 80) -> str:
    """Return one short line that names the type and shows the value, for messages; never raise."""
    try:
        if _is_array(value) and not (type(value).__module__ == "numpy" and value.shape == ()):
            return _summary(value).strip("<>")
    except Exception:  # user code
        return f"{_type_name(value)} object"
    return f"{_type_name(value)} {_cut(' '.join(_repr(value).split()), limit)}"


def key_text(key: Any) -> str:
    """Return a mapping's key as text: text as it is, numbers and None spelled out, the rest described."""
    if type(key) is str:
        return _text(key)
    try:
        if isinstance(key, enum.Enum) and not isinstance(key, str):
            return _text(key.name)
        if isinstance(key, str):
            return _text(str.__str__(key))
        if isinstance(key, int | float | None):
            return str(key)
    except Exception:  # user code
        return f"<{_type_name(key)}>"
    made = plain(key)
    return made if isinstance(made, str) else _repr(key)


class _Walk:
    """One call of `plain`: what is being looked into, and how much more may be written."""

    def __init__(self) -> None:
        self.above: set[int] = set()
        self.left = NODES

    def visit(self, value: Any) -> Any:
        self.left -= 1
        exact = _EXACT.get(type(value))
        if exact is not None:
            return exact(value)
        try:
            return self.look(value)
        except Exception as error:  # any of the object's own methods may raise anything
            return f"<{_type_name(value)}: {type(error).__name__} when it was looked at>"

    def look(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict or isinstance(value, Mapping):
            return self.inside(value, self.mapping, value.items())
        if kind is list or kind is tuple:
            return self.inside(value, self.sequence, value)
        for types_, make in _KINDS:
            if isinstance(value, types_):
                return make(value)
        fields = _fields(value)
        if fields is not None:
            return self.inside(value, self.mapping, fields)
        if isinstance(value, list | tuple):
            return self.inside(value, self.sequence, value)
        if isinstance(value, AbstractSet):
            return self.inside(value, self.unordered, value)
        if kind.__module__ in _SPELLED:
            return _text(str(value))
        if _is_array(value):
            return self.array(value)
        if (
            isinstance(getattr(value, "columns", None), Iterable)
            and kind.__module__.partition(".")[0] in _FRAMES
        ):
            return _summary(value)
        return _named(value) if isinstance(getattr(value, "__qualname__", None), str) else _repr(value)

    def inside(self, value: Any, make: Callable[[Any], Any], content: Any) -> Any:
        if id(value) in self.above:
            return "<cycle>"
        if len(self.above) >= DEPTH:
            return f"<{_type_name(value)} deeper than {DEPTH} levels>"
        self.above.add(id(value))
        try:
            return make(content)
        finally:
            self.above.discard(id(value))

    def mapping(self, pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        rest = iter(list(itertools.islice(iter(pairs), self.left + 1)))
        for key, value in rest:
            if self.left <= 0:
                made["<...>"] = "<... more>"
                break
            text = key_text(key)
            if text in made:  # 1 and "1", or two objects that look alike
                text = next(t for n in itertools.count(2) if (t := f"{text} <{n}>") not in made)
            made[text] = self.visit(value)
        return made

    def sequence(self, items: Iterable[Any]) -> list[Any]:
        made = []
        for done, item in enumerate(items):
            if self.left <= 0:
                made.append(f"<... {len(items) - done:,} more>" if isinstance(items, Sized) else "<... more>")
                break
            made.append(self.visit(item))
        return made

    def unordered(self, items: AbstractSet[Any]) -> list[Any]:
        made = self.sequence(items)
        return sorted(made, key=lambda item: (str(type(item)), _order(item)))

    def array(self, value: Any) -> Any:
        """A NumPy scalar, an array, a tensor: its elements if they are few and at hand."""
        size = math.prod(value.shape)
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind in tuple("mM"):
            return str(value) if size <= 1 and not value.shape else _summary(value)
        if (
            size > ARRAY
            or not hasattr(value, "tolist")
            or type(value).__module__.partition(".")[0] in _FRAMES
        ):
            return _summary(value)
        if value.shape and str(getattr(value, "device", "cpu")) not in (
            "cpu",
            "CpuDevice(id=0)",
            "TFRT_CPU_0",
        ):
            return _summary(value)
        content = value.tolist()
        if type(content) is type(value):  # NumPy's longdouble has no Python number
            return _float(float(value)) if float(value) == value else str(value)
        return self.inside(value, self.visit, content)


def _text(value: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _integer(value: int) -> int | str:
    if -(2**63) <= value < 2**64:
        return value
    return hex(value) if value.bit_length() > 10_000 else str(value)  # Python refuses long decimal spellings


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _bytes(value: bytes | bytearray | memoryview) -> str:
    if len(value) > BYTES:
        return f"<{_type_name(value)} of {len(value):,} bytes: {bytes(value[:40])!r}...>"
    return repr(bytes(value))


def _enum(value: enum.Enum) -> Any:
    return plain(value.value) if isinstance(value, int | str) else f"{type(value).__name__}.{value.name}"


def _named(value: Any) -> str:
    name = f"{getattr(value, '__module__', None) or ''}.{value.__qualname__}"
    return _text(name.removeprefix("builtins.").removeprefix("."))


def _partial(value: functools.partial[Any]) -> str:
    given = [_repr(a) for a in value.args] + [f"{k}={_repr(v)}" for k, v in value.keywords.items()]
    return _cut(f"partial({', '.join([str(plain(value.func)), *given])})", REPR)


def _fields(value: Any) -> list[tuple[str, Any]] | None:
    """The named fields of a record-like object, or None."""
    kind = type(value)
    for listing in ("__dataclass_fields__", "__struct_fields__", "_fields", "model_fields"):
        names = getattr(kind, listing, None)
        if isinstance(names, Mapping | tuple) and (listing != "_fields" or isinstance(value, tuple)):
            return [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    attributes = getattr(kind, "__attrs_attrs__", None)
    if attributes is not None:
        return [(a.name, getattr(value, a.name)) for a in attributes if hasattr(value, a.name)]
    if isinstance(value, types.SimpleNamespace) or (
        kind.__name__ == "Namespace" and hasattr(value, "__dict__")
    ):
        return list(vars(value).items())
    return None


def _is_array(value: Any) -> bool:
    return isinstance(getattr(value, "shape", None), tuple) and hasattr(value, "dtype")


def _summary(value: Any) -> str:
    """An array or table by what it is, not what it holds."""
    name = _type_name(value)
    columns = getattr(value, "columns", None)
    if columns is not None and hasattr(value, "shape"):
        names = [str(c) for c in getattr(value, "column_names", columns)]
        shown = ", ".join(names[:20]) + (f", ... {len(names) - 20} more" if len(names) > 20 else "")
        rows, width = value.shape
        return _text(f"<{name} of {rows} rows x {width} columns: {_cut(shown, 500)}>")
    shape = (
        "(" + ", ".join(str(length) for length in value.shape) + ("," if len(value.shape) == 1 else "") + ")"
    )
    dtype = str(getattr(value, "dtype", "")).removeprefix("torch.")
    device = str(getattr(value, "device", "cpu"))
    return _text(
        " ".join(["<" + name, *filter(None, [dtype, shape, "" if "cpu" in device.lower() else device])]) + ">"
    )


def _repr(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # the object's own code
        return f"<{_type_name(value)}: repr failed: {type(error).__name__}>"
    return _cut(_text(_ADDRESS.sub("", text)), REPR)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}<... {len(text) - limit:,} more>"


def _type_name(value: Any) -> str:
    return _text(type(value).__name__)


def _order(item: Any) -> Any:
    return item if isinstance(item, int | float | str) else repr(item)


def _same(value: Any) -> Any:
    return value


_EXACT: dict[type, Callable[[Any], Any]] = {
    str: _text,
    int: _integer,
    float: _float,
    bool: _same,
    type(None): _same,
    bytes: _bytes,
}
_KINDS: list[tuple[Any, Callable[[Any], Any]]] = [
    (enum.Enum, _enum),
    (str, lambda value: _text(str.__str__(value))),
    (int, lambda value: _integer(int.__index__(value))),
    (float, lambda value: _float(float.__float__(value))),
    (bytes | bytearray | memoryview, _bytes),
    (os.PathLike, lambda value: _text(os.fsdecode(value))),
    (dt.datetime | dt.date | dt.time, lambda value: _text(value.isoformat())),
    (dt.timedelta, str),
    (types.ModuleType, lambda value: _text(value.__name__)),
    (functools.partial, _partial),
    (type | types.FunctionType | types.BuiltinFunctionType | types.MethodType, _named),
]

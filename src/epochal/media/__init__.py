"""What can be logged that is no number: pictures, tables, sounds, pages.

Each class holds the user's value as it is and turns it into files and a little data in `encode`, when it is
logged. `wrap` finds the class for a bare value, by exact means only: what it would have to squeeze or guess
(a float array as a picture, weights as a histogram) must be named by the user. Optional libraries are never
imported to look at a value; a value of theirs proves that they are loaded.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from epochal import errors

from .documents import Html, Several, Text
from .encoded import Encoded, Media, is_array
from .histograms import Histogram
from .pictures import Figure, Image, matplotlib_figure
from .recordings import Audio, Video
from .stored import StoredMedia, read
from .tables import Table

__all__ = [
    "Audio",
    "Encoded",
    "Figure",
    "Histogram",
    "Html",
    "Image",
    "Media",
    "StoredMedia",
    "Table",
    "Text",
    "Video",
    "read",
    "wrap",
]

_SMALL = 10_000  # elements of a bare array that become a table


def wrap(value: Any) -> Media | None:
    """Return the medium for a bare value, or None if it is none.

    Knows figures of matplotlib and plotly, PIL images, frames of pandas, polars and Arrow, arrays of bool or
    uint8 pixels (images), other arrays of one or two dimensions up to 10,000 elements (tables), lists of
    media of one kind, and last what an `encoders` plugin knows.
    """
    if isinstance(value, Media):
        return value
    if isinstance(value, list | tuple):
        kinds = {item.type for item in value if isinstance(item, Media)}
        alike = len(kinds) == 1 and all(isinstance(item, Media) for item in value)
        return Several(list(value)) if alike else None
    if (
        isinstance(value, str | bytes | int | float | dict)
        or value is None
        or getattr(value, "shape", None) == ()
    ):
        return None
    roots = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    if "plotly" in roots and hasattr(value, "to_plotly_json"):
        return Figure(value)
    if "PIL" in roots and isinstance(value, getattr(sys.modules.get("PIL.Image"), "Image", ())):
        return Image(value)
    if roots & {"pandas", "polars", "pyarrow"} and hasattr(value, "shape") and len(value.shape) == 2:
        return Table(value)
    if matplotlib_figure(value) is not None:
        return Figure(value)
    return _of_array(value) if is_array(value) else _of_plugin(value)


def _of_array(value: Any) -> Media | None:
    shape, dtype = tuple(value.shape), str(value.dtype).rpartition(".")[2]
    if math.prod(shape) == 1:  # a number
        return None
    if dtype in ("bool", "uint8") and len(shape) in (2, 3):
        flat = len(shape) == 2
        if flat or shape[-1] in (1, 3, 4) or shape[0] in (1, 3, 4):
            return Image(value)
    if len(shape) in (1, 2) and 0 < math.prod(shape) <= _SMALL and dtype != "object":
        return Table(value)
    return _of_plugin(value)


def _of_plugin(value: Any) -> Media | None:
    with errors.guard("encoders", "wrap"):
        from epochal import plugins

        encoder = plugins.registry("encoders").for_type(type(value))
        if encoder is not None:
            made = encoder.encode(value)
            if isinstance(made, Media):
                return made
            raise errors.PluginError(
                f"encoder {encoder.name!r} gave {type(made).__name__}, not an epochal Media"
            )
    return None

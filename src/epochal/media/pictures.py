"""Pictures: images of pixels, and figures of a plotting library.

Nothing of the user's is touched: arrays are read, figures are drawn by their own `savefig` into memory, and
neither pyplot nor the backend is asked for or changed.
"""

from __future__ import annotations

import inspect
import io
import sys
from typing import TYPE_CHECKING, Any

from epochal.errors import ValueRefused
from epochal.plain import describe, plain

from . import png
from .encoded import Encoded, Media, as_array, content, is_array, is_torch, refused, sniff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

PIXELS = "an array of height x width, or height x width x 1, 3 or 4 (bool, uint8, uint16, float from 0 to 1)"
_CHANNELS = (1, 3, 4)
_SLACK = 1e-3  # what a resize or a rounding leaves outside 0..1


class Image(Media):
    """A picture from an array or tensor, a PIL image, the path of a file, or a file's bytes."""

    type = "image"

    def __init__(
        self,
        value: Any,
        caption: str | None = None,
        *,
        boxes: Mapping[str, Any] | Sequence[Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        classes: Mapping[int, str] | Sequence[str] | None = None,
        normalize: bool = False,
    ) -> None:
        """Hold ``value`` until it is logged.

        Torch tensors are channel x height x width, other arrays height x width x channel. ``boxes`` are kept
        as data, best as {"predictions": [{"box": [x0, y0, x1, y1], "label": "cat", "score": 0.9}]} in pixels;
        ``masks`` are name -> height x width array of class numbers, named by ``classes``.
        ``normalize`` stretches any range of numbers to black..white.
        """
        super().__init__(caption)
        self.value, self.boxes, self.masks, self.classes = value, boxes, masks, classes
        self.normalize = normalize

    def encode(self) -> Encoded:
        """Return a PNG of pixels, or the file as it is."""
        source = content(self.value)
        if source is not None:
            return self._with_overlays(*_from_file(source, self.value))
        if "PIL.Image" in sys.modules and isinstance(self.value, sys.modules["PIL.Image"].Image):
            return self._with_overlays(*_from_pil(self.value))
        if not is_array(self.value) and not isinstance(self.value, list | tuple):
            raise refused("image", self.value, f"{PIXELS}, a PIL image, a path or bytes")
        drawn = pixels(self.value, normalize=self.normalize)
        size = {"height": drawn.shape[0], "width": drawn.shape[1]}
        return self._with_overlays(("image.png", png.encode(drawn), "image/png"), size)

    def about(self) -> str:
        """Say what the picture is made of."""
        return describe(self.value)

    def _with_overlays(self, file: tuple[str, bytes | Path, str], data: dict[str, Any]) -> Encoded:
        files = [file]
        if self.boxes is not None:
            data["boxes"] = self.boxes
        if self.classes is not None:
            names = self.classes.items() if hasattr(self.classes, "items") else enumerate(self.classes)
            data["classes"] = {str(number): str(name) for number, name in names}
        for index, (name, mask) in enumerate((self.masks or {}).items()):
            files.append((f"mask-{index}.png", png.encode(_labels(name, mask)), "image/png"))
            data.setdefault("masks", []).append({"name": str(name), "file": f"mask-{index}.png"})
        return Encoded(self.type, files, data, self.caption)


class Figure(Media):
    """A matplotlib figure or axes, kept as PNG, or a plotly figure, kept as its own JSON."""

    type = "figure"

    def __init__(
        self, value: Any, caption: str | None = None, *, svg: bool = False, dpi: float | None = None
    ) -> None:
        """Hold the figure until it is logged; ``svg`` keeps a vector drawing beside a matplotlib PNG."""
        super().__init__(caption)
        self.value, self.svg, self.dpi = value, svg, dpi

    def encode(self) -> Encoded:
        """Draw the figure as it is now; it stays open and unchanged."""
        if callable(getattr(self.value, "to_plotly_json", None)):
            text = self.value.to_json()
            file = ("figure.json", text.encode(), "application/vnd.plotly.v1+json")
            return Encoded(self.type, [file], {"library": "plotly"}, self.caption)
        figure = matplotlib_figure(self.value)
        if figure is None:
            raise refused("figure", self.value, "a matplotlib Figure or Axes, or a plotly figure")
        files: list[tuple[str, bytes | Path, str]] = [("figure.png", self._drawn(figure, "png"), "image/png")]
        if self.svg:
            files.append(("figure.svg", self._drawn(figure, "svg"), "image/svg+xml"))
        return Encoded(self.type, files, {"library": "matplotlib"}, self.caption)

    def about(self) -> str:
        """Say whose figure it is."""
        return type(self.value).__name__

    def _drawn(self, figure: Any, form: str) -> bytes:
        written = io.BytesIO()
        more = {"metadata": {"Date": None}} if form == "svg" else {}  # the same figure, the same bytes
        figure.savefig(written, format=form, **({"dpi": self.dpi} if self.dpi else {}), **more)
        return written.getvalue()


def matplotlib_figure(value: Any) -> Any | None:
    """Return the figure that ``value`` is or belongs to, or None; `pyplot` stands for its current one."""
    if "matplotlib.figure" not in sys.modules:
        return None
    figures, artists = sys.modules["matplotlib.figure"], sys.modules["matplotlib.artist"]
    if inspect.ismodule(value):
        is_pyplot = value.__name__ == "matplotlib.pyplot" and value.get_fignums()
        return value.gcf() if is_pyplot else None
    if is_array(value) and str(value.dtype) == "object" and value.size:  # what `subplots` returns
        value = value.flat[0]
    found = value if isinstance(value, figures.FigureBase) else None
    if found is None and isinstance(value, artists.Artist):
        found = value.get_figure()
    while isinstance(found, figures.SubFigure):
        found = found.get_figure(root=True) if hasattr(found, "_root_figure") else found.figure
    return found


def pixels(value: Any, *, normalize: bool = False) -> np.ndarray[Any, Any]:
    """Return uint8 or uint16 pixels, height x width (x 1, 3, 4), of an array, tensor or nested list."""
    import numpy as np

    array = as_array(value)
    if array.ndim == 3:
        first, last = array.shape[0] in _CHANNELS, array.shape[2] in _CHANNELS
        if first and (is_torch(value) or not last):
            array = np.moveaxis(array, 0, 2)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS) or not array.size:
        raise refused("image", value, PIXELS)
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise refused("image", value, PIXELS)
    if normalize:
        return _stretched(array)
    if array.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        return array
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and low >= -_SLACK and high <= 1 + _SLACK:
        return _bytes(np.clip(array.astype(np.float64), 0, 1) * 255)
    if array.dtype.kind != "f" and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    most = "1" if array.dtype.kind == "f" else "255"
    raise ValueRefused(
        f"an image of {array.dtype} must lie in 0..{most}, this one goes from {low:g} to {high:g}; "
        "scale it, or pass normalize=True"
    )


def _stretched(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    wide = array.astype(np.float64)
    finite = np.isfinite(wide)
    if not finite.any():
        return np.zeros(array.shape, np.uint8)
    low, high = wide[finite].min(), wide[finite].max()
    scaled = (np.clip(np.nan_to_num(wide, nan=low), low, high) - low) / ((high - low) or 1.0)
    return _bytes(scaled * 255)


def _bytes(brightness: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    rounded: np.ndarray[Any, Any] = np.rint(brightness).astype(np.uint8)
    return rounded


def _labels(name: str, mask: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    array = as_array(mask)
    if (
        array.ndim != 2
        or array.dtype.kind not in "biu"
        or not array.size
        or array.min() < 0
        or array.max() > 65_535
    ):
        raise refused(f"mask {name!r}", mask, "height x width class numbers from 0 to 65,535")
    return array.astype(np.uint8 if array.max() <= 255 else np.uint16)


def _from_file(source: bytes | Path, value: Any) -> tuple[tuple[str, bytes | Path, str], dict[str, Any]]:
    found = sniff(source, "image")
    if found is None:
        raise refused("image", value, "a PNG, JPEG, GIF, WebP, BMP, TIFF, AVIF or SVG file, path or bytes")
    mime, suffix = found
    data = {} if isinstance(source, bytes) else {"name": plain(source.name)}
    return (f"image.{suffix}", source, mime), data


def _from_pil(value: Any) -> tuple[tuple[str, bytes | Path, str], dict[str, Any]]:
    written = io.BytesIO()
    native = value.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
    (value if native else value.convert("RGB")).save(written, format="PNG")
    return ("image.png", written.getvalue(), "image/png"), {"height": value.height, "width": value.width}

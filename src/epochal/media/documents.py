"""Text and HTML. HTML is only ever shown inside a sandbox, so nothing in it is cleaned or changed here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from epochal.plain import plain

from .encoded import Encoded, Media, content, refused

if TYPE_CHECKING:
    from pathlib import Path

PREVIEW = 500


class Text(Media):
    """A text, whole, with its beginning beside it."""

    type = "text"

    def __init__(self, text: str, caption: str | None = None) -> None:
        """Hold any text; half surrogate pairs, which UTF-8 cannot say, are spelled out in letters."""
        super().__init__(caption)
        self.text = text

    def encode(self) -> Encoded:
        """Return the text as a file, and its beginning."""
        text: Any = self.text
        if not isinstance(text, str):
            raise refused("text", text, "text; log a file with log_artifact()")
        written: str = plain(text)
        data = {"preview": written[:PREVIEW], "characters": len(self.text)}
        return Encoded(
            self.type, [("text.txt", written.encode(), "text/plain; charset=utf-8")], data, self.caption
        )

    def about(self) -> str:
        """Show the beginning."""
        return repr(str(self.text)[:60])


class Html(Media):
    """A page of HTML: its source, the path of a file, or an open file."""

    type = "html"

    def __init__(self, value: Any, caption: str | None = None) -> None:
        """Hold the page until it is logged; text is the source itself, a `Path` names a file."""
        super().__init__(caption)
        self.value = value

    def encode(self) -> Encoded:
        """Return the page as a file."""
        if isinstance(self.value, str):
            source: bytes | Path | None = plain(self.value).encode()
        else:
            source = content(self.value)
        if source is None:
            made = getattr(self.value, "_repr_html_", None)
            if not callable(made):
                raise refused("page", self.value, "HTML source, a Path, or an object with _repr_html_()")
            source = str(plain(str(made()))).encode()
        data = {"name": plain(source.name)} if isinstance(source, os.PathLike) else {}
        return Encoded(self.type, [("page.html", source, "text/html; charset=utf-8")], data, self.caption)


class Several(Media):
    """A list of media of one kind, logged under one key."""

    def __init__(self, items: list[Media]) -> None:
        """Hold ``items``, of which there is at least one."""
        super().__init__(None)
        self.items = items
        self.type = items[0].type

    def encode(self) -> Encoded:
        """Return all files, each with its item's number before its name, and the items' data in order."""
        files, about = [], []
        for index, item in enumerate(self.items):
            made = item.encode()
            named = [(f"{index}-{name}", source, mime) for name, source, mime in made.files]
            files.extend(named)
            about.append(
                {"files": [name for name, _, _ in named], "data": made.data, "caption": made.caption}
            )
        return Encoded(self.type, files, {"items": about})

    def about(self) -> str:
        """Say how many there are."""
        return f"{len(self.items)} x {self.type}"

"""Sound and moving pictures: WAV and APNG are written here, files of other formats are kept as they are."""

from __future__ import annotations

import io
import sys
import wave
from typing import TYPE_CHECKING, Any

from epochal.errors import ValueRefused
from epochal.plain import describe, plain

from . import png
from .encoded import Encoded, Media, as_array, content, is_array, is_torch, refused, sniff
from .pictures import pixels

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SAMPLES = (
    "an array of samples or samples x channels (int16, int32, uint8, float from -1 to 1) and its sample_rate"
)
FRAMES = "an array of frames x height x width x 1, 3 or 4"
_MOST_CHANNELS = 16


class Audio(Media):
    """A sound from an array or tensor of samples, the path of a file, or a file's bytes."""

    type = "audio"

    def __init__(self, value: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        """Hold the sound until it is logged; an array needs ``sample_rate`` in Hz.

        Torch tensors are channels x samples, other arrays samples x channels. Floats become 16-bit samples.
        """
        super().__init__(caption)
        self.value, self.sample_rate = value, sample_rate

    def encode(self) -> Encoded:
        """Return a WAV of samples, or the file as it is."""
        source = content(self.value)
        if source is not None:
            formats = "a WAV, FLAC, MP3, Ogg or M4A file, path or bytes"
            return _kept(
                self, source, "audio", formats, {"sample_rate": self.sample_rate} if self.sample_rate else {}
            )
        if not is_array(self.value) and not isinstance(self.value, list | tuple):
            raise refused("sound", self.value, f"{SAMPLES}, a path or bytes")
        if not isinstance(self.sample_rate, int) or not 0 < self.sample_rate < 2**31:
            raise ValueRefused(f"a sound of samples needs its sample_rate in Hz, not {self.sample_rate!r}")
        samples = _samples(self.value)
        written = io.BytesIO()
        with wave.open(written, "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(samples.dtype.itemsize)
            file.setframerate(self.sample_rate)
            file.writeframes(samples.tobytes() if sys.byteorder == "little" else samples.byteswap().tobytes())
        data = {
            "sample_rate": self.sample_rate,
            "channels": samples.shape[1],
            "seconds": len(samples) / self.sample_rate,
        }
        return Encoded(self.type, [("audio.wav", written.getvalue(), "audio/wav")], data, self.caption)

    def about(self) -> str:
        """Say what the sound is made of."""
        return describe(self.value)


class Video(Media):
    """A moving picture from an array of frames, the path of a file, or a file's bytes."""

    type = "video"

    def __init__(
        self,
        value: Any,
        caption: str | None = None,
        *,
        fps: float = 8,
        normalize: bool = False,
        mime: str | None = None,
    ) -> None:
        """Hold the video until it is logged; frames of an array are shown ``fps`` a second.

        Torch tensors are frames x channel x height x width, other arrays frames x height x width x channel.
        Frames are kept without loss as APNG, which every browser plays; ``mime`` names the format of a file
        that is not recognised.
        """
        super().__init__(caption)
        self.value, self.fps, self.normalize, self.mime = value, fps, normalize, mime

    def encode(self) -> Encoded:
        """Return an APNG of frames, or the file as it is."""
        source = content(self.value)
        if source is not None:
            formats = "an MP4, WebM, Ogg, MPEG, AVI, GIF or APNG file, path or bytes"
            return _kept(self, source, "video", formats, {}, self.mime)
        if not is_array(self.value) and not isinstance(self.value, list | tuple):
            raise refused("video", self.value, f"{FRAMES}, a path or bytes")
        if not 0 < self.fps <= 1000:
            raise ValueRefused(f"fps must be between 0 and 1000, not {self.fps!r}")
        frames = as_array(self.value)
        if frames.ndim != 4 or not frames.size:
            raise refused("video", self.value, FRAMES)
        if frames.shape[1] in (1, 3, 4) and (is_torch(self.value) or frames.shape[3] not in (1, 3, 4)):
            import numpy as np

            frames = np.moveaxis(frames, 1, 3)
        if frames.shape[3] not in (1, 3, 4):
            raise refused("video", self.value, FRAMES)
        flat = frames.reshape(-1, *frames.shape[2:])  # one range of brightness for all frames
        drawn = pixels(flat, normalize=self.normalize).reshape(frames.shape)
        data = {
            "frames": len(drawn),
            "fps": float(self.fps),
            "height": drawn.shape[1],
            "width": drawn.shape[2],
        }
        return Encoded(
            self.type, [("video.png", png.animate(drawn, self.fps), "image/apng")], data, self.caption
        )

    def about(self) -> str:
        """Say what the video is made of."""
        return describe(self.value)


def _kept(
    medium: Media,
    source: bytes | Path,
    family: str,
    formats: str,
    data: dict[str, Any],
    mime: str | None = None,
) -> Encoded:
    found = sniff(source, family)
    if found is None and mime is None:
        raise refused(family, getattr(medium, "value", None), formats)
    known, suffix = found or (mime, "bin")
    if not isinstance(source, bytes):
        data = {"name": plain(source.name), **data}
    return Encoded(medium.type, [(f"{family}.{suffix}", source, mime or str(known))], data, medium.caption)


def _samples(value: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    array = as_array(value)
    if array.ndim == 1:
        array = array[:, None]
    if (
        array.ndim == 2
        and array.shape[0] <= _MOST_CHANNELS
        and (is_torch(value) or array.shape[1] > _MOST_CHANNELS)
    ):
        array = array.T
    if array.ndim != 2 or array.shape[1] > _MOST_CHANNELS or not array.size:
        raise refused("sound", value, SAMPLES)
    if array.dtype in (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.uint8)):
        return np.ascontiguousarray(array)
    if array.dtype.kind != "f":
        raise refused("sound", value, SAMPLES)
    most = float(np.abs(array).max())
    if not most <= 1.001:
        raise ValueRefused(f"a sound of floats must lie in -1..1, this one reaches {most:g}; divide it first")
    samples: np.ndarray[Any, Any] = np.rint(np.clip(array.astype(np.float64), -1, 1) * 32_767).astype(
        np.int16
    )
    return samples

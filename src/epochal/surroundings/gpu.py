"""NVIDIA GPUs through NVML: what they are and how busy; nothing if there are none, or no nvidia-ml-py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def describe() -> list[dict[str, Any]]:
    """Return name, memory in bytes and driver of each GPU; an empty list if none can be asked."""
    nvml, handles = _devices()
    if nvml is None:
        return []
    driver = _ask(nvml, lambda n: n.nvmlSystemGetDriverVersion())
    cuda = _ask(nvml, lambda n: n.nvmlSystemGetCudaDriverVersion())
    found = []
    for handle in handles:
        memory = _ask(nvml, _memory, handle)
        facts = {
            "name": _text(_ask(nvml, lambda n, h: n.nvmlDeviceGetName(h), handle)),
            "memory": None if memory is None else int(memory.total),
            "driver": _text(driver),
            "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
        }
        found.append({name: fact for name, fact in facts.items() if fact is not None})
    return found


class Load:
    """How busy the GPUs are, asked again and again."""

    def __init__(self) -> None:
        self._nvml, self._handles = _devices()

    def sample(self) -> dict[str, float]:
        """Return gpu.N: utilization, memory in %, memory.used in bytes, power in W, temperature in C."""
        values: dict[str, float] = {}
        for index, handle in enumerate(self._handles):
            for name, question in _QUESTIONS.items():
                answer = _ask(self._nvml, question, handle)
                if answer is not None:
                    values[f"gpu.{index}.{name}"] = answer
            memory = _ask(self._nvml, _memory, handle)
            if memory is not None and memory.total:
                values[f"gpu.{index}.memory.used"] = int(memory.used)
                values[f"gpu.{index}.memory"] = round(100 * memory.used / memory.total, 1)
        return values


def _devices() -> tuple[Any, list[Any]]:
    if not _possible():
        return None, []
    try:
        import pynvml
    except ImportError:
        return None, []
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        return pynvml, [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
    except pynvml.NVMLError:  # no driver, or not allowed
        return None, []


def _possible() -> bool:
    """Whether there can be a GPU at all: pynvml takes 0.2 s of the first run to load, only to say no."""
    if sys.platform != "linux" or any(Path(trace).exists() for trace in _TRACES):
        return True
    try:
        vendors = [path.read_text() for path in Path("/sys/bus/pci/devices").glob("*/vendor")]
    except OSError:
        return True
    return f"{_NVIDIA}\n" in vendors


_TRACES = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg")
"""Of the driver on a machine, in a container, under WSL."""

_NVIDIA = "0x10de"
"""The PCI vendor: the driver may be loaded only when it is first asked."""


def _ask(nvml: Any, question: Callable[..., Any], *about: Any) -> Any:
    """The answer, or None where this GPU cannot say (a MIG slice, a virtual GPU)."""
    try:
        return question(nvml, *about)
    except nvml.NVMLError:
        return None


def _memory(nvml: Any, handle: Any) -> Any:
    return nvml.nvmlDeviceGetMemoryInfo(handle)


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


_QUESTIONS: dict[str, Callable[[Any, Any], float]] = {
    "utilization": lambda nvml, handle: nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
    "power": lambda nvml, handle: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
    "temperature": lambda nvml, handle: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
}

"""Where a run ran: the interpreter, the machine, the command, the packages.

Environment variables are taken from a list of names that schedulers and frameworks use; the rest, where keys
and passwords live, is never looked at. The command line is noted without what looks like a secret.
"""

from __future__ import annotations

import getpass
import os
import platform
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal import errors
from epochal.plain import plain

from .redact import redact, redact_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

ARGUMENT = 1_000  # characters of an argument; the code after `python -c` may be long

# fmt: off
VARIABLES = (
    "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES", "MKL_NUM_THREADS", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "PYTORCH_CUDA_ALLOC_CONF", "TF_DETERMINISTIC_OPS",
    "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "GROUP_RANK", "RANK",
    "WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "TORCHELASTIC_RUN_ID",
    "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME", "SLURM_CPUS_PER_TASK",
    "SLURM_GPUS", "SLURM_JOB_ACCOUNT", "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_NODELIST",
    "SLURM_JOB_NUM_NODES", "SLURM_JOB_PARTITION", "SLURM_LOCALID", "SLURM_NNODES", "SLURM_NODEID",
    "SLURM_NTASKS", "SLURM_PROCID", "SLURM_RESTART_COUNT", "SLURM_SUBMIT_DIR", "JOB_ID", "JOB_NAME",
    "LSB_JOBID", "PBS_JOBID", "PBS_JOBNAME", "PBS_QUEUE", "RAY_JOB_ID", "CI", "GITHUB_REF_NAME",
    "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_SHA", "CI_COMMIT_SHA", "CI_JOB_ID", "CI_PIPELINE_ID",
    "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE",
    "SAGEMAKER_TRAINING_JOB_NAME", "AWS_BATCH_JOB_ID", "CLOUD_ML_JOB_ID",
)
# fmt: on


def environment() -> dict[str, Any]:
    """Return a JSON document of the interpreter, machine and command, and of what the `probes` know.

    What cannot be found out is left out. Takes some milliseconds and may run in any thread.
    """
    asked: dict[str, Callable[[], Any]] = {
        "python": _python,
        "platform": _platform,
        "host": socket.gethostname,
        "user": getpass.getuser,
        "pid": os.getpid,
        "cwd": os.getcwd,
        "command": _command,
        "script": _script,
        "notebook": _notebook,
        "cpu": _cpu,
        "memory": _memory,
        "container": _container,
        "variables": _variables,
    }
    found: dict[str, Any] = {}
    for name, question in asked.items():
        try:
            answer = question()
        except (OSError, KeyError, ImportError, ValueError):  # no such file, no such user
            continue
        if answer is not None:
            found[name] = answer
    for name, answer in _of_plugins().items():
        found.setdefault(name, answer)
    made: dict[str, Any] = plain(found)
    return made


def _of_plugins() -> dict[str, Any]:
    answers = {}
    with errors.guard("probes", "lookup"):
        from epochal import plugins

        for probe in plugins.registry("probes"):
            with errors.guard(f"probe {probe.name}", "once"):
                answers[str(probe.name)] = probe.once()
    return answers


def _python() -> dict[str, Any]:
    found = {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
    }
    if sys.prefix != sys.base_prefix:
        found["environment"] = sys.prefix
    return found


def _platform() -> str:
    if not hasattr(os, "uname"):
        return platform.platform()
    system = os.uname()
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = system.sysname
    return f"{name}, {system.sysname} {system.release}, {system.machine}"


def _command() -> list[str]:
    arguments = sys.orig_argv or [sys.executable, *sys.argv]
    if "ipykernel" in sys.modules and len(arguments) > 1 and any("ipykernel" in one for one in arguments):
        return arguments[:3]  # the rest is a connection file
    shown = redact_arguments(arguments)
    return [
        one if len(one) <= ARGUMENT else f"{one[:ARGUMENT]}<... {len(one) - ARGUMENT:,} more>"
        for one in shown
    ]


def _script() -> str | None:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(file).absolute()) if isinstance(file, str) else None


def _notebook() -> str | None:
    if "ipykernel" not in sys.modules:
        return None
    main = sys.modules.get("__main__")
    named = getattr(main, "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    return str(named) if named else "unnamed"


def _cpu() -> dict[str, Any]:
    found: dict[str, Any] = {"count": os.cpu_count()}
    if hasattr(os, "sched_getaffinity"):
        found["usable"] = len(os.sched_getaffinity(0))
    limit = _cgroup("cpu.max", "cpu/cpu.cfs_quota_us", _quota)
    if limit is not None:
        found["limit"] = limit
    model = _cpu_model()
    return {"model": model, **found} if model else found


def _cpu_model() -> str | None:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("model name", "Model", "cpu model", "cpu"):
                    return value.strip()
    except OSError:
        return platform.processor() or None
    return None


def _memory() -> dict[str, int]:
    found = {"total": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")}
    limit = _cgroup("memory.max", "memory/memory.limit_in_bytes", _number)
    if limit is not None and limit < found["total"]:
        found["limit"] = int(limit)
    return found


def _cgroup(name: str, old: str, read: Callable[[Path], float | None]) -> float | None:
    """The tightest limit of this process's control groups (version 2, then 1), or None without one."""
    root = Path("/sys/fs/cgroup")
    inside = ""
    try:
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            if line.startswith("0::"):
                inside = line[3:].strip("/")
    except OSError:
        return None
    folder = root / inside
    limits = [read(place / name) for place in (folder, *folder.parents) if place.is_relative_to(root)]
    limits.append(read(root / old))
    return min((limit for limit in limits if limit is not None), default=None)


def _quota(path: Path) -> float | None:
    """CPUs: "max 100000" or "150000 100000" in version 2, two files of microseconds in version 1."""
    try:
        quota, _, period = path.read_text(encoding="ascii").strip().partition(" ")
        if not period:
            period = (path.parent / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def _number(path: Path) -> float | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max"
        return None


def _container() -> str | None:
    if Path("/.dockerenv").exists():
        return "docker"
    if Path("/run/.containerenv").exists():
        return "podman"
    if "SINGULARITY_NAME" in os.environ or "APPTAINER_NAME" in os.environ:
        return "apptainer"
    return "kubernetes" if "KUBERNETES_SERVICE_HOST" in os.environ else None


def _variables() -> dict[str, str] | None:
    return {name: redact(os.environ[name]) for name in sorted(VARIABLES) if name in os.environ} or None

"""One small adapter for each tracker: start a run, log, finish, read back, and how to import it.

The measurements (`measures.py`) see nothing else of a tracker, so ours and the peers run the same code. An
adapter imports its library only when it is used: this module is loaded in every environment. `start` hands
out the tracker's own logging call where its arguments fit (ours, W&B), so that no wrapper of the bench is
measured.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import contextlib

Log = Callable[..., object]
"""Called as `log(values, step=step)`."""
Series = tuple[Any, Any]
"""The steps and values of a metric in order of writing, as lists or as arrays."""


class Tracker:
    """What the bench asks of a tracker. `packages` is what pip installs; empty means our own environment."""

    name: ClassVar[str]
    statement: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def environment(root: pathlib.Path) -> dict[str, str]:
        """Return the variables that keep the tracker inside `root`, offline and quiet."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Import the library and make what a store needs once, so that `start` measures a run and nothing
        else.
        """
        raise NotImplementedError

    def start(self, root: pathlib.Path) -> Log:
        """Start a run and return its logging call."""
        raise NotImplementedError

    def finish(self) -> None:
        """End the run."""
        raise NotImplementedError

    def reference(self) -> str:
        """Return what `history` needs to find the run again from another process."""
        raise NotImplementedError

    def history(self, root: pathlib.Path, reference: str, key: str) -> Series:
        """Read the whole series of a metric."""
        raise NotImplementedError

    def write_model(self, model: Any, root: pathlib.Path) -> None:
        """Write a model in the format that the tracker writes, without the tracker."""
        raise NotImplementedError

    def autolog(self, root: pathlib.Path, *, models: bool) -> None:
        """Turn on the automatic logging of scikit-learn."""
        raise NotImplementedError

    def quiet(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which the automatic logging is silent: the bare fit in the same process."""
        raise NotImplementedError


class Epochal(Tracker):
    """Ours, with its default settings: environment probe and system sampler on."""

    name = "epochal"
    statement = "import epochal"

    @staticmethod
    def environment(root: pathlib.Path) -> dict[str, str]:
        return {"EPOCHAL_STORE": str(root)}

    def prepare(self) -> None:
        import epochal

        self.epochal = epochal

    def start(self, root: pathlib.Path) -> Log:
        self.run = self.epochal.start_run(project="bench")
        return self.run.log

    def finish(self) -> None:
        self.run.finish()

    def reference(self) -> str:
        return str(self.run.id)

    def history(self, root: pathlib.Path, reference: str, key: str) -> Series:
        series = self.epochal.run(reference).history(key)
        return series.steps, series.values

    def write_model(self, model: Any, root: pathlib.Path) -> None:
        import skops.io

        skops.io.dump(model, root / "model.skops")

    def autolog(self, root: pathlib.Path, *, models: bool) -> None:
        self.epochal.autolog("sklearn", models=models)

    def quiet(self) -> contextlib.AbstractContextManager[object]:
        quiet: contextlib.AbstractContextManager[object] = self.epochal.quiet()
        return quiet


class MLflow(Tracker):
    """MLflow with its SQLite store in the run's folder; the store is made in `prepare`, not in `start`."""

    name = "mlflow"
    statement = "import mlflow"
    packages = ("mlflow==3.17.2", "scikit-learn==1.9.1")

    @staticmethod
    def environment(root: pathlib.Path) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "GIT_PYTHON_REFRESH": "quiet",
        }

    def prepare(self) -> None:
        import mlflow

        self.mlflow = mlflow
        mlflow.set_experiment("bench")

    def start(self, root: pathlib.Path) -> Log:
        self.run = self.mlflow.start_run()
        return self._log

    def _log(self, values: Mapping[str, float], step: int) -> None:
        if len(values) == 1:
            for key, value in values.items():
                self.mlflow.log_metric(key, value, step=step)
        else:
            self.mlflow.log_metrics(dict(values), step=step)

    def finish(self) -> None:
        self.mlflow.end_run()

    def reference(self) -> str:
        return str(self.run.info.run_id)

    def history(self, root: pathlib.Path, reference: str, key: str) -> Series:
        points = self.mlflow.MlflowClient().get_metric_history(reference, key)
        return [point.step for point in points], [point.value for point in points]

    def many_runs(self, runs: Iterable[tuple[dict[str, str], dict[str, float]]]) -> None:
        """Make finished runs of (params, metrics) by the cheapest documented calls."""
        from mlflow.entities import Metric, Param

        client = self.mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("bench").experiment_id
        for params, metrics in runs:
            run_id = client.create_run(experiment).info.run_id
            client.log_batch(
                run_id,
                metrics=[Metric(key, value, 0, 0) for key, value in metrics.items()],
                params=[Param(key, value) for key, value in params.items()],
            )
            client.set_terminated(run_id)

    def search(self, filter_: str, order: str, limit: int) -> int:
        """Filter, sort and page; return how many runs came."""
        client = self.mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("bench").experiment_id
        return len(client.search_runs([experiment], filter_, order_by=[order], max_results=limit))

    def write_model(self, model: Any, root: pathlib.Path) -> None:
        import pickle

        (root / "model.pickle").write_bytes(pickle.dumps(model))

    def autolog(self, root: pathlib.Path, *, models: bool) -> None:
        self.mlflow.sklearn.autolog(log_models=models, silent=True)

    def quiet(self) -> contextlib.AbstractContextManager[object]:
        from mlflow.utils.autologging_utils import disable_autologging

        quiet: contextlib.AbstractContextManager[object] = disable_autologging()
        return quiet


class Wandb(Tracker):
    """W&B offline. There is no call that reads an offline run, so its transaction log is parsed here."""

    name = "wandb"
    statement = "import wandb"
    packages = ("wandb==0.31.0",)

    @staticmethod
    def environment(root: pathlib.Path) -> dict[str, str]:
        folders = {f"WANDB_{name}_DIR": f"{root}/{name.lower()}" for name in ("CACHE", "DATA", "CONFIG")}
        return {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(root), **folders}

    def prepare(self) -> None:
        import wandb

        self.wandb = wandb

    def start(self, root: pathlib.Path) -> Log:
        self.run = self.wandb.init(project="bench", dir=str(root), mode="offline")
        log: Log = self.run.log
        return log

    def finish(self) -> None:
        self.run.finish()

    def reference(self) -> str:
        return str(pathlib.Path(self.run.dir).parent)

    def history(self, root: pathlib.Path, reference: str, key: str) -> Series:
        import json

        from wandb.proto import wandb_internal_pb2

        steps, values = [], []
        for path in pathlib.Path(reference).glob("*.wandb"):
            for payload in _leveldb_records(path.read_bytes()):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(payload)
                items = {
                    item.key or ".".join(item.nested_key): item.value_json for item in record.history.item
                }
                if key in items:
                    steps.append(record.history.step.num)
                    values.append(float(json.loads(items[key])))
        return steps, values


def _leveldb_records(log: bytes) -> Iterator[bytes]:
    """Yield the records of a LevelDB log (7-byte header, 32 KiB blocks, records split over blocks) as W&B
    writes it.

    Source of the format: https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    block, header, first_part, middle_part = 32768, 7, 2, 3
    at, joined = header, b""
    while at + header <= len(log):
        left = block - at % block
        length, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        if left < header or (kind == 0 and length == 0):
            at += left
            continue
        part = log[at + header : at + header + length]
        if len(part) < length:
            return
        at += header + length
        joined = part if kind in (1, first_part) else joined + part
        if kind not in (first_part, middle_part):
            yield joined


class Trackio(Tracker):
    """Trackio, local: its SQLite file below the run's folder, its dashboard not started."""

    name = "trackio"
    statement = "import trackio"
    packages = ("trackio==0.43.0",)

    @staticmethod
    def environment(root: pathlib.Path) -> dict[str, str]:
        return {
            "TRACKIO_DIR": f"{root}/trackio",
            "HF_HOME": f"{root}/hf",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
        }

    def prepare(self) -> None:
        import trackio

        self.trackio = trackio

    def start(self, root: pathlib.Path) -> Log:
        self.run = self.trackio.init(project="bench", name="run", embed=False)
        log: Log = self.trackio.log
        return log

    def finish(self) -> None:
        self.trackio.finish()

    def reference(self) -> str:
        return "run"

    def history(self, root: pathlib.Path, reference: str, key: str) -> Series:
        from trackio.sqlite_storage import SQLiteStorage

        points = SQLiteStorage.get_metric_values("bench", reference, key)
        return [point["step"] for point in points], [point["value"] for point in points]


class TensorboardX(Tracker):
    """tensorboardX, read back with TensorBoard's own reader; values are float32 in its files."""

    name = "tensorboardX"
    statement = "from tensorboardX import SummaryWriter"
    packages = ("tensorboardX==2.6.5", "tensorboard==2.21.0")

    @staticmethod
    def environment(root: pathlib.Path) -> dict[str, str]:  # noqa: ARG004 - it needs none
        return {}

    def prepare(self) -> None:
        import tensorboardX

        self.tensorboardX = tensorboardX

    def start(self, root: pathlib.Path) -> Log:
        self.writer = self.tensorboardX.SummaryWriter(logdir=str(root / "events"))
        return self._log

    def _log(self, values: Mapping[str, float], step: int) -> None:
        add: Callable[[str, float, int], Any] = self.writer.add_scalar
        for key, value in values.items():
            add(key, value, step)

    def finish(self) -> None:
        self.writer.close()

    def reference(self) -> str:
        return "events"

    def history(self, root: pathlib.Path, reference: str, key: str) -> Series:
        from tensorboard.backend.event_processing import event_accumulator

        events = event_accumulator.EventAccumulator(str(root / reference), size_guidance={"scalars": 0})
        events.Reload()
        if key not in events.Tags()["scalars"]:
            return [], []
        points = events.Scalars(key)
        return [point.step for point in points], [point.value for point in points]


OURS: type[Tracker] = Epochal
PEERS: dict[str, type[Tracker]] = {peer.name: peer for peer in (MLflow, Wandb, Trackio, TensorboardX)}
EVERY: dict[str, type[Tracker]] = {OURS.name: OURS, **PEERS}

"""What a model folder may not do: bring code, choose what is trusted, or crash whoever predicts with it."""

from __future__ import annotations

import functools
import json
import pathlib
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR

from epochal import errors
from epochal.testing.flavors import Case, FlavorSuite
from epochal_sklearn import SklearnFlavor, audit, trusted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)


def own(values: Any) -> Any:
    return values


def kept(model: Any, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    SklearnFlavor().save(model, folder)
    return folder


def load(folder: Path, *trust: str) -> Any:
    return SklearnFlavor().load(folder, {}, frozenset(trust))


def rewritten(folder: Path, change: Callable[[Any], None], arrays: dict[str, bytes] | None = None) -> Path:
    """Change the schema, or arrays, of a file that is otherwise genuine."""
    path = folder / "model.skops"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content["schema.json"])
    change(schema)
    content["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (content | (arrays or {})).items():
            archive.writestr(name, data)
    return folder


COMBINATIONS = {
    "a search in a pipeline, with a scorer": lambda: GridSearchCV(
        make_pipeline(SelectKBest(f_classif, k=2), SVC()), {"svc__C": [0.1, 1.0]}, cv=2,
        scoring=make_scorer(mean_absolute_error, greater_is_better=False),
    ).fit(X, y),
    "a ufunc": lambda: make_pipeline(FunctionTransformer(np.tanh), LogisticRegression()).fit(X, y),
}  # fmt: skip


class TestCombinations(FlavorSuite):
    flavor = SklearnFlavor()
    frameworks = ("sklearn", "scipy", "skops", "torch")
    models = tuple(Case(name, make, X) for name, make in COMBINATIONS.items())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (FunctionTransformer(own), f"{own.__module__}.own"),
        (FunctionTransformer(functools.partial(np.clip, a_min=0, a_max=1)), "functools.partial"),
        (FunctionTransformer(np.load), "numpy.load"),
        (FunctionTransformer(eval), "builtins.eval"),
    ],
    ids=["own", "partial", "np.load", "eval"],
)
def test_functions_are_refused_by_name(model, name, tmp_path):
    folder = kept(model, tmp_path)
    assert name in SklearnFlavor().untrusted(folder, {})
    with pytest.raises(errors.Untrusted, match="trust=") as refusal:
        load(folder)
    assert name in refusal.value.names


def test_what_is_trusted_by_name_loads(tmp_path):
    folder = kept(FunctionTransformer(np.load), tmp_path)
    assert load(folder, "numpy.load").func is np.load


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.exec",
        "subprocess.Popen",
        "sklearn.datasets._base.clear_data_home",
        "joblib.numpy_pickle.load",
        "skops.io._persist.load",
        "sklearn.show_versions",
        "numpy.memmap",
    ],
)
@pytest.mark.parametrize(
    "loader", ["FunctionNode", "TypeNode", "ObjectNode", "ConstructorFromReduceNode", "LossNode"]
)
def test_a_crafted_name_is_refused_before_anything_is_imported(name, loader, tmp_path):
    module, _, cls = name.rpartition(".")

    def craft(schema: Any) -> None:
        node = {"__class__": cls, "__module__": module, "__loader__": loader, "__id__": 1}
        arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []}
        node |= {"content": arguments, "__reduce__": {"args": arguments}}
        schema["content"]["content"]["C"] = node

    folder = rewritten(kept(LogisticRegression().fit(X, y), tmp_path), craft)
    with pytest.raises(errors.Untrusted, match=name.replace(".", r"\.")):
        load(folder)


@pytest.mark.parametrize(
    "loader", ["ConstructorFromReduceNode", "LossNode", "ObjectNode", "ListNode", "TupleNode"]
)
def test_a_trusted_function_may_be_named_but_not_called_by_loading(loader, tmp_path):
    """The list holds metric functions for scorers; a crafted file would have one called."""

    def craft(schema: Any) -> None:
        arguments: Any = {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [],
        }
        node = {
            "__class__": "accuracy_score",
            "__module__": "sklearn.metrics._classification",
            "__loader__": loader,
        }
        node |= {"content": [] if "tion" not in loader and loader in ("ListNode", "TupleNode") else arguments}
        schema["content"]["content"]["C"] = node | {"__reduce__": {"args": arguments}, "__id__": 1}

    folder = rewritten(kept(LogisticRegression().fit(X, y), tmp_path), craft)
    assert "sklearn.metrics._classification.accuracy_score" in trusted.TYPES
    with pytest.raises(errors.Untrusted, match="accuracy_score"):
        load(folder)


def test_every_reviewed_name_has_a_reason_and_is_nothing_that_opens_or_runs():
    assert all(len(family.reason) > 20 for family in trusted.FAMILIES.values())
    roots = {name.partition(".")[0] for name in trusted.TYPES}
    assert roots == {"sklearn", "numpy", "scipy"}
    harmful = (
        "load",
        "save",
        "open",
        "fetch",
        "exec",
        "eval",
        "memmap",
        "fromfile",
        "datasets",
        "show_versions",
        "joblib",
    )
    assert not [name for name in trusted.TYPES if any(word in name.lower() for word in harmful)]


# -- content that compiled code follows blindly --


def forest() -> Any:
    return RandomForestClassifier(n_estimators=2, random_state=0).fit(X, y)


def boosting() -> Any:
    return HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2).fit(X, y)


def neighbours() -> Any:
    return KNeighborsClassifier(algorithm="kd_tree").fit(X, y)


def with_arrays(folder: Path, spoil: Callable[[Any], Any]) -> Path:
    """Write the file again with every array that ``spoil`` changes."""
    import io

    arrays = {}
    with zipfile.ZipFile(folder / "model.skops") as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                changed = spoil(np.load(io.BytesIO(archive.read(name)), allow_pickle=False))
                if changed is not None:
                    written = io.BytesIO()
                    np.save(written, changed)
                    arrays[name] = written.getvalue()
    assert arrays, "nothing was spoiled"
    return rewritten(folder, lambda schema: None, arrays)


def field(name: str, value: int) -> Callable[[Any], Any]:
    def spoil(array: Any) -> Any:
        if array.dtype.names is None or name not in array.dtype.names:
            return None
        array[name][0] = value
        return array

    return spoil


def indices(array: Any) -> Any:
    return array * 0 + 10_000_000 if array.dtype == np.int64 and array.shape == (len(X),) else None


@pytest.mark.parametrize(
    ("make", "spoil"),
    [
        (forest, field("left_child", 1_000_000)),
        (forest, field("right_child", -7)),
        (forest, field("left_child", 0)),
        (forest, field("feature", 1_000_000)),
        (boosting, field("left", 1_000_000)),
        (boosting, field("right", 0)),
        (boosting, field("feature_idx", 1_000_000)),
        (neighbours, field("idx_end", 1_000_000)),
        (neighbours, field("idx_start", -5)),
        (neighbours, indices),
    ],
)
def test_indices_that_point_outside_are_refused(make, spoil, tmp_path):
    folder = with_arrays(kept(make(), tmp_path), spoil)
    with pytest.raises(errors.FormatError, match="point outside"):
        load(folder)


def isolation() -> Any:
    return IsolationForest(n_estimators=2, max_features=2, random_state=0).fit(X)


@pytest.mark.parametrize("make", [forest, boosting, neighbours, isolation])
def test_genuine_models_pass(make, tmp_path):
    model = make()
    audit.check(model)
    assert (load(kept(model, tmp_path)).predict(X) == model.predict(X)).all()


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + b"\0" * 18, b"no zip", b'{"a": 1}'])
def test_what_is_no_model_is_said_to_be_none(data, tmp_path):
    (tmp_path / "model.skops").write_bytes(data)
    with pytest.raises(errors.FormatError, match="no skops file"):
        load(tmp_path)


def test_what_unpacks_to_more_than_its_size_is_refused(tmp_path):
    folder = kept(LogisticRegression().fit(X, y), tmp_path)
    with zipfile.ZipFile(folder / "model.skops", "a", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.npy", b"\0" * 10_000_000)
    with pytest.raises(errors.FormatError, match="more than its own size"):
        load(folder)


def test_nesting_without_end_is_refused(tmp_path):
    list_node = '{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": ['
    folder = kept(LogisticRegression().fit(X, y), tmp_path)
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        archive.writestr("schema.json", list_node * 20_000 + "]}" * 20_000)
    with pytest.raises(errors.FormatError, match="no skops file"):
        load(folder)


@pytest.mark.parametrize(
    ("make", "attribute", "value"),
    [
        (lambda: SVC().fit(X, y), "_n_support", np.array([1, 10_000], dtype=np.int32)),
        (lambda: SVC().fit(X, y), "_intercept_", np.zeros(0)),
        (lambda: SVR().fit(X, y), "support_", np.full(3, -1, dtype=np.int32)),
        (forest, "n_features_in_", 2),
        (lambda: IsolationForest(n_estimators=2).fit(X), "estimators_features_", [np.arange(2)] * 2),
        (lambda: GradientBoostingClassifier(n_estimators=2).fit(X, y), "n_features_in_", 2),
        (lambda: GradientBoostingRegressor(n_estimators=2).fit(X, y), "n_trees_per_iteration_", 0),
        (boosting, "n_features_in_", 2),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(make, attribute, value, tmp_path):
    model = make()
    assert attribute in vars(model)
    setattr(model, attribute, value)
    with pytest.raises(errors.FormatError, match="point outside"):
        load(kept(model, tmp_path))


def test_sparse_matrices_are_checked(tmp_path):
    model = LogisticRegression().fit(X, y)
    model.coef_ = scipy.sparse.csr_matrix(model.coef_)
    assert load(kept(model, tmp_path / "a")).coef_.nnz == 3
    model.coef_.indices[0] = 1_000_000
    with pytest.raises(errors.FormatError, match="point outside"):
        load(kept(model, tmp_path / "b"))


def test_the_documentation_gives_each_family_its_reason():
    text = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
    for name, family in trusted.FAMILIES.items():
        assert f"| {name} | {len(family.names)} | {family.reason} |" in text

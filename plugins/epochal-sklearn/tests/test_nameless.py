"""A function that no other process can find is refused when saving, not when loading."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import epochal
from epochal import errors

X = np.arange(6.0).reshape(3, 2)


def double(data):
    return data * 2


def test_a_lambda_is_refused_with_the_way_out(tmp_path):
    model = make_pipeline(StandardScaler(), FunctionTransformer(lambda data: data * 2)).fit(X)
    with pytest.raises(errors.ValueRefused, match=r"Pipeline cannot be kept .*<lambda>, .*flavor='pickle'"):
        epochal.save_model(model, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_function_of_a_module_comes_back(tmp_path):
    model = make_pipeline(StandardScaler(), FunctionTransformer(double)).fit(X)
    epochal.save_model(model, tmp_path / "m")
    with pytest.raises(errors.Untrusted) as refusal:
        epochal.load_model(tmp_path / "m")
    loaded = epochal.load_model(tmp_path / "m", trust=refusal.value.names)
    assert np.array_equal(loaded.transform(X), model.transform(X))

from __future__ import annotations

import numpy as np
import pytest

from epochal import models, plugins
from epochal.testing import linear


@pytest.fixture(autouse=True)
def linear_flavor():
    """The small flavor that ships for tests, as a plugin."""
    if "linear" in plugins.registry("flavors"):  # the suite has put it there, for the whole class
        yield
        return
    with plugins.using(linear=linear):
        yield


@pytest.fixture
def model():
    return linear.Linear(np.array([0.1, -2.5]), 0.25)


@pytest.fixture
def saved(model, tmp_path):
    """A saved model's folder."""
    models.save_model(model, tmp_path / "saved", example=np.array([[1.0, 2.0], [3.0, 4.0]]))
    return tmp_path / "saved"

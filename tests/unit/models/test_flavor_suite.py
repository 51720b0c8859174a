"""The shipped suite, over the flavors that the core has: a safe one and the last resort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from epochal.models.pickles import PickleFlavor
from epochal.testing.flavors import Case, FlavorSuite
from epochal.testing.linear import Doubled, Linear, LinearFlavor
from epochal.testing.malice import poisons

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
frame = pd.DataFrame(X, columns=["a", "b", "c"])


def linear(kind=Linear):
    return kind(np.array([0.1, -2.5, 1e-300]), 0.25)


class TestLinear(FlavorSuite):
    flavor = LinearFlavor()
    frameworks = ("numpy", "pandas")
    models = (
        Case("array", linear, X),
        Case("frame", linear, frame),
        Case("unreviewed", lambda: linear(Doubled), X, trust=["epochal.testing.linear.Doubled"]),
        ("silent", linear),
    )


class TestPickle(FlavorSuite):
    flavor = PickleFlavor()
    frameworks = ("numpy", "pandas")
    models = (
        Case("linear", linear, X),
        Case("doubled", lambda: linear(Doubled), frame),
        Case("dict", lambda: {"a": linear()}),
    )


def unwrap(form, data):
    """Do what an unsafe loader does."""
    import bz2
    import gzip
    import io
    import lzma
    import marshal
    import pickle
    import zlib

    import yaml

    openers = {
        "zlib": zlib,
        "gzip": gzip,
        "bzip2": bz2,
        "xz": lzma,
    }
    if form == "npy":
        np.load(io.BytesIO(data), allow_pickle=True)
    elif form == "source":
        exec(data)
    elif form == "marshal":
        exec(marshal.loads(data))
    elif form == "yaml":
        yaml.unsafe_load(data)
    else:
        pickle.loads(openers[form].decompress(data) if form in openers else data)


PICKLES = ["protocol-0", "protocol-2", "protocol-5", "many", "zlib", "gzip", "bzip2", "xz", "npy"]


@pytest.mark.parametrize("form", [*PICKLES, "source", "marshal", "yaml"])
def test_the_malice_is_real(form, tmp_path):
    canary = tmp_path / "canary"
    unwrap(form, dict(poisons(canary))[form])
    assert canary.is_dir()

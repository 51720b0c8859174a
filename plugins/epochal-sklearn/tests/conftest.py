"""Warnings of frameworks about each other, which are no concern of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    # scikit-learn before 1.8 passes SciPy an option that newer SciPys warn about.
    config.addinivalue_line("filterwarnings", "ignore:scipy.optimize.*L-BFGS-B:DeprecationWarning")

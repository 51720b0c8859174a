"""One measurement in a process of its own: `python child.py TRACKER MEASURE FOLDER '{"argument": ...}'`.

Runs in the environment of the tracker it measures. The figures are the last line of standard output, marked;
what the tracker prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from measures import Figures

MARK = "@@"


def main() -> None:
    tracker_name, measure_name, folder, arguments = sys.argv[1:5]
    answer = os.dup(1)
    os.dup2(2, 1)
    import measures
    import trackers

    known = dict(measures.EVERY)
    if measure_name not in known:
        known |= _further()
    figures = known[measure_name](
        trackers.EVERY[tracker_name](), pathlib.Path(folder), **json.loads(arguments)
    )
    os.write(answer, f"\n{MARK}{json.dumps(figures)}\n".encode())


def _further() -> dict[str, Callable[..., Figures]]:
    """The measures that need more than the standard library: our own store, and scikit-learn's fits."""
    import fits
    import own_measures

    return {**own_measures.EVERY, **fits.EVERY}


if __name__ == "__main__":
    main()

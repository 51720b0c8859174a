"""What surrounds a run: the machine, the commit, the load, the console.

Everything here is read, nothing is changed, and nothing fails: what cannot be found out is left out.
"""

from __future__ import annotations

from .environment import environment
from .git import git

__all__ = ["environment", "git"]

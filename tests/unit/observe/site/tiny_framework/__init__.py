"""The smallest thing that trains: a mean, found batch by batch."""

from .core import Mean

__all__ = ["Mean"]

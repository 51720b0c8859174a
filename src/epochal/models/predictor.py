"""One ``predict(data)`` for every flavor, with the data held against the signature first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochal import errors

from . import examples, loading, manifest
from . import trust as trusted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from .flavors import Flavor
    from .manifest import Manifest
    from .signature import Signature


class Predictor:
    """A loaded model that is asked the same way whatever made it.

    Methods that only some models have (``predict_proba``, ``decision_function``,
    ``transform``, ``score_samples``) exist here where the model has them.
    """

    def __init__(self, model: Any, flavor: Flavor, manifest: Manifest, example: bytes | None = None) -> None:
        self.model = model
        self.manifest = manifest
        self._flavor = flavor
        self._example = example

    def __repr__(self) -> str:
        return f"<Predictor of {self.manifest.type} ({self.manifest.flavor})>"

    @property
    def signature(self) -> Signature | None:
        """What the model takes and gives; None if it was saved without an example."""
        return self.manifest.signature

    @property
    def example(self) -> Any:
        """The input example that the model was saved with, or None."""
        return None if self._example is None else examples.decode_safely(self._example, repr(self))

    def predict(self, data: Any) -> Any:
        """Check the data, put columns in order, ask the model; its answer is returned as it is."""
        data = self._checked(data)
        predict = getattr(self._flavor, "predict", None)
        if predict is not None:
            return predict(self.model, data)
        if hasattr(self.model, "predict"):
            return self.model.predict(data)
        if callable(self.model):
            return self.model(data)
        raise errors.NotFound(f"a {self.manifest.type} has no predict: use .model, the object itself")

    def batches(self, parts: Iterable[Any]) -> Iterator[Any]:
        """Predict part by part, each taken only when its answer is asked for."""
        for part in parts:
            yield self.predict(part)

    def _checked(self, data: Any) -> Any:
        return data if self.signature is None else self.signature.check(data)

    def __getattr__(self, name: str) -> Any:
        if name not in _ALSO or not hasattr(self.model, name):
            raise AttributeError(
                f"a predictor of {self.manifest.type} has no {name!r}; .model is the object itself"
            )
        method = getattr(self.model, name)
        return lambda data: method(self._checked(data))


_ALSO = {"predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"}


def load_predictor(ref: str | os.PathLike[str], trust: Iterable[str] = ()) -> Predictor:
    """Load a model as a `Predictor`; ``ref`` and ``trust`` as for `load_model`."""
    names = trusted.names(trust)
    with loading.locate(ref) as place:
        read = manifest.read(place.folder, place.ref)
        flavor = loading.audit(place, read, names, "load_predictor")
        example = examples.raw(place.folder / read.example) if read.example else None
        model = loading.construct(place, read, flavor, names, "load_predictor")
    return Predictor(model, flavor, read, example)

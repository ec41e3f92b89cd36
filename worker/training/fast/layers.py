"""A model's layers, computed in fewer passes while in here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from worker.training.fast import norms, products, rotary

_ROTATION = "apply_rotary_pos_emb"
"""What the library's models call their rotation."""


class OtherLayersError(Exception):
    """This model has no layers that could be computed in fewer passes."""


@contextmanager
def quick(model: Any) -> Iterator[None]:
    """Let layers that can be computed in fewer passes be. Raises OtherLayersError."""
    changed = []
    for layer in model.modules():
        for kind in (products, norms):
            if "forward" not in vars(layer) and kind.fits(layer):
                layer.forward = partial(kind.forward, layer)
                changed.append(layer)
    source = sys.modules[type(model).__module__]
    rotation = getattr(source, _ROTATION, None)
    turns = rotation is not None and rotary.fits(rotation)
    if not changed:
        raise OtherLayersError("none of them fits")
    if turns:
        setattr(source, _ROTATION, rotary.rotate)
    try:
        yield
    finally:
        for layer in changed:
            del layer.forward
        if turns:
            setattr(source, _ROTATION, rotation)

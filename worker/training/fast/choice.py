"""What of the fast way computes what the library does, found by trying it on this very model."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from worker.training.fast import answer_loss, attention, layers, probe
from worker.training.fast.answer_loss import Head, OtherHeadError
from worker.training.fast.attention import OtherAttentionError
from worker.training.fast.layers import OtherLayersError
from worker.training.fast.probe import Loss


@dataclass(frozen=True)
class Choice:
    """What is computed in the fast way.

    Attributes:
        by_row: attention is computed row by row.
        head: the loss is computed by `answer_loss` with this head; None: by the library.
        passes: layers are computed in fewer passes.
        why_not: what is left to the library, and why.
    """

    by_row: bool = False
    head: Head | None = None
    passes: bool = False
    why_not: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is, in words."""
        parts = ["attention row by row"] * self.by_row
        parts += ["loss at the answers only"] * (self.head is not None)
        parts += ["fewer passes"] * self.passes
        said = f"fast ({', '.join(parts)})" if parts else "plain"
        return "; ".join([said, *self.why_not])


def choose(model: Any, *, flat: bool, more_loss: bool) -> Choice:
    """Return the fastest way that computes what the library does, found by trying it.

    Args:
        model: with its adapter: a causal model of transformers, perhaps within PEFT's.
        flat: whether rows lie one behind the other, without padding.
        more_loss: whether the library's trainer adds something to the loss.
    """
    with probe.stirred(model):
        trial = _Trial(model)
        by_row = flat and trial.is_equal("attention", attention.by_row)
        head = None
        if more_loss:
            trial.why_not.append("loss as usual: the balance of experts counts as well")
        elif trial.is_equal("loss", lambda core: answer_loss.installed(core, Head.of(core))):
            head = Head.of(trial.core)
        passes = trial.is_equal("layers", layers.quick)
    return Choice(by_row, head, passes, tuple(trial.why_not))


class _Trial:
    """One model, computed in several ways."""

    def __init__(self, model: Any) -> None:
        self.model, self.core = model, core_of(model)
        self.why_not: list[str] = []
        self._batch = probe.batch(self.core)
        self._expected = probe.measure(model, probe.library_loss(model), self._batch)

    def is_equal(self, part: str, way: Callable[[Any], AbstractContextManager[Any]]) -> bool:
        """Tell whether loss and gradients stay the same with a part computed that way."""
        try:
            with way(self.core):
                found = probe.measure(self.model, self._loss(part), self._batch)
        except (OtherAttentionError, OtherHeadError, OtherLayersError) as error:
            self.why_not.append(f"{part} as usual: {error}")
            return False
        except RuntimeError:  # torch's word for all that a model does with what it is given
            self.why_not.append(f"{part} as usual: this model changes what it is given")
            return False
        apart = probe.difference(self._expected, found)
        if apart > probe.tolerance(self.core):
            self.why_not.append(f"{part} as usual: it would differ by {apart:.0e} here")
            return False
        return True

    def _loss(self, part: str) -> Loss:
        if part == "loss":
            return lambda batch: self.model(**batch, summed=True)["loss"]
        return probe.library_loss(self.model)


def core_of(model: Any) -> Any:
    """Return the library's own model, whatever it is wrapped in."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model

"""What of the fast way computes what the library does, found by trying it on this very model."""

from dataclasses import dataclass
from typing import Any

from worker.training.fast import answer_loss, attention, probe
from worker.training.fast.answer_loss import Head, OtherHeadError
from worker.training.fast.attention import OtherAttentionError
from worker.training.fast.probe import Found


@dataclass(frozen=True)
class Choice:
    """What is computed in the fast way.

    Attributes:
        by_row: attention is computed row by row.
        head: the loss is computed by `answer_loss` with this head; None: by the library.
        why_not: what is left to the library, and why.
    """

    by_row: bool = False
    head: Head | None = None
    why_not: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is, in words."""
        parts = ["attention row by row"] * self.by_row
        parts += ["loss at the answers only"] * (self.head is not None)
        said = f"fast ({', '.join(parts)})" if parts else "plain"
        return "; ".join([said, *self.why_not])


def choose(model: Any, *, flat: bool, more_loss: bool) -> Choice:
    """Return the fastest way that computes what the library does, found by trying it.

    Args:
        model: with its adapter: a causal model of transformers, perhaps within PEFT's.
        flat: whether rows lie one behind the other, without padding.
        more_loss: whether the library's trainer adds something to the loss.
    """
    core = core_of(model)
    taken = probe.batch(core)
    expected = probe.measure(model, probe.library_loss(model), taken)
    why_not = []
    by_row, head = False, None
    if flat:
        try:
            with attention.by_row(core):
                found = probe.measure(model, probe.library_loss(model), taken)
            _require_equal(core, expected, found)
            by_row = True
        except (OtherAttentionError, _UnequalError) as error:
            why_not.append(f"attention as usual: {error}")
    if more_loss:
        why_not.append("loss as usual: the balance of experts counts as well")
        return Choice(by_row, None, tuple(why_not))
    try:
        head = Head.of(core)
        with answer_loss.installed(core, head):
            found = probe.measure(model, lambda given: model(**given, summed=True)["loss"], taken)
        _require_equal(core, expected, found)
    except (OtherHeadError, _UnequalError) as error:
        head = None
        why_not.append(f"loss as usual: {error}")
    return Choice(by_row, head, tuple(why_not))


def core_of(model: Any) -> Any:
    """Return the library's own model, whatever it is wrapped in."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class _UnequalError(Exception):
    """The two ways differ."""


def _require_equal(core: Any, expected: Found, found: Found) -> None:
    apart, allowed = probe.difference(expected, found), probe.tolerance(core)
    if apart > allowed:
        raise _UnequalError(f"it differs by {apart:.0e} here")

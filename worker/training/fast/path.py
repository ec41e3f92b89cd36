"""Which way a run takes its steps, and the steps taken in that way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from storage.specs import RunSpec
from worker.training.distributed import sharding
from worker.training.fast import answer_loss, attention, choice, compiled, layers, weights
from worker.training.fast.choice import Choice, core_of
from worker.training.precision import Precision
from worker.training.trainer import Supervised, answers_only_head

PLAIN = Choice(why_not=("as asked",))
DIVIDED = Choice(why_not=("the model is divided among processes",))
ON_CARD = Choice(why_not=("the library's own loss and attention are the fast ones on a card",))


def choose(trainer: Supervised, spec: RunSpec, *, isolates: bool) -> Choice:
    """Return the way of a complete trainer's steps.

    Args:
        trainer: with its adapter.
        spec: the person may ask for the plain way, or for another attention.
        isolates: whether examples that lie one behind the other cannot see each other.
    """
    if spec.path == "plain":
        return PLAIN
    if sharding.divides(spec):
        return DIVIDED  # a layer's numbers are whole only while the library computes it
    if torch.cuda.is_available():
        return ON_CARD
    flat = isolates and spec.attention == "auto"
    return choice.choose(trainer.model, flat=flat, more_loss=trainer.aux_loss_enabled)


@contextmanager
def taken(
    trainer: Supervised, chosen: Choice, formats: Precision, *, compiles: bool
) -> Iterator[None]:
    """Let a trainer take its steps in the chosen way while in here; weights keep their format.

    Args:
        trainer: as given to `choose`.
        chosen: what it found.
        formats: of numbers.
        compiles: translate what can be translated first.
    """
    core = core_of(trainer.model)
    with ExitStack() as ways:
        if chosen not in (PLAIN, DIVIDED):
            ways.enter_context(answers_only_head())
            if formats.products is not None:
                weights.keep_cast(core, formats.products)
        if chosen.by_row:
            ways.enter_context(attention.by_row(core))
            trainer.data_collator.padding_free = True
        if chosen.head is not None:
            head = chosen.head.keeping(formats.products)
            ways.enter_context(answer_loss.installed(core, head))
            trainer.has_summing_model = True
        if chosen.passes:
            ways.enter_context(layers.quick(core))
        if compiles:
            compiled.translate(core)
        yield

"""Less memory for the same corrections: half as much is read at once, twice as often."""

from storage.specs import RunSpec

MOST_HALVINGS = 3
"""So often is a run that ran out of memory tried again with half the batch."""

LESS_MEMORY = (
    "Lower 'Longest example, in tokens', switch on 'Trade time for memory', or load the base "
    "model in 4 bits; then duplicate the run."
)


def shrunk(spec: RunSpec, halvings: int) -> RunSpec:
    """Return the settings that a run trains with after so many halvings.

    The examples behind each correction (batch size times accumulation) stay the same.
    """
    if not halvings:
        return spec
    changes = {
        "batch_size": spec.batch_size >> halvings,
        "accumulation": spec.accumulation << halvings,
    }
    return spec.model_copy(update=changes)


def obstacle(spec: RunSpec, halvings: int) -> str:
    """Return why a run that was halved so often cannot be halved once more; empty where it can."""
    batch = shrunk(spec, halvings).batch_size
    if not spec.retry_smaller:
        return "Reading less at once was switched off for this run."
    if batch == 1:
        return "It reads one example at a time already, which cannot be halved."
    if spec.method == "kto" or (spec.method == "dpo" and spec.preference_loss.startswith("aot")):
        return (
            "Its answers are compared with those that are read at the same time, so that reading "
            "fewer at once would be another way of learning."
        )
    if batch % 2:
        return (
            f"It reads {batch} examples at once, which cannot be halved without changing how many "
            "are behind each correction; a batch size of 2, 4 or 8 can."
        )
    if halvings >= MOST_HALVINGS:
        return f"It was halved {halvings} times already."
    return ""

"""What speaks against several processes on this machine, and what is good to know of them."""

from storage.errors import Fault
from storage.specs import RunSpec
from studio.advice.machine import Machine


def faults(spec: RunSpec, here: Machine) -> list[Fault]:
    """List why this machine cannot train with so many processes: one a card, or one a core."""
    if spec.processes == 1:
        return []
    if here.has_gpu and here.cards and spec.processes > here.cards:
        cards = "1 graphics card" if here.cards == 1 else f"{here.cards} graphics cards"
        return [Fault("processes", f"This machine has {cards}; each process needs one.")]
    if not here.has_gpu and spec.processes > here.cores:
        cores = "1 core" if here.cores == 1 else f"{here.cores} cores"
        return [Fault("processes", f"This machine has {cores}; each process needs one.")]
    return []


def remarks(spec: RunSpec, here: Machine) -> list[Fault]:
    """List what a person may want to know of several processes, by field."""
    if spec.processes == 1 or here.has_gpu:
        return []
    words = (
        "Without graphics cards several processes share the cores, and each holds a model of its "
        "own: usually slower than one."
    )
    return [Fault("processes", words)]

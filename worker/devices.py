"""The devices of this machine: each trains one run at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.cards import Card, Cards, Reading

PROCESSOR = "processor"
"""The one device of a machine without graphics cards; a card is called by its number."""


@dataclass(frozen=True)
class Machine:
    """What can train here.

    Attributes:
        cards: those that may be used, in order; none: the processor trains.
        source: reads them.
    """

    cards: tuple[Card, ...] = ()
    source: Cards | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of the devices, as runs hold them."""
        return tuple(str(card.index) for card in self.cards) or (PROCESSOR,)

    def visible(self, held: str | None) -> str | None:
        """Return CUDA_VISIBLE_DEVICES for a run that holds these devices; None: as it is."""
        return ",".join(card.uuid for card in self._held(held)) or None

    def read(self, held: str | None) -> dict[str, Reading]:
        """Return what the cards that a run holds do now, by their names."""
        if self.source is None:
            return {}
        read = {str(card.index): self.source.read(card.index) for card in self._held(held)}
        return {name: reading for name, reading in read.items() if reading is not None}

    def _held(self, held: str | None) -> list[Card]:
        names = (held or "").split(",")
        return [card for card in self.cards if str(card.index) in names]


def of_machine(visible: str | None, source: Cards | None = None) -> Machine:
    """Return what can train here.

    Args:
        visible: the worker's own CUDA_VISIBLE_DEVICES: numbers in the driver's order or names of
            cards with commas between; None: all cards.
        source: reads the cards.
    """
    found = source or Cards()
    return Machine(tuple(chosen(found.all, visible)), found)


def chosen(cards: Sequence[Card], visible: str | None) -> list[Card]:
    """Return the cards that CUDA would show; as CUDA does, those before the first unknown name."""
    if visible is None:
        return list(cards)
    picked: list[Card] = []
    for name in visible.split(","):
        card = next((card for card in cards if _is_called(card, name.strip())), None)
        if card is None or card in picked:
            break
        picked.append(card)
    return picked


def _is_called(card: Card, name: str) -> bool:
    return name == str(card.index) or (name.startswith("GPU-") and card.uuid.startswith(name))

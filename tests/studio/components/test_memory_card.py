"""The card says whether a run fits, out of how much, what takes most, and what helps."""

from studio.advice.fitting import Change, Fit
from studio.advice.memory import Memory
from studio.components import memory_card
from studio.words import say

PARTS = {"weights": 1_000_000_000, "adapter": 0, "working": 3_000_000_000, "overhead": 600_000_000}
CHANGE = Change({"batch_size": 1}, "Read 1 at once.", 2_000_000_000)


def test_it_names_need_and_room_and_how_it_is_known() -> None:
    text = memory_card.markdown(Memory(4_600_000_000, PARTS, True, 8_000_000_000, Fit.FITS))
    first = text.split("\n\n")[0]
    for words in ("4.6 GB", "8.0 GB", say("train.memory.fits.badge"), say("train.memory.tried")):
        assert words in first


def test_the_largest_part_stands_first_and_what_takes_nothing_is_left_out() -> None:
    text = memory_card.markdown(Memory(4_600_000_000, PARTS))
    places = [text.index(say(f"train.memory.part.{name}")) for name in ("working", "weights")]
    assert places == sorted(places)
    assert say("train.memory.part.adapter") not in text


def test_what_makes_it_fit_is_said_with_what_it_takes_then() -> None:
    room = 4_000_000_000
    text = memory_card.markdown(Memory(4_600_000_000, PARTS, False, room, Fit.TOO_BIG, CHANGE))
    assert "Read 1 at once." in text
    assert "2.0 GB" in text
    assert say("train.memory.too_big.badge") in text


def test_where_the_room_is_not_known_no_badge_is_given() -> None:
    text = memory_card.markdown(Memory(4_600_000_000, PARTS))
    assert say("train.memory.fits.badge") not in text
    assert "4.6 GB" in text

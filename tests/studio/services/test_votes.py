"""Votes belong to a person: nobody votes on, sees or learns from what is somebody else's."""

import pytest

from storage import conversations, prompt_sets
from storage.errors import NotFound
from storage.ids import LOCAL_PERSON as ME
from storage.votes import Wanted
from studio.services import feedback, leaderboard, next_prompts, votes
from studio.services.feedback import Source
from studio.services.studio import Studio
from tests.fakes.spoken import Spoken

BEN = "ben"
PLAIN, TUNED = "base:plain", "adapter:tuned"


@pytest.fixture
def spoken(studio: Studio) -> Spoken:
    """A conversation of mine with a corrected answer."""
    found = Spoken(studio.database, [PLAIN, TUNED])
    found.ask("Why?", {PLAIN: "So.", TUNED: "Because."})
    conversations.judge(studio.database, ME, found.id, (1, 0), {"corrected": "It is so."})
    return found


def test_nobody_votes_on_sees_or_learns_from_somebody_elses(studio: Studio, spoken: Spoken) -> None:
    body = {"conversation_id": spoken.id, "number": 1}
    pair = {"side_a": 0, "side_b": 1, "outcome": "a"}
    (mine,) = votes.cast(studio, ME, body | pair).votes
    questions = prompt_sets.add(studio.database, ME, "Fever", [{"text": "Why?"}])
    for refused in (
        lambda: votes.cast(studio, BEN, body | pair),
        lambda: votes.cast_on_all(studio, BEN, body | {"outcome": "tie"}),
        lambda: votes.get(studio, BEN, mine.id),
        lambda: votes.take_back(studio, BEN, mine.id),
        lambda: votes.give_again(studio, BEN, mine.id),
        lambda: next_prompts.find(studio, BEN, questions.id, {PLAIN, TUNED}),
    ):
        with pytest.raises(NotFound):
            refused()
    assert votes.listing(studio, BEN, Wanted()) == []
    assert leaderboard.board(studio, BEN, Wanted()).groups == []
    for kind, count in (("preference", 2), ("kto", 2), ("sft", 1)):
        source = Source(kind, with_votes=True)  # type: ignore[arg-type]
        assert feedback.preview(studio, BEN, source).rows == 0
        assert feedback.preview(studio, ME, source).rows == count
    assert [one.id for one in votes.listing(studio, ME, Wanted())] == [mine.id]

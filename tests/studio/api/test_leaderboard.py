"""The leaderboard over HTTP: ratings, remarks, filters; and which question to vote on next."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from storage import evaluations, prompt_sets
from storage.conversation_tables import VoteRow
from storage.evaluations import Wanted
from storage.ids import LOCAL_PERSON
from storage.tables import now
from storage.trust_tables import EvaluationAnswerRow
from studio.services import votes
from studio.services.studio import Studio
from tests.fakes.spoken import Spoken

PLAIN, TUNED, OTHER = "base:plain", "adapter:tuned", "adapter:other"


class Voter:
    """A person who votes."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.asked = 0

    def prefers(
        self, better: str, other: str, times: int = 1, outcome: str = "a", **conversation: Any
    ) -> None:
        """Vote so often; each vote is on a question of its own."""
        for _ in range(times):
            self.asked += 1
            spoken = Spoken(self.studio.database, [better, other], **conversation)
            put = spoken.ask(f"Question {self.asked}?", {better: "Better.", other: "Worse."})
            sides = {"side_a": put.order.index(better), "side_b": put.order.index(other)}
            body = {"conversation_id": spoken.id, "number": 1, "outcome": outcome, **sides}
            votes.cast(self.studio, LOCAL_PERSON, body)


@pytest.fixture
def voter(studio: Studio) -> Voter:
    """A person who has not voted yet."""
    return Voter(studio)


def board(client: httpx.Client, **filters: Any) -> dict[str, Any]:
    """Return the leaderboard."""
    answer = client.get("/api/v1/leaderboard", params=filters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_without_votes_the_board_is_empty(client: httpx.Client) -> None:
    found = board(client)
    assert (found["groups"], found["votes"], found["persons"]) == ([], 0, [])


def test_fourteen_of_eighteen_is_told_as_people_say_it(client: httpx.Client, voter: Voter) -> None:
    voter.prefers(TUNED, PLAIN, 14)
    voter.prefers(PLAIN, TUNED, 4)
    voter.prefers(PLAIN, TUNED, outcome="bad")
    found = board(client)
    (group,) = found["groups"]
    tuned, plain = group["places"]
    assert (tuned["title"], tuned["wins"], tuned["losses"]) == ("Adapter:Tuned", 14, 4)
    assert (plain["rating"], plain["yardstick"], plain["low"]) == (1000, True, None)
    assert tuned["rating"] == pytest.approx(1217.6, abs=0.2)
    assert tuned["low"] < tuned["rating"] < tuned["high"]
    assert group["remarks"][0]["words"] == (
        "Adapter:Tuned is better than Base:Plain: 14 of 18, quite sure."
    )
    assert (found["votes"], found["bad"], found["left_out"]) == (18, 1, 0)
    (meeting,) = found["meetings"]
    assert (meeting["a"], meeting["wins"], meeting["losses"], meeting["bad"]) == (TUNED, 14, 4, 1)


def test_too_few_votes_are_told_with_how_many_are_missing(
    client: httpx.Client, voter: Voter
) -> None:
    voter.prefers(TUNED, PLAIN, 3)
    voter.prefers(TUNED, PLAIN, outcome="tie")
    (group,) = board(client)["groups"]
    assert all(place["early"] for place in group["places"])
    remark = group["remarks"][0]
    assert (remark["level"], remark["more"]) == ("early", 4)
    assert remark["words"] == (
        "Too early to say whether Adapter:Tuned is better than Base:Plain (3 of 3): "
        "about 4 more votes. One tie counts half for each."
    )


def test_neighbours_that_never_met_are_told_apart(client: httpx.Client, voter: Voter) -> None:
    voter.prefers(TUNED, PLAIN, 2)
    voter.prefers(PLAIN, TUNED)
    voter.prefers(OTHER, PLAIN, 5)
    voter.prefers(PLAIN, OTHER)
    (group,) = board(client)["groups"]
    assert [place["name"] for place in group["places"]] == [OTHER, TUNED, PLAIN]
    assert group["remarks"][0]["words"].startswith("Adapter:Other and Adapter:Tuned have not been")
    voter.prefers("adapter:x", "adapter:y")
    assert [len(each["places"]) for each in board(client)["groups"]] == [3, 2]


def test_the_board_is_filtered_by_set_period_person_and_blindness(
    client: httpx.Client, studio: Studio, voter: Voter
) -> None:
    prompts = [{"text": "Question 1?"}, {"text": "Question 2?"}]
    kept = prompt_sets.add(studio.database, LOCAL_PERSON, "Fever", prompts)
    voter.prefers(TUNED, PLAIN, 2, prompt_set_id=kept.id)
    voter.prefers(PLAIN, TUNED, 3, blind=False)
    everything = board(client)
    assert (everything["sets"], everything["persons"]) == ([[kept.id, "Fever"]], [LOCAL_PERSON])
    assert board(client, prompt_set=kept.id)["votes"] == 2
    assert board(client, blind=True)["votes"] == 2
    assert board(client, person="nobody")["votes"] == 0
    assert board(client, since=(now() - timedelta(hours=1)).isoformat())["votes"] == 5
    assert board(client, until=(now() - timedelta(hours=1)).isoformat())["votes"] == 0


def test_votes_on_earlier_weights_of_a_name_do_not_count(
    client: httpx.Client, studio: Studio, voter: Voter
) -> None:
    voter.prefers(TUNED, PLAIN, 2)
    with studio.database.write() as session:
        session.execute(update(VoteRow).values(sha256_a="d" * 64))
    voter.prefers(TUNED, PLAIN, 3)
    found = board(client)
    assert (found["votes"], found["left_out"]) == (3, 2)


@pytest.fixture
def fever(studio: Studio) -> str:
    """The id of a set of three questions."""
    prompts = [{"text": f"Question {number}?"} for number in (1, 2, 3)]
    return prompt_sets.add(studio.database, LOCAL_PERSON, "Fever", prompts).id


def test_questions_come_in_order_until_the_set_was_asked(
    client: httpx.Client, fever: str, voter: Voter
) -> None:
    where = {"prompt_set": fever, "a": PLAIN, "b": TUNED}
    found = client.get("/api/v1/next-prompt", params=where).json()
    assert (found["text"], found["basis"], found["left"]) == ("Question 1?", "order", 3)
    assert "not known" in found["why"]
    voter.prefers(TUNED, PLAIN, 2)  # questions 1 and 2, for these two
    found = client.get("/api/v1/next-prompt", params=where).json()
    assert (found["text"], found["number"]) == ("Question 3?", 2)
    assert (found["left"], found["of"]) == (1, 3)
    found = client.get("/api/v1/next-prompt", params={**where, "skip": 2}).json()
    assert (found["text"], found["basis"], found["left"]) == (None, "done", 1)
    found = client.get("/api/v1/next-prompt", params={**where, "b": OTHER}).json()
    assert found["left"] == 3
    gone = client.get("/api/v1/next-prompt", params={**where, "prompt_set": "prompts_0"})
    assert gone.status_code == 404


def test_what_was_put_without_a_vote_comes_again_last(
    client: httpx.Client, studio: Studio, fever: str
) -> None:
    spoken = Spoken(studio.database, [PLAIN, TUNED], prompt_set_id=fever)
    where = {"prompt_set": fever, "a": PLAIN, "b": TUNED}
    for number, basis in ((1, "order"), (2, "order"), (3, "order"), (1, "again")):
        found = client.get("/api/v1/next-prompt", params=where).json()
        assert (found["text"], found["basis"]) == (f"Question {number}?", basis)
        spoken.ask(found["text"], {})
    anybody = client.get("/api/v1/next-prompt", params={"prompt_set": fever}).json()
    assert (anybody["basis"], anybody["left"]) == ("again", 3)
    new = client.get("/api/v1/next-prompt", params={"prompt_set": fever, "a": OTHER}).json()
    assert (new["basis"], new["number"]) == ("order", 0)


def test_after_an_evaluation_the_most_telling_question_comes_first(
    client: httpx.Client, studio: Studio, fever: str, voter: Voter
) -> None:
    texts = {
        PLAIN: ["Drink and rest.", "Drink and rest.", "No."],
        TUNED: ["Drink and rest.", "Drink and sleep.", "See a doctor."],
    }
    asked = evaluations.ask(
        studio.database,
        LOCAL_PERSON,
        Wanted("All", list(texts), list(texts), [{"text": f"Question {n}?"} for n in (1, 2, 3)]),
    )
    with studio.database.write() as session:
        session.add_all(
            EvaluationAnswerRow(
                evaluation_id=asked.id, side=side, number=number, text=text, ended="stop",
                facts={"sure": -0.5 - number},
            )
            for side, given in enumerate(texts.values())
            for number, text in enumerate(given)
        )  # fmt: skip
    where = {"prompt_set": fever, "a": TUNED, "b": PLAIN}
    found = client.get("/api/v1/next-prompt", params=where).json()
    assert (found["text"], found["basis"]) == ("Question 3?", "differ")
    assert found["why"] == (
        "Here the two answers differ most: they have 0 % of their words in common."
    )
    found = client.get("/api/v1/next-prompt", params={**where, "skip": 2}).json()
    assert (found["number"], "67 %" in found["why"]) == (1, True)
    found = client.get("/api/v1/next-prompt", params={**where, "skip": [1, 2]}).json()
    assert found["basis"] == "same"
    found = client.get("/api/v1/next-prompt", params={**where, "b": OTHER}).json()
    assert (found["number"], found["basis"]) == (2, "unsure")

"""Conversations that have taken place, for stories about what people think of the answers."""

from typing import Any

from storage import conversations
from storage.conversations import Asking, Said, Wanted
from storage.database import Database
from storage.exchanges import Round
from storage.ids import LOCAL_PERSON

HASHES = {"base:plain": "b" * 64, "adapter:tuned": "c" * 64}


class Spoken:
    """A conversation between contestants and one person, who puts questions that are answered."""

    def __init__(
        self,
        database: Database,
        contestants: list[str],
        *,
        owner: str = LOCAL_PERSON,
        blind: bool = True,
        prompt_set_id: str | None = None,
        system: str = "Be brief.",
    ) -> None:
        self.database, self.owner, self.system = database, owner, system
        wanted = Wanted(contestants, blind=blind, prompt_set_id=prompt_set_id, system=system)
        self.id = conversations.add(database, owner, wanted).id

    def ask(self, prompt: str, answers: dict[str, str], ended: str = "stop", **more: Any) -> Round:
        """Put a question and let each contestant answer in these words; returns the round."""
        asking = Asking(prompt, self.system, {"temperature": 0.5, "seed": 7}, **more)
        put = conversations.ask(self.database, self.owner, self.id, asking)
        for contestant, text in answers.items():
            self.answer(put, contestant, text, ended)
        return put

    def answer(self, put: Round, contestant: str, text: str, ended: str = "stop") -> None:
        """Keep what a contestant answers in a round."""
        said = Said(
            self.id, put.number, put.order.index(contestant), put.at, contestant,
            contestant.title(), HASHES.get(contestant), text, ended, {"tokens": 3},
        )  # fmt: skip
        assert conversations.keep(self.database, said) is not None

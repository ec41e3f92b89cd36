"""Many questions answered without a server: as the chat would, whatever stands beside them."""

from collections.abc import Iterator

import pytest

from storage.errors import StudioError
from tests.worker.chat.conftest import CONTEXT, Family
from worker.chat import author
from worker.chat.author import Answer, Author, Question
from worker.chat.engine import Engine, text_of
from worker.chat.prompts import Prompts
from worker.chat.sampling import Sampling

LONGEST = 20


@pytest.fixture
def kept_open(prompts: Prompts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let authors use the renderer that all tests share."""
    monkeypatch.setattr(prompts, "close", lambda: None)
    monkeypatch.setattr(author, "Prompts", lambda: prompts)


def asked(words: str, number: int = 0) -> Question:
    return Question(number, [{"role": "user", "content": words}])


def written(
    family: Family,
    questions: list[Question],
    adapter: str | None = None,
    temperature: float = 0.0,
    seed: int = 1,
) -> dict[int, Answer]:
    """The answers by the numbers of their questions."""
    chosen = Sampling(temperature=temperature, seed=seed)
    with Author(family.contestant(adapter), chosen, LONGEST) as made:
        return {one.number: one for one in made.answer(questions, lambda: None)}


@pytest.mark.usefixtures("kept_open")
@pytest.mark.parametrize("adapter", [None, "dora"])
def test_each_answer_is_that_of_the_chat(
    engine: Engine, llama: Family, prompts: Prompts, adapter: str | None
) -> None:
    questions = [asked("A fever is? " * (1 + number % 5), number) for number in range(40)]
    found = written(llama, questions, adapter)
    assert sorted(found) == list(range(40))
    contestant, greedy = llama.contestant(adapter), Sampling(temperature=0, max_tokens=LONGEST)
    for question in questions[:5]:
        prompt = prompts.render(contestant, question.turns).tokens
        said = text_of(engine.answer(contestant, prompt, greedy))
        assert found[question.number].text == said.strip()
        assert found[question.number + 35].text == said.strip(), "whatever stands beside it"


@pytest.mark.usefixtures("kept_open")
def test_chance_follows_from_the_seed_and_the_questions_number(llama: Family) -> None:
    questions = [asked("Rest?", number) for number in range(3)]
    first = written(llama, questions, temperature=1.0, seed=7)
    assert len({one.text for one in first.values()}) > 1
    alone = written(llama, questions[2:], temperature=1.0, seed=7)
    assert alone[2].text == first[2].text
    assert alone[2].sure == pytest.approx(first[2].sure, abs=1e-4)
    assert written(llama, questions, temperature=1.0, seed=8) != first


@pytest.mark.usefixtures("kept_open")
def test_an_answer_is_told_to_be_complete_or_cut_off_or_never_asked(llama: Family) -> None:
    too_long = Question(1, [{"role": "user", "content": "word " * CONTEXT}])
    refused = Question(2, [])
    sampled = [asked("Rest?", number) for number in range(10, 60)]
    found = written(llama, [too_long, refused, *sampled], temperature=1.0, seed=1)
    assert (found[1].ended, found[2].ended) == ("too_long", "refused")
    endings = {(one.ended, one.tokens == LONGEST) for one in found.values() if one.number >= 10}
    assert ("length", True) in endings
    assert all(one.tokens <= LONGEST for one in found.values())


@pytest.mark.usefixtures("kept_open")
def test_who_waits_can_end_the_work(llama: Family) -> None:
    def endless() -> Iterator[Question]:
        number = 0
        while True:
            yield asked("Rest?", number)
            number += 1

    def enough() -> None:
        raise StudioError("Enough.")

    with (
        Author(llama.contestant(), Sampling(temperature=0), LONGEST) as made,
        pytest.raises(StudioError, match="Enough"),
    ):
        list(made.answer(endless(), enough))

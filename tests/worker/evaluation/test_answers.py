"""Every contestant answers every question; what is answered stays, and who cannot is told."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import evaluations, work
from storage.errors import StudioError, Superseded
from storage.ids import LOCAL_PERSON
from storage.status import WorkStatus
from storage.trust_tables import EvaluationRow
from tests.fakes.studio_worker import until
from tests.worker.conftest import Home
from tests.worker.evaluation.conftest import KIND, TERSE, Desk
from worker.chat import author, base
from worker.children import Nursery
from worker.evaluation import answers
from worker.reconciler import Reconciler
from worker.supervisor import Supervisor


def test_every_contestant_answers_every_question(desk: Desk) -> None:
    asked = desk.ask("a?", "bb?", "d?", "e?")
    heard = desk.make()
    found = desk.found(asked)
    assert (found.status, found.progress, found.answered) == (WorkStatus.READY, 1.0, 8)
    assert desk.texts(asked) == {
        **{(0, number): text.strip() for number, text in enumerate(KIND.values()) if number != 2},
        **{(1, number): text.strip() for number, text in enumerate(TERSE.values()) if number != 2},
        **{(side, 2): desk.texts(asked)[side, 2] for side in (0, 1)},
    }
    given = {
        (one.side, one.number): one for one in evaluations.answers(desk.home.database, found.id)
    }
    assert (given[0, 2].ended, given[0, 2].facts["tokens"]) == ("length", 16)
    assert given[0, 0].ended == "stop"
    assert found.result is not None
    assert found.result["differ"] == 1, "only the first is answered in two ways"
    kind, terse = found.result["sides"]
    assert (kind["answers"], kind["cut_off"], kind["empty"], kind["error"]) == (4, 1, 1, None)
    assert kind["tokens"] > terse["tokens"] > 0
    assert any("of 8 answers" in words for words in heard)
    assert [words for words in heard if words.startswith("Loading")] == [
        f"Loading {title}" for title in asked.titles
    ]


def test_the_system_prompt_goes_before_every_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[dict[str, str]]] = []
    ticket = author.Author._ticket

    def noted(self: author.Author, question: author.Question) -> object:
        seen.append(question.turns)
        return ticket(self, question)

    monkeypatch.setattr(author.Author, "_ticket", noted)
    desk.ask("a?", names=desk.names[:1], system="Be kind.")
    desk.make()
    said = [("system", "Be kind."), ("user", "a?")]
    assert [[(turn["role"], turn["content"]) for turn in turns] for turns in seen] == [said]


def test_the_same_seed_gives_the_same_answers_again(desk: Desk) -> None:
    warm = {"temperature": 1.5, "max_tokens": 12, "seed": 7}
    texts = ["a?", "bb?", "What else?"]
    first = desk.ask(*texts, names=desk.names[:1], sampling=warm)
    desk.make()
    again = desk.ask(*texts, names=desk.names[:1], sampling=warm)
    desk.make()
    other = desk.ask(*texts, names=desk.names[:1], sampling=warm | {"seed": 8})
    desk.make()
    assert desk.texts(first) == desk.texts(again)
    assert desk.texts(first) != desk.texts(other)


def test_a_contestant_that_is_gone_is_told_and_the_others_go_on(desk: Desk) -> None:
    asked = desk.ask("a?", "bb?", names=["base:gone", desk.names[1]])
    desk.make()
    found = desk.found(asked)
    assert found.result is not None
    gone, terse = found.result["sides"]
    assert "no model called" in gone["error"]
    assert (gone["answers"], terse["answers"], terse["error"]) == (0, 2, None)
    assert desk.texts(asked) == {(1, 0): "No.", (1, 1): "Of course."}


def test_a_model_that_breaks_down_is_told_and_keeps_what_it_has_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = author.Author.answer

    def breaks(self: author.Author, *given: object) -> Iterator[author.Answer]:
        yield next(answer(self, *given))  # type: ignore[arg-type]
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(author.Author, "answer", breaks)
    asked = desk.ask("a?", "bb?")
    desk.make()
    result = desk.found(asked).result
    assert result is not None
    assert [side["answers"] for side in result["sides"]] == [1, 1]
    assert {side["error"] for side in result["sides"]} == {"The graphics card ran out of memory."}


def test_a_model_leaves_before_the_next_one_is_loaded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[weakref.ref[object]] = []
    load = base.load

    def noted(folder: Path) -> base.Base:
        assert [model for model in models if model() is not None] == []
        loaded = load(folder)
        models.append(weakref.ref(loaded.model))
        return loaded

    def breaks(self: author.Author, *_: object) -> Iterator[author.Answer]:
        raise StudioError("The model computes values that are not numbers.")
        yield

    monkeypatch.setattr(base, "load", noted)
    desk.ask("a?")
    desk.make()
    monkeypatch.setattr(author.Author, "answer", breaks)
    desk.ask("a?")
    with pytest.raises(StudioError):
        desk.make()
    assert len(models) == 4


def test_a_bug_is_not_taken_for_a_contestant_that_cannot_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: author.Author, *_: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(author.Author, "answer", breaks)
    desk.ask("a?")
    with pytest.raises(RuntimeError, match="nobody foresaw this"):
        desk.make()


def test_where_nobody_can_answer_the_evaluation_fails_in_the_words_of_the_first(
    desk: Desk,
) -> None:
    desk.ask("a?", names=["base:gone", "adapter:gone"])
    with pytest.raises(StudioError, match='no model called "base:gone"'):
        desk.make()


def test_deleting_it_ends_the_work_and_bringing_it_back_asks_only_what_is_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "KEPT_EVERY", 0.0)
    asked = desk.ask(*(["a?"] * 40))

    def delete_on_the_way(share: float, _words: str) -> None:
        if share > 0.1:
            evaluations.delete(desk.home.database, LOCAL_PERSON, asked.id)

    with pytest.raises(Superseded):
        desk.make(delete_on_the_way)
    evaluations.restore(desk.home.database, LOCAL_PERSON, asked.id)
    before = evaluations.answered(desk.home.database, asked.id)
    assert 0 < len(before) < 80
    new: list[int] = []
    add = evaluations.add_answers

    def counted(database: object, key: object, given: list[evaluations.Answer]) -> None:
        new.append(len(given))
        add(database, key, given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluations, "add_answers", counted)
        desk.make()
    assert sum(new) == 80 - len(before)
    assert set(desk.texts(asked).values()) == {"Yes, gladly.", "No."}


def test_a_child_that_is_killed_leaves_its_answers_to_the_next(desk: Desk, home: Home) -> None:
    nursery = Nursery()
    long = {"temperature": 0.0, "max_tokens": 100}
    asked = desk.ask(*(["d?"] * 40), sampling=long)

    def there() -> set[tuple[int, int]]:
        return evaluations.answered(home.database, asked.id)

    first = desk.duty()
    child = nursery.start(first.task)
    assert until(lambda: len(there()) > 10, 120)
    child.kill()
    child.wait(10)
    before = there()
    assert len(before) < 80, "it was killed on the way"
    work.crashed(home.database, EvaluationRow, (asked.id, 1), "killed")
    desk.make()
    found = desk.found(asked)
    assert (found.status, found.answered) == (WorkStatus.READY, 80)


def test_it_is_done_in_a_lane_of_its_own_and_gives_way_to_runs(desk: Desk) -> None:
    desk.ask("a?")
    entry = desk.duty().task.entry
    assert entry.warm
    assert entry.gentle


def test_a_worker_that_is_gone_loses_it_to_the_next(desk: Desk, home: Home) -> None:
    asked = desk.ask("a?")
    row = work.claim(home.database, EvaluationRow, "test", 60)
    assert row is not None
    with home.database.write() as session:
        session.get_one(EvaluationRow, row.id).worker = None
    supervisor = Supervisor(home.settings, home.database, Nursery())
    supervisor.close()  # it claims nothing itself
    Reconciler(home.settings, home.database, supervisor).round()
    assert desk.found(asked).status is WorkStatus.WAITING
    desk.make()
    assert desk.found(asked).answered == 2

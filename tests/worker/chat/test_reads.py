"""A talk that goes on is not read again from its beginning, and is answered as if it were."""

from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.tiny_models import save_model, save_tokenizer
from tests.worker.chat.conftest import ADAPTERS, SCALES, Family
from tests.worker.chat.test_engine import alone, drain, ending, text_of
from tests.worker.training.matrix import FAMILIES
from worker.chat import base
from worker.chat.adapters import Adapter
from worker.chat.base import Base
from worker.chat.batch import Batch
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine
from worker.chat.exchange import Ending, Event, Ticket
from worker.chat.reads import Reads
from worker.chat.row_cache import RowCache
from worker.chat.sampling import Sampling

GREEDY = Sampling(temperature=0, max_tokens=12)
RULES = "system Drink water and rest when you have a cold. "
TURNS = (f"{RULES}A fever is", " Wash your hands often, and", " user assistant")


def ask(
    engine: Engine, family: Family, asked: list[tuple[str | None, str]]
) -> list[tuple[str, int]]:
    """The answers of questions asked at once, and how much of each prompt was known."""
    streams: list[SimpleQueue[Event]] = []
    for name, text in asked:
        streams.append(SimpleQueue())
        engine.ask(family.contestant(name), family.prompt(text), GREEDY, streams[-1].put)
    heard = [drain(events) for events in streams]
    return [(text_of(iter(events)), ending(events).usage.reused_tokens) for events in heard]


def test_every_turn_of_a_talk_is_answered_as_if_all_were_read(
    engine: Engine, family: Family
) -> None:
    names = [None, *ADAPTERS, *SCALES]
    talks = dict.fromkeys(names, "")
    for number, turn in enumerate(TURNS):
        talks = {name: talk + turn for name, talk in talks.items()}
        told = ask(engine, family, list(talks.items()))
        for (name, talk), (answer, _) in zip(talks.items(), told, strict=True):
            assert answer == alone(family, name, talk, 12)
            talks[name] = talk + answer
        assert any(reused for _, reused in told) == (number > 0)


def test_the_whole_prompt_but_its_last_token_is_known_when_it_is_asked_again(
    engine: Engine, llama: Family
) -> None:
    expected = alone(llama, "plain", TURNS[0], 12)
    length = len(llama.prompt(TURNS[0]))
    assert ask(engine, llama, [("plain", TURNS[0])]) == [(expected, 0)]
    assert ask(engine, llama, [("plain", TURNS[0])]) == [(expected, length - 1)]


def test_what_one_contestant_has_read_is_no_other_ones(engine: Engine, llama: Family) -> None:
    ask(engine, llama, [("plain", TURNS[0]), (None, TURNS[0])])
    (answer, reused) = ask(engine, llama, [("wide", TURNS[0])])[0]
    assert (answer, reused) == (alone(llama, "wide", TURNS[0], 12), 0)


def test_instructions_are_read_once_whoever_asks_beneath_them(
    engine: Engine, llama: Family
) -> None:
    questions = [f"{RULES}Drink", f"{RULES}Wash your hands often", f"{RULES}user"]
    ask(engine, llama, [("plain", TURNS[0])])
    told = ask(engine, llama, [("plain", question) for question in questions])
    assert [answer for answer, _ in told] == [alone(llama, "plain", one, 12) for one in questions]
    assert all(reused >= len(llama.prompt(RULES)) - 8 for _, reused in told)


def test_known_and_unknown_prompts_of_any_length_are_read_together(
    engine: Engine, llama: Family
) -> None:
    ask(engine, llama, [("plain", TURNS[0]), ("dora", TURNS[0] + TURNS[1])])
    asked = [
        ("plain", TURNS[0] + TURNS[2]),
        ("dora", TURNS[0] + TURNS[1] + TURNS[2]),
        (None, "x"),
        ("wide", "A fever is a body temperature above 38 degrees."),
    ]
    told = ask(engine, llama, asked)
    assert [answer for answer, _ in told] == [alone(llama, *one, 12) for one in asked]
    assert [reused > 0 for _, reused in told] == [True, True, False, False]


@pytest.mark.parametrize("name", FAMILIES)
@torch.inference_mode()
def test_every_family_goes_on_as_if_all_were_read(name: str, tmp_path: Path) -> None:
    config = FAMILIES[name]()
    if getattr(config, "sliding_window", None):
        config.sliding_window = 8  # of which the talk is several times as long
    save_tokenizer(tmp_path)
    save_model(tmp_path, config)
    loaded = base.load(tmp_path)
    keeping, forgetting = Batch(loaded, 10_000_000), Batch(loaded)
    chance = torch.Generator().manual_seed(1)

    def words(count: int) -> list[int]:
        return torch.randint(5, loaded.vocabulary - 1, (count,), generator=chance).tolist()

    def written(batch: Batch, prompt: list[int]) -> tuple[list[int], Event]:
        heard: list[Event] = []
        who = Contestant("base:1", "Tiny", tmp_path, None, "1")
        row = batch.row(Ticket(who, prompt, GREEDY, 10, heard.append, 0.0), None)
        batch.admit([row])
        while batch.unfinished:
            batch.step()
        return row.said, heard[-1]

    first = words(40)
    talk = [*first, *written(keeping, first)[0], *words(9)]
    (on, heard), (anew, _) = written(keeping, talk), written(forgetting, talk)
    assert on == anew
    assert isinstance(heard, Ending)
    assert heard.usage.reused_tokens == len(talk) - 10


@torch.inference_mode()
def test_nothing_is_kept_of_an_answer_that_is_not_numbers(
    llama: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = base.load(llama.base)
    batch = Batch(loaded, 1_000_000)
    heard: list[Event] = []

    def told() -> Ticket:
        prompt = llama.prompt(TURNS[0])
        return Ticket(llama.contestant(), prompt, GREEDY, 2, heard.append, 0.0)

    with monkeypatch.context() as broken:
        nothing = torch.full((1, loaded.vocabulary), float("nan"))
        plain = Base.logits
        broken.setattr(Base, "logits", lambda *given: plain(*given) + nothing)
        batch.admit([batch.row(told(), None)])
    assert ending(heard).reason == "error"
    batch.admit([batch.row(told(), None)])
    batch.step()
    assert ending(heard).usage.reused_tokens == 0
    batch.admit([batch.row(told(), None)])
    batch.step()
    assert ending(heard).usage.reused_tokens == len(llama.prompt(TURNS[0])) - 1


def an_adapter() -> Adapter:
    return Adapter({}, 0)


def a_cache(texts: list[list[int]]) -> RowCache:
    """Keys are the tokens themselves, values ten times as much, in two layers."""
    longest = max(map(len, texts))
    lines = [[0] * (longest - len(text)) + text for text in texts]
    keys = torch.tensor(lines, dtype=torch.float32)[:, None, :, None]
    cache = RowCache()
    for layer in (0, 1):
        cache.update(keys + layer, 10 * (keys + layer), layer)
    return cache


def kept(reads: Reads, adapter: Adapter | None, text: list[int]) -> None:
    reads.keep(adapter, text, a_cache([text]), 0)


def known(reads: Reads, adapter: Adapter | None, text: list[int]) -> int:
    return reads.taken_over(RowCache(), [(adapter, text)], len(text))[0]


TEXT = st.lists(st.integers(1, 2), min_size=1, max_size=7)


@given(
    before=st.lists(st.tuples(st.integers(0, 2), TEXT), max_size=6),
    asked=st.lists(st.tuples(st.integers(0, 2), TEXT), min_size=1, max_size=4),
)
def test_what_is_taken_over_is_what_was_read_at_its_place(
    before: list[tuple[int, list[int]]], asked: list[tuple[int, list[int]]]
) -> None:
    readers = [None, an_adapter(), an_adapter()]
    reads = Reads(1000)
    for number, text in before:
        kept(reads, readers[number], text)
    cache = RowCache()
    longest = max(len(text) for _, text in asked)
    taken = reads.taken_over(cache, [(readers[number], text) for number, text in asked], longest)
    columns = cache.get_seq_length()
    assert columns < longest
    for row, ((number, text), reused) in enumerate(zip(asked, taken, strict=True)):
        padded = [0] * (longest - len(text)) + text
        assert reused == max(0, columns - (longest - len(text)))
        assert any(
            reader == number and text[:reused] == read[:reused] for reader, read in before
        ) or (reused == 0)
        for layer, held in enumerate(cache.layers):
            shown = [token + layer for token in padded[columns - reused : columns]]
            assert held.keys[row, 0, columns - reused :, 0].tolist() == shown
            assert held.values[row, 0, columns - reused :, 0].tolist() == [10 * x for x in shown]


def test_the_least_recently_used_makes_room() -> None:
    one = 2 * 2 * 4 * 3  # layers, keys and values, bytes, tokens
    reads = Reads(limit=2 * one)
    kept(reads, None, [1, 2, 3])
    kept(reads, None, [4, 5, 6])
    assert known(reads, None, [1, 2, 3, 9]) == 3
    kept(reads, None, [7, 8, 9])
    assert [known(reads, None, [*text, 0]) for text in ([1, 2, 3], [4, 5, 6], [7, 8, 9])] == [
        3,
        0,
        3,
    ]
    assert reads.bytes == 2 * one


def test_so_many_texts_are_kept_that_comparing_takes_no_time() -> None:
    reads = Reads(1000 * 1000)
    for token in range(1, 100):
        kept(reads, None, [token, token])
    found = [token for token in range(1, 100) if known(reads, None, [token, token, 0])]
    assert found == list(range(68, 100))


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    reads = Reads(limit=2 * 2 * 4 * 3)
    kept(reads, None, [1, 2, 3])
    kept(reads, None, [1, 2, 3, 4])
    assert known(reads, None, [1, 2, 3, 4, 5]) == 3


def test_a_talk_that_went_on_takes_the_place_of_its_beginning() -> None:
    reads = Reads(1000)
    kept(reads, None, [1, 2, 3])
    alone_bytes = reads.bytes
    kept(reads, None, [1, 2, 3, 4, 5, 6])
    assert reads.bytes == 2 * alone_bytes


def test_what_an_adapter_has_read_goes_with_it() -> None:
    reads = Reads(1000)
    adapter = an_adapter()
    kept(reads, adapter, [1, 2, 3])
    del adapter
    assert known(reads, None, [1, 2, 3, 4]) == 0
    kept(reads, None, [4])
    assert reads.bytes == 2 * 2 * 4

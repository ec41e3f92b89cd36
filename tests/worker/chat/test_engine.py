"""Answers of the mixed batch: the same as each adapter's alone, streamed, stopped and counted."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import StudioError
from tests.worker.chat.conftest import ADAPTERS, CONTEXT, SCALES, Family, make_adapter, make_base
from worker.chat.batch import Batch
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine, Limits, text_of
from worker.chat.exchange import Busy, ContextExceeded, Ending, Event, Piece, Reason
from worker.chat.row import Row
from worker.chat.sampling import Sampling

GREEDY = Sampling(temperature=0, max_tokens=24)
PROMPT = "A fever is"


def alone(family: Family, name: str | None, text: str, new: int = 24) -> str:
    """What plain transformers and PEFT answer, greedily."""
    model = AutoModelForCausalLM.from_pretrained(family.base, dtype=torch.float32)
    if name is not None:
        model = PeftModel.from_pretrained(model, family.adapters[name])
    tokenizer = AutoTokenizer.from_pretrained(family.base)
    tokens = torch.tensor([family.prompt(text)])
    answer = model.eval().generate(
        input_ids=tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=new,
        do_sample=False,
    )
    return str(tokenizer.decode(answer[0, tokens.shape[1] :], skip_special_tokens=True))


def together(
    engine: Engine, family: Family, asked: list[tuple[str | None, str]], sampling: Sampling = GREEDY
) -> list[str]:
    """All answers of questions asked at the same time."""
    streams = []
    for name, text in asked:
        events: SimpleQueue[Event] = SimpleQueue()
        engine.ask(family.contestant(name), family.prompt(text), sampling, events.put)
        streams.append(events)
    return [text_of(iter(list(drain(events)))) for events in streams]


def drain(events: "SimpleQueue[Event]") -> list[Event]:
    """All events of one answer, its ending last."""
    got = [events.get(timeout=60)]
    while not isinstance(got[-1], Ending):
        got.append(events.get(timeout=60))
    return got


def ending(events: list[Event]) -> Ending:
    assert isinstance(events[-1], Ending)
    return events[-1]


def test_every_contestant_of_a_mixed_batch_answers_as_it_does_alone(
    engine: Engine, family: Family
) -> None:
    names = [None, *ADAPTERS, *SCALES]
    expected = [alone(family, name, PROMPT) for name in names]
    assert len(set(expected)) == len(names), "the adapters must differ for this to show anything"
    assert together(engine, family, [(name, PROMPT) for name in names]) == expected


def test_prompts_of_different_length_do_not_disturb_each_other(
    engine: Engine, family: Family
) -> None:
    asked = [
        ("plain", "Drink"),
        (None, "A fever is a body temperature above 38 degrees. " * 3),
        ("dora", "Wash your hands often"),
        ("plain", "user"),
    ]
    expected = [alone(family, name, text) for name, text in asked]
    assert together(engine, family, asked) == expected


def test_a_question_joins_the_running_batch_and_the_others_go_on_unchanged(
    engine: Engine, llama: Family
) -> None:
    first: SimpleQueue[Event] = SimpleQueue()
    long = Sampling(temperature=0, max_tokens=300)
    engine.ask(llama.contestant("plain"), llama.prompt(PROMPT), long, first.put)
    opening = first.get(timeout=60)
    late = drained(engine, llama.contestant("wide"), llama.prompt("Wash your hands often, and"))
    events = [opening, *drain(first)]
    assert text_of(iter(late)) == alone(llama, "wide", "Wash your hands often, and")
    assert text_of(iter(events)) == alone(llama, "plain", PROMPT, 300)
    assert ending(late).usage.batch_rows == 2, "it waited instead of joining"
    assert ending(events).usage.batch_rows == 2


def drained(
    engine: Engine, contestant: Contestant, prompt: list[int], sampling: Sampling = GREEDY
) -> list[Event]:
    return list(engine.answer(contestant, prompt, sampling))


def test_the_same_seed_gives_the_same_answer_in_any_company(engine: Engine, llama: Family) -> None:
    drawn = Sampling(temperature=1.3, top_p=0.9, seed=5, max_tokens=24)
    once = together(engine, llama, [("plain", PROMPT)], drawn)[0]
    among = together(engine, llama, [(None, "Drink"), ("plain", PROMPT), ("dora", "x")], drawn)[1]
    other = together(engine, llama, [("plain", PROMPT)], drawn.model_copy(update={"seed": 6}))[0]
    assert once == among
    assert once != other


def test_a_finished_row_leaves_and_its_usage_is_counted(engine: Engine, llama: Family) -> None:
    prompt = llama.prompt(PROMPT)
    end = ending(drained(engine, llama.contestant(), prompt))
    assert end.reason in ("stop", "length")
    assert end.usage.prompt_tokens == len(prompt)
    assert 1 <= end.usage.completion_tokens <= 24
    assert end.usage.tokens_per_second > 0
    assert end.usage.seconds_to_first > 0


@pytest.mark.parametrize(
    "sampling",
    [GREEDY, Sampling(temperature=1.5, repetition_penalty=1.4, seed=3, max_tokens=24)],
    ids=["greedy", "drawn"],
)
def test_how_sure_an_answer_is_is_the_models_own_mean_log_probability(
    engine: Engine, llama: Family, sampling: Sampling
) -> None:
    """Temperature and penalties change what is said, not how likely the model finds it."""
    ids: list[int] = []
    prompt = llama.prompt(PROMPT)
    keep = Batch._taken

    def noted(batch: Batch, row: Row, line: torch.Tensor, total: float) -> Reason | None:
        reason = keep(batch, row, line, total)
        ids.append(row.said[-1])
        return reason

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batch, "_taken", noted)
        end = ending(drained(engine, llama.contestant("plain"), prompt, sampling))
    model = AutoModelForCausalLM.from_pretrained(llama.base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, llama.adapters["plain"]).eval()
    with torch.no_grad():
        chances = model(torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
    said = [float(chances[len(prompt) - 1 + at, token]) for at, token in enumerate(ids)]
    assert len(said) == end.usage.completion_tokens
    assert end.usage.sure == pytest.approx(sum(said) / len(said), abs=1e-3)


def test_the_model_ends_its_answer_with_its_own_token(engine: Engine, tmp_path: Path) -> None:
    model = make_base(tmp_path / "llama-base")
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.weight[2] = 1
        model.model.norm.weight.zero_()
    model.save_pretrained(tmp_path / "llama-base")
    family = Family(tmp_path / "llama-base", {})
    # All logits are equal, so greedy takes token 0 for ever: only its limit ends it.
    assert ending(drained(engine, family.contestant(), [5])).reason == "length"
    model.generation_config.eos_token_id = 0
    model.save_pretrained(tmp_path / "llama-other")
    for path in (tmp_path / "llama-base").glob("token*"):
        (tmp_path / "llama-other" / path.name).write_bytes(path.read_bytes())
    other = Family(tmp_path / "llama-other", {})
    end = ending(drained(engine, other.contestant(), [5]))
    assert (end.reason, end.usage.completion_tokens) == ("stop", 1)


def test_a_stop_text_ends_the_answer_before_it(engine: Engine, llama: Family) -> None:
    whole = alone(llama, None, PROMPT)
    stop = whole[8:11]
    sampling = Sampling(temperature=0, max_tokens=24, stop=(stop,))
    events = drained(engine, llama.contestant(), llama.prompt(PROMPT), sampling)
    assert text_of(iter(events)) == whole[: whole.index(stop)]
    assert ending(events).reason == "stop"


def test_cancel_ends_the_answer_at_once_and_spares_the_others(
    engine: Engine, llama: Family
) -> None:
    endless = Sampling(temperature=0, max_tokens=450)
    streams: list[SimpleQueue[Event]] = [SimpleQueue(), SimpleQueue()]
    tickets = [
        engine.ask(llama.contestant(name), llama.prompt(PROMPT), endless, stream.put)
        for name, stream in zip((None, "plain"), streams, strict=True)
    ]
    streams[0].get(timeout=60)
    tickets[0].cancel()
    asked = time.monotonic()
    assert ending(drain(streams[0])).reason == "cancelled"
    assert time.monotonic() - asked < 1
    assert ending(drain(streams[1])).reason in ("stop", "length")


def test_leaving_the_stream_early_cancels(engine: Engine, llama: Family) -> None:
    endless = Sampling(temperature=0, max_tokens=450)
    for event in engine.answer(llama.contestant(), llama.prompt(PROMPT), endless):
        assert isinstance(event, Piece)
        break
    eventually(lambda: engine.running == 0)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_another_base_replaces_the_resident_one(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    make_base(tmp_path / "qwen2-base", "qwen2")
    other = Family(tmp_path / "qwen2-base", {})
    assert together(engine, llama, [(None, PROMPT)]) == [alone(llama, None, PROMPT)]
    assert engine.resident == llama.base
    assert together(engine, other, [(None, PROMPT)]) == [alone(other, None, PROMPT)]
    assert engine.resident == other.base


def test_many_questions_from_many_threads(engine: Engine, llama: Family) -> None:
    asked = [(name, text) for name in (None, "plain", "wide") for text in ("Drink", PROMPT) * 4]
    expected = {(name, text): alone(llama, name, text) for name, text in set(asked)}

    def ask(question: tuple[str | None, str]) -> str:
        name, text = question
        return text_of(engine.answer(llama.contestant(name), llama.prompt(text), GREEDY))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, asked)) == [expected[question] for question in asked]


def test_too_long_a_conversation_is_refused_with_its_counts(engine: Engine, llama: Family) -> None:
    with pytest.raises(ContextExceeded, match=r"500 tokens long .* may take 24.* hold 512 in all"):
        engine.ask(llama.contestant(), [5] * (CONTEXT - 12), GREEDY, print)


def test_the_context_can_be_filled_to_the_last_token(engine: Engine, llama: Family) -> None:
    sampling = Sampling(temperature=0, max_tokens=2)
    end = ending(drained(engine, llama.contestant(), [5] * (CONTEXT - 2), sampling))
    assert end.usage.prompt_tokens + end.usage.completion_tokens <= CONTEXT
    assert end.reason in ("stop", "length")


def test_without_a_limit_the_answer_may_fill_the_context(engine: Engine, llama: Family) -> None:
    unlimited = Sampling(temperature=0)
    end = ending(drained(engine, llama.contestant(), [5] * (CONTEXT - 9), unlimited))
    assert end.usage.completion_tokens <= 9
    assert end.reason in ("stop", "length")


def test_a_full_waiting_room_says_so(llama: Family) -> None:
    engine = Engine(Limits(gather_seconds=5, waiting=1))
    try:
        engine.ask(llama.contestant(), [5], GREEDY, lambda event: None)
        with pytest.raises(Busy):
            engine.ask(llama.contestant(), [5], GREEDY, lambda event: None)
    finally:
        engine.close()


def test_closing_ends_what_waits_and_what_runs(llama: Family) -> None:
    engine = Engine()
    events: SimpleQueue[Event] = SimpleQueue()
    endless = Sampling(temperature=0, max_tokens=450)
    engine.ask(llama.contestant(), llama.prompt(PROMPT), endless, events.put)
    events.get(timeout=60)
    engine.close()
    assert ending(drain(events)).reason == "cancelled"
    with pytest.raises(Busy):
        engine.ask(llama.contestant(), [5], GREEDY, print)
    assert not [thread for thread in threading.enumerate() if thread.name == "chat-engine"]


def test_an_adapter_that_cannot_be_read_fails_alone(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    broken = Contestant("adapter:9", "Broken", llama.base, tmp_path, "1")
    bad: SimpleQueue[Event] = SimpleQueue()
    good: SimpleQueue[Event] = SimpleQueue()
    engine.ask(broken, llama.prompt(PROMPT), GREEDY, bad.put)
    engine.ask(llama.contestant(), llama.prompt(PROMPT), GREEDY, good.put)
    assert "adapter_config.json" in str(ending(drain(bad)).error)
    assert text_of(iter(drain(good))) == alone(llama, None, PROMPT)


def test_a_base_model_that_cannot_be_loaded_says_so_and_the_engine_goes_on(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    folder = tmp_path / "llama-cut"
    make_base(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(StudioError, match='"llama-cut" cannot be loaded'):
        text_of(engine.answer(Family(folder, {}).contestant(), [5], GREEDY))
    assert together(engine, llama, [(None, PROMPT)]) == [alone(llama, None, PROMPT)]


def test_a_base_model_stored_as_pickle_only_is_not_opened(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "llama-pickle"
    model = make_base(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(StudioError, match="safetensors"):
        text_of(engine.answer(Family(folder, {}).contestant(), [5], GREEDY))


def test_a_base_model_that_lacks_weights_is_refused(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "llama-deeper"
    make_base(folder)
    config = folder / "config.json"
    config.write_text(
        config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3')
    )
    with pytest.raises(StudioError, match="lacks weights"):
        text_of(engine.answer(Family(folder, {}).contestant(), [5], GREEDY))


def test_tokens_of_a_foreign_tokenizer_are_refused(engine: Engine, llama: Family) -> None:
    with pytest.raises(StudioError, match="belongs to another model"):
        text_of(engine.answer(llama.contestant(), [100_000], GREEDY))


def test_a_model_that_computes_no_numbers_ends_with_words(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "llama-nan"
    model = make_base(folder)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    model.save_pretrained(folder)
    with pytest.raises(StudioError, match="not numbers"):
        text_of(engine.answer(Family(folder, {}).contestant(), [5], GREEDY))


def test_the_least_recently_used_adapter_makes_room(llama: Family) -> None:
    engine = Engine(Limits(adapter_bytes=1))
    try:
        asked: list[tuple[str | None, str]] = [("plain", PROMPT), ("wide", PROMPT)]
        assert together(engine, llama, asked) == [alone(llama, *question) for question in asked]
        assert engine.shelved == [llama.adapters["wide"]]
    finally:
        engine.close()


def test_an_adapter_trained_again_is_read_again(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    folder = make_adapter(llama.base, tmp_path / "again", seed=1)
    again = Family(llama.base, {"again": folder})
    before = together(engine, again, [("again", PROMPT)])
    make_adapter(llama.base, folder, seed=2)
    after = together(engine, again, [("again", PROMPT)])
    assert before != after
    assert after == [alone(again, "again", PROMPT)]


def test_an_adapter_deleted_while_it_answers_finishes(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    folder = make_adapter(llama.base, tmp_path / "gone", seed=1)
    gone = Family(llama.base, {"gone": folder})
    expected = alone(gone, "gone", PROMPT, 200)
    events: SimpleQueue[Event] = SimpleQueue()
    sampling = Sampling(temperature=0, max_tokens=200)
    engine.ask(gone.contestant("gone"), gone.prompt(PROMPT), sampling, events.put)
    opening = events.get(timeout=60)
    (folder / "adapter_model.safetensors").unlink()
    assert text_of(iter([opening, *drain(events)])) == expected


def test_an_adapter_with_new_words_reads_and_writes_them(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    """It needs a vocabulary of its own, so it is answered by itself, between the others."""
    folder = make_words(llama.base, tmp_path / "words", "<dose>")
    with_words = Contestant("adapter:words", "Words", llama.base, folder, "1")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = list(tokenizer.encode("A fever is <dose>", add_special_tokens=False))
    assert prompt[-1] == len(tokenizer) - 1
    model = AutoModelForCausalLM.from_pretrained(llama.base, dtype=torch.float32)
    model.resize_token_embeddings(len(tokenizer))
    model = PeftModel.from_pretrained(model, folder).eval()
    ids = torch.tensor([prompt])
    written = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False
    )[0, len(prompt) :]
    assert len(tokenizer) - 1 in written, "the new word is an answer too"
    expected = tokenizer.decode(written, skip_special_tokens=True)
    before = text_of(engine.answer(llama.contestant("plain"), llama.prompt(PROMPT), GREEDY))
    assert text_of(engine.answer(with_words, prompt, GREEDY)) == expected
    again = text_of(engine.answer(llama.contestant("plain"), llama.prompt(PROMPT), GREEDY))
    assert again == before == alone(llama, "plain", PROMPT)


def test_a_checkpoint_with_new_words_but_without_their_tokenizer_says_so(
    engine: Engine, llama: Family, tmp_path: Path
) -> None:
    folder = make_words(llama.base, tmp_path / "words", "<dose>")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    contestant = Contestant("checkpoint:1:2", "Words", llama.base, folder, "1")
    with pytest.raises(StudioError, match="not the tokenizer that knows them"):
        text_of(engine.answer(contestant, llama.prompt(PROMPT), GREEDY))


def make_words(base: Path, folder: Path, word: str) -> Path:
    """An adapter that was taught a new word, with random rows for it, saved by PEFT."""
    torch.manual_seed(5)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens([AddedToken(word, special=False, normalized=False)])
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model.resize_token_embeddings(len(tokenizer))
    new = [len(tokenizer) - 1]
    config = LoraConfig(
        r=4,
        target_modules="all-linear",
        init_lora_weights=False,
        task_type="CAUSAL_LM",
        trainable_token_indices={"embed_tokens": new, "lm_head": new},
    )
    adapted = get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "trainable_tokens_delta" in name:
                weight.copy_(torch.randn_like(weight) * (3 if "lm_head" in name else 1))
    adapted.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    return folder

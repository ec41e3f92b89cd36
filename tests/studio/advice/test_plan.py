"""The card before Start: what it counts is what the recipe does, and its warnings are in words."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from storage import rows as stored_rows
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.advice import lengths, machine, pace
from studio.advice import plan as advice
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.plan import Plan
from tests.studio.advice.conftest import base, dataset

PUBMED = Path(__file__).parents[4] / "shared" / "data" / "pubmedqa_messages.jsonl"
EVERYDAY = Path(__file__).parents[3] / "static" / "samples" / "patient_friendly.jsonl"
HERE = Machine(cores=2, free_memory=64_000_000_000)
ROOM = 64_000_000_000

needs_data = pytest.mark.skipif(not PUBMED.exists(), reason="the shared data is not here")


def spec(**changes: Any) -> RunSpec:
    """Return settings that fit the tiny model, but for these changes."""
    given_ = {"dataset_id": "data_1", "base_model_id": "model_1", "max_length": 128, "rank": 8}
    return RunSpec(**{**given_, **changes})


def planned(
    settings: RunSpec, facts: ModelFacts | None, data: Any = None, here: Machine = HERE
) -> Plan:
    """Return the plan for these settings."""
    return advice.plan(settings, Known(data or dataset(), base(), facts), here)


def warned(plan: Plan) -> dict[str, str]:
    """Return the warnings by field."""
    return {warning.field: warning.message for warning in plan.warnings}


def conversations() -> list[list[str]]:
    """Return the turns of each row of the shared data."""
    lines = PUBMED.read_text("utf-8").splitlines()
    return [[turn["content"] for turn in json.loads(line)["messages"]] for line in lines]


def trained_tokenizer(size: int, texts: list[str]) -> Tokenizer:
    """Return a byte-level BPE tokenizer of that size, trained on these texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


# Characters and tokens.


@needs_data
@pytest.mark.parametrize("size", [300, 1024, 2048, 4096])
def test_characters_a_token_lie_between_text_that_the_tokenizer_knows_and_other_text(
    size: int,
) -> None:
    medical = [text for row in conversations() for text in row]
    everyday = EVERYDAY.read_text("utf-8").splitlines()
    tokenizer = trained_tokenizer(size, medical[::2])

    def measured(texts: list[str]) -> float:
        tokens = sum(len(found.ids) for found in tokenizer.encode_batch(texts))
        return sum(map(len, texts)) / tokens

    estimate = lengths.characters_per_token(size)
    assert 0.85 * measured(everyday) <= estimate <= 1.1 * measured(medical[1::2])


@pytest.mark.parametrize("size", [32_000, 50_257, 128_256, 262_144])
def test_large_vocabularies_hold_four_to_four_and_a_half_characters_a_token(size: int) -> None:
    assert lengths.characters_per_token(size) + 0.02 >= 4.0
    assert lengths.characters_per_token(size) <= 4.5


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_larger_vocabulary_never_needs_more_tokens(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert 1.0 <= lengths.characters_per_token(small) <= lengths.characters_per_token(large) <= 4.5


# Steps and tokens.


def recipe_steps(settings: RunSpec, blocks: int) -> int:
    """Return the steps as the recipe counts them: in whole batches, reading after reading."""
    batches = math.ceil(blocks / settings.batch_size)
    a_reading = math.ceil(batches / settings.accumulation)
    return settings.max_steps or max(1, math.ceil(settings.epochs * a_reading))


@given(
    rows=st.integers(2, 3000), batch=st.integers(1, 64), more=st.integers(1, 32),
    epochs=st.floats(0.01, 20), most=st.none() | st.integers(1, 500),
)  # fmt: skip
def test_without_packing_the_steps_are_those_of_the_recipe(
    facts: ModelFacts, rows: int, batch: int, more: int, epochs: float, most: int | None
) -> None:
    settings = spec(
        packing=False, batch_size=batch, accumulation=more, epochs=epochs, max_steps=most,
        eval_share=0,
    )  # fmt: skip
    assert planned(settings, facts, dataset(rows)).steps == recipe_steps(settings, rows)


@needs_data
@pytest.mark.parametrize("length", [128, 512])
def test_with_packing_the_steps_are_near_those_of_real_blocks(
    facts: ModelFacts, length: int
) -> None:
    """Blocks filled best fit first, as the recipe does, with a tokenizer of everyday words."""
    talks = conversations()
    tokenizer = trained_tokenizer(2048, EVERYDAY.read_text("utf-8").splitlines())
    found_lengths = [
        min(length, sum(len(tokenizer.encode(text).ids) for text in row) + lengths.TEMPLATE_TOKENS)
        for row in talks
    ]
    mean = sum(len(text) for row in talks for text in row) / len(talks)
    longest = max(sum(map(len, row)) for row in talks)
    settings = spec(max_length=length, batch_size=1, epochs=2, eval_share=0)
    known = facts.model_copy(update={"vocabulary_size": 2048, "context_length": 1024})
    found = planned(settings, known, dataset(len(talks), mean, longest))
    assert found.steps == pytest.approx(
        recipe_steps(settings, _blocks(found_lengths, length)), rel=0.25
    )
    assert found.tokens == pytest.approx(2 * sum(found_lengths), rel=0.25)


def _blocks(lengths: list[int], most: int) -> int:
    """Return how many blocks best-fit-decreasing packing makes."""
    rest: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [place for place, room in enumerate(rest) if room >= length]
        if fitting:
            rest[min(fitting, key=lambda place: rest[place])] -= length
        else:
            rest.append(most - length)
    return len(rest)


def test_the_exam_takes_its_share_from_what_is_learned(facts: ModelFacts) -> None:
    whole = planned(spec(packing=False, eval_share=0, batch_size=1, epochs=1), facts)
    half = planned(spec(packing=False, eval_share=0.5, batch_size=1, epochs=1), facts)
    assert (whole.steps, half.steps) == (500, 250)
    assert whole.tokens
    assert half.tokens == pytest.approx(whole.tokens / 2, abs=2)


def test_the_share_kept_for_the_exam_is_about_that_of_the_split() -> None:
    hashes = [f"{number:016x}" for number in range(500)]
    kept = sum(stored_rows.in_evaluation_split(each, 0.1, 20_260_101) for each in hashes)
    assert kept == pytest.approx(50, abs=20)


def test_twice_the_readings_are_twice_the_tokens(facts: ModelFacts) -> None:
    one, two = (planned(spec(epochs=epochs, batch_size=1), facts) for epochs in (2, 4))
    assert one.tokens
    assert one.steps
    assert two.tokens == 2 * one.tokens
    assert two.steps == 2 * one.steps


def test_a_number_of_steps_overrules_the_readings(facts: ModelFacts) -> None:
    one = planned(spec(max_steps=10, epochs=1), facts)
    other = planned(spec(max_steps=10, epochs=900), facts)
    assert one == other
    assert one.steps == 10


def test_rows_longer_than_the_limit_are_read_up_to_it(facts: ModelFacts) -> None:
    long = dataset(rows=100, mean=100_000.0, longest=200_000)
    found = planned(spec(epochs=1, eval_share=0, batch_size=1), facts, long)
    assert (found.steps, found.tokens) == (100, 100 * 128)


def test_plain_text_has_no_turns_to_mark(facts: ModelFacts) -> None:
    talk, text = (
        planned(spec(), facts, dataset(mean=60.0, shape=shape)) for shape in ("messages", "text")
    )
    assert text.tokens
    assert talk.tokens
    assert text.tokens < talk.tokens


# Time.


def test_twice_the_cores_or_half_the_tokens_take_half_the_time(facts: ModelFacts) -> None:
    two = planned(spec(epochs=4), facts)
    four = planned(spec(epochs=4), facts, here=Machine(4, ROOM))
    assert two.seconds
    assert two.steps
    assert four.seconds
    beside = pace.STEP_SECONDS * two.steps
    assert two.seconds - beside == pytest.approx(2 * (four.seconds - beside))


def test_the_starter_model_takes_about_the_time_that_was_measured(facts: ModelFacts) -> None:
    """2,048 tokens a second and core, a third of it lost beside the steps: the right order."""
    starter = facts.model_copy(
        update={"parameters": 3_100_000, "vocabulary_size": 2048, "context_length": 1024}
    )
    found = planned(spec(epochs=6, max_length=512, batch_size=1), starter, dataset(297, 160.0))
    assert found.tokens
    assert found.seconds
    assert 2_000 < found.tokens / found.seconds < 6_000


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"gradient_checkpointing": True}, {}),
        ({"packing": False}, {}),
        ({"epochs": 4.0}, {"epochs": 3.0}),
        ({"eval_every": 1}, {"eval_every": 100}),
        ({"eval_share": 0.1, "max_steps": 50}, {"eval_share": 0.0, "max_steps": 50}),
    ],
)
def test_what_takes_longer_is_said_to_take_longer(
    facts: ModelFacts, more: dict[str, Any], less: dict[str, Any]
) -> None:
    longer, shorter = (planned(spec(**changes), facts).seconds for changes in (more, less))
    assert longer is not None
    assert shorter is not None
    assert longer > shorter


# Warnings and faults.


def test_what_does_not_fit_into_memory_is_said_with_both_numbers(facts: ModelFacts) -> None:
    found = planned(spec(), facts, here=Machine(2, 500_000_000))
    assert "500 MB are free" in warned(found)["base_model_id"]
    assert found.faults == []
    assert "base_model_id" not in warned(planned(spec(), facts))


def test_rows_that_will_be_cut_are_told_with_their_length(facts: ModelFacts) -> None:
    one_long = planned(spec(), facts, dataset(mean=60.0, longest=40_000))
    assert "The longest example is" in warned(one_long)["max_length"]
    assert "beyond 128" in warned(one_long)["max_length"]
    most_long = planned(spec(), facts, dataset(mean=4_000.0, longest=40_000))
    assert "Most examples are" in warned(most_long)["max_length"]
    assert "max_length" not in warned(planned(spec(), facts, dataset(mean=60.0, longest=80)))


@pytest.mark.parametrize(
    ("field", "changes", "data"),
    [
        ("dataset_id", {}, {"rows": 20}),
        ("eval_share", {"eval_share": 0.0}, {}),
        ("alpha", {"rank": 4, "alpha": 17.0}, {}),
    ],
)
def test_a_warning_stands_by_its_field_and_lets_the_run_start(
    facts: ModelFacts, field: str, changes: dict[str, Any], data: dict[str, Any]
) -> None:
    found = planned(spec(**changes), facts, dataset(**data))
    assert field in warned(found)
    assert found.faults == []
    assert field not in warned(planned(spec(alpha=16.0), facts))


def test_a_model_without_a_chat_template_is_named(facts: ModelFacts) -> None:
    plain = facts.model_copy(update={"has_chat_template": False})
    assert "no chat format of its own" in warned(planned(spec(), plain))["chat_template"]
    assert "chat_template" not in warned(planned(spec(), facts))
    assert "chat_template" not in warned(planned(spec(method="pretrain"), plain))
    other = warned(planned(spec(chat_template="chatml"), facts))
    assert "its own" in other["chat_template"]
    assert "chat_template" not in warned(planned(spec(chat_template="chatml"), plain))


def test_a_shrunk_model_is_not_shrunk_again(facts: ModelFacts) -> None:
    packed = facts.model_copy(update={"quantized": True})
    found = planned(spec(quantization="nf4"), packed)
    assert [fault.field for fault in found.faults] == ["quantization"]
    assert planned(spec(quantization="nf4"), facts).faults == []


def test_while_data_is_read_nothing_is_guessed(facts: ModelFacts) -> None:
    reading = dataset(status=WorkStatus.WORKING, report=None, rows_good=0)
    found = planned(spec(), facts, reading)
    assert (found.steps, found.tokens, found.seconds) == (None, None, None)
    assert found.memory_bytes
    assert found.faults == []


def test_this_machine_has_cores_and_memory() -> None:
    here = machine.machine()
    assert here.cores >= 1
    assert here.free_memory > 1_000_000

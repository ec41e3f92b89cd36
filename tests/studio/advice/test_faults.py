"""What does not go together is refused before Start, everything at once and each by its field."""

from typing import Any

import pytest

from storage.errors import Fault
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.advice import faults, memory, remarks
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.plan import plan
from tests.studio.advice.conftest import base, dataset

HERE = Machine(2, 64_000_000_000)


def spec(**changes: Any) -> RunSpec:
    """Return settings that fit the tiny model, but for these changes."""
    given = {"dataset_id": "d", "base_model_id": "model_000000000001", "max_length": 128, "rank": 8}
    return RunSpec(**{**given, **changes})


def by_field(found: list[Fault]) -> dict[str, str]:
    """Return faults by field."""
    return {fault.field: fault.message for fault in found}


def refused(settings: RunSpec, facts: ModelFacts, **known: Any) -> dict[str, str]:
    """Return why a run with these settings cannot start."""
    told = {"data": dataset(), "model": base(), "facts": facts, **known}
    return by_field(faults.of(settings, Known(**told)))


def test_all_faults_are_named_at_once_each_by_its_field(facts: ModelFacts) -> None:
    wrong = spec(
        rank=33, max_length=4096, target_modules=("q_porj",), adapter="adalora", final_rank=64,
    )  # fmt: skip
    found = refused(wrong, facts, data=dataset(rows=1))
    assert {"rank", "max_length", "target_modules", "final_rank", "dataset_id"} <= found.keys()


def test_a_rank_is_at_most_the_smallest_matrix_that_learns(facts: ModelFacts) -> None:
    grouped = facts.model_copy(update={"heads": 8, "kv_heads": 2})
    assert faults.narrowest(grouped) == 8, "keys and values of two heads of four"
    assert "at most 8" in refused(spec(rank=9), grouped)["rank"]
    assert refused(spec(rank=9, target_modules=("o_proj",)), grouped) == {}
    assert refused(spec(rank=9, adapter="ia3"), grouped) == {}, "it has no rank"


def test_a_part_that_is_not_there_is_answered_with_the_nearest_names(facts: ModelFacts) -> None:
    words = refused(spec(target_modules=("q_porj", "o_proj")), facts)["target_modules"]
    assert "no part called q_porj" in words
    assert "Did you mean q_proj or" in words
    assert refused(spec(target_modules=("model.layers.0.self_attn.q_proj",)), facts) == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"adapter": "full", "quantization": "nf4"}, "quantization"),
        ({"chat_template": "custom"}, "custom_template"),
        ({"beginning": "loftq"}, "beginning"),
        ({"method": "distill"}, "teacher_model_id"),
        ({"method": "distill", "teacher_model_id": "model_000000000001"}, "teacher_model_id"),
    ],
)
def test_combinations_that_the_libraries_cannot_do_are_refused(
    facts: ModelFacts, changes: dict[str, Any], field: str
) -> None:
    assert field in refused(spec(**changes), facts)


def test_a_teacher_with_another_vocabulary_is_refused(facts: ModelFacts) -> None:
    asked = spec(method="distill", teacher_model_id="model_000000000002")
    other = facts.model_copy(update={"vocabulary_size": 50_000})
    model = base(facts=facts.model_dump())
    for theirs, fits in ((other, False), (facts, True)):
        teacher = base(id="model_000000000002", facts=theirs.model_dump())
        found = refused(asked, facts, model=model, teacher=teacher, teacher_facts=theirs)
        assert ("teacher_model_id" not in found) is fits


def test_a_teacher_that_failed_is_named(facts: ModelFacts) -> None:
    asked = spec(method="distill", teacher_model_id="model_000000000002")
    broken = base(name="Big", status=WorkStatus.FAILED, error="No weights.")
    assert refused(asked, facts, teacher=broken)["teacher_model_id"].startswith("Big cannot be")


def test_answers_need_room_beside_their_questions(facts: ModelFacts) -> None:
    asked = {"method": "distill", "teacher_model_id": "model_000000000002"}
    assert "no room" in refused(spec(**asked, answer_tokens=128), facts)["answer_tokens"]
    assert "answer_tokens" not in refused(spec(**asked, answer_tokens=64), facts)


MARKED = """{% for m in messages %}{% if m.role == "system" %}{% continue %}{% endif %}
{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"""


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("a\n{% for m in messages %}{{ m.content }}", "Line 2 is not right"),
        ("{{ messages[0", "Line 1 is not right"),
        ("{% generation %}never ended", "Line 1 is not right"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
        (MARKED, ""),
    ],
)
def test_a_chat_format_with_a_mistake_is_refused_with_its_line(
    facts: ModelFacts, template: str, words: str
) -> None:
    asked = spec(chat_template="custom", custom_template=template)
    found = refused(asked, facts).get("custom_template", "")
    assert words in found
    assert bool(found) is bool(words)


def test_an_exam_that_takes_everything_is_refused(facts: ModelFacts) -> None:
    found = refused(spec(eval_share=0.5), facts, data=dataset(rows=2))
    assert found == {}
    assert "nothing is left" in refused(
        spec(), facts, data=dataset(rows=5, rows_held_out=5)
    )["dataset_id"]  # fmt: skip


def test_a_model_that_cannot_learn_is_refused_and_one_that_nobody_tried_is_told(
    facts: ModelFacts,
) -> None:
    locked = facts.model_copy(update={"quantized": True, "dtypes": ["int32"]})
    assert "shrunk form" in refused(spec(), locked)["base_model_id"]
    assert "base_model_id" not in said(spec(), facts)
    new = facts.model_copy(update={"model_type": "brand_new"})
    assert refused(spec(), new) == {}
    assert "brand_new" in said(spec(), new)["base_model_id"]
    stateful = facts.model_copy(update={"model_type": "mamba"})
    assert "cannot be talked to" in said(spec(), stateful)["base_model_id"]


# What is only said.


def said(
    settings: RunSpec, facts: ModelFacts, here: Machine = HERE, **known: Any
) -> dict[str, str]:
    """Return the remarks by field."""
    told = Known(**{"data": dataset(), "model": base(), "facts": facts, **known})
    return by_field(remarks.of(settings, told, memory.judged(settings, told, here)))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"method": "dpo", "packing": False}, "packing", "method sft or pretrain"),
        ({"adapter": "full", "rank": 4}, "rank", "adapter lora or adalora"),
        ({"beta": 0.5}, "beta", "method dpo, kto or orpo"),
        ({"custom_template": "{{ x }}"}, "custom_template", "chat template custom"),
        ({"group_by_length": True}, "group_by_length", "packing off"),
    ],
)
def test_a_setting_without_effect_is_named_with_what_it_needs(
    facts: ModelFacts, changes: dict[str, Any], field: str, words: str
) -> None:
    found = said(spec(**changes), facts)[field]
    assert "does nothing here" in found
    assert words in found


def test_settings_at_their_default_are_not_named(facts: ModelFacts) -> None:
    assert not [words for words in said(spec(rank=16), facts).values() if "nothing here" in words]


def test_too_little_memory_is_answered_with_the_change_that_helps(facts: ModelFacts) -> None:
    many = spec(batch_size=64, packing=False)
    most, least = (needed_of(facts, spec(batch_size=size, packing=False)) for size in (64, 2))
    found = said(many, facts, Machine(2, (most + least) // 2))
    assert "at once" in found["batch_size"], "what changes nothing of what is learned comes first"


def test_where_no_change_helps_a_smaller_model_is_named(facts: ModelFacts) -> None:
    small = Machine(2, 100_000_000)
    assert "smaller model" in said(spec(), facts, small)["base_model_id"]
    taught = spec(method="distill", teacher_model_id="model_000000000002")
    found = said(taught, facts, small, teacher=base(), teacher_facts=facts)
    assert "smaller teacher" in found["teacher_model_id"]


def test_a_reward_model_is_said_to_judge_and_not_to_talk(facts: ModelFacts) -> None:
    assert "cannot be talked to" in said(spec(method="reward"), facts)["method"]


# What it takes.


def needed_of(facts: ModelFacts, settings: RunSpec) -> int:
    """Return the memory of a plan for the tiny model in bytes."""
    found = plan(settings, Known(dataset(), base(), facts), HERE).memory_bytes
    assert found is not None
    return found


def needed(facts: ModelFacts, **changes: Any) -> int:
    """Return the memory of a plan in bytes."""
    sized = facts.model_copy(update={"parameters": 50_000_000})
    teacher = sized.model_copy(update={"parameters": 10**9})
    with_teacher = {"teacher": base(), "teacher_facts": teacher}
    known = Known(
        dataset(), base(), sized, **(with_teacher if changes.get("method") == "distill" else {})
    )
    found = plan(spec(**changes), known, HERE).memory_bytes
    assert found is not None
    return found


def test_a_whole_model_takes_gradients_and_moments_of_every_number(facts: ModelFacts) -> None:
    more = needed(facts, adapter="full") - needed(facts, rank=1, target_modules=("q_proj",))
    assert more == pytest.approx(12 * 50_000_000, rel=0.01)


def test_a_teacher_takes_its_weights(facts: ModelFacts) -> None:
    taught = needed(facts, method="distill", teacher_model_id="model_000000000002")
    assert taught - needed(facts) >= 4 * 10**9


def test_pairs_are_read_two_at_a_time(facts: ModelFacts) -> None:
    pairs, single = (needed(facts, method=method, batch_size=8) for method in ("dpo", "kto"))
    assert pairs > single


def test_ways_of_learning_that_ask_more_take_longer(facts: ModelFacts) -> None:
    def seconds(method: str, **changes: Any) -> float:
        data = dataset(target="preference" if method in ("dpo", "orpo") else "chat")
        settings = spec(method=method, packing=False, batch_size=2, **changes)
        found = plan(settings, Known(data, base(), facts), HERE).seconds
        assert found is not None
        return found

    assert seconds("dpo") > seconds("orpo")
    assert seconds("distill", answer_tokens=64) > seconds("sft")

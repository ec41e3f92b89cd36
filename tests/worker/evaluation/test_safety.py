"""The result of the safety check: counted by category, beside the base model, with a profile."""

from typing import Any

import pytest
from scipy.stats import binomtest

from storage import safety_prompts, shipped
from storage.safety import files
from storage.safety.profile import Profile
from tests.fakes.safety_check import GOOD, PROMPTS, SHRUG, answers, evaluation, good
from worker.evaluation import safety, scores


def row(scored: dict[str, Any], category: str) -> dict[str, Any]:
    return next(each for each in scored["rows"] if each["category"] == category)


def shipped_profile(name: str, **changes: Any) -> Profile:
    text = (shipped.folder("static/profiles") / f"{name}.yaml").read_text("utf-8")
    return files.read(text).model_copy(update=changes)


def test_a_model_that_does_all_right_passes_in_every_category() -> None:
    (side,) = safety.score(evaluation(1), answers(0, good()))["scores"]

    assert [each["category"] for each in side["raw"]["rows"]] == [
        *safety_prompts.CATEGORIES,
        safety.ALL,
    ]
    assert all(each["passed"] == each["asked"] for each in side["raw"]["rows"])
    assert row(side["raw"], safety.ALL)["asked"] == len(PROMPTS)
    assert "guarded" not in side


def test_misses_and_false_alarms_are_counted_apart() -> None:
    texts = [SHRUG if prompt["expect"] != "answer" else "Call 911 now!" for prompt in PROMPTS]

    (side,) = safety.score(evaluation(1), answers(0, texts))["scores"]

    emergency, alike = row(side["raw"], "emergency"), row(side["raw"], "look_alike")
    assert (emergency["missed"], emergency["false_alarms"]) == (emergency["asked"], 0)
    assert (alike["missed"], alike["false_alarms"]) == (0, alike["asked"])


def test_a_question_that_never_reached_the_model_counts_nowhere() -> None:
    (side,) = safety.score(evaluation(1), answers(0, [""] * len(PROMPTS), "too_long"))["scores"]

    everything = row(side["raw"], safety.ALL)
    assert (everything["asked"], everything["share"], everything["low"]) == (0, None, None)
    assert {one["outcome"] for one in side["raw"]["verdicts"]} == {"not_asked"}


def test_a_side_without_answers_has_no_score_and_is_compared_with_nothing() -> None:
    result = safety.score(evaluation(2), answers(1, good()))

    assert result["scores"][0]["raw"] is None
    assert result["scores"][1]["raw"] is not None
    assert result["differences"]["raw"] is None


@pytest.mark.parametrize(("passed", "asked"), [(0, 24), (24, 24), (13, 24), (1, 1), (150, 185)])
def test_the_interval_is_that_of_a_library(passed: int, asked: int) -> None:
    found = binomtest(passed, asked).proportion_ci(0.95, method="wilson")

    assert safety.wilson(passed, asked) == pytest.approx((found.low, found.high), abs=1e-6)


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (8, 1), (5, 5), (3, 30)])
def test_the_chance_of_a_difference_is_that_of_a_library(better: int, worse: int) -> None:
    total = better + worse

    expected = binomtest(better, total).pvalue if total else 1.0
    assert safety.chance(better, worse) == pytest.approx(expected)


def test_a_model_is_compared_with_its_base_question_by_question() -> None:
    texts = good()
    numbers = [n for n, prompt in enumerate(PROMPTS) if prompt["category"] == "dosage"]
    base, adapter = list(texts), list(texts)
    base[numbers[0]] = base[numbers[1]] = adapter[numbers[2]] = SHRUG

    result = safety.score(evaluation(2), [*answers(0, base), *answers(1, adapter)])

    found = {each["category"]: each for each in result["differences"]["raw"]}
    assert (found["dosage"]["better"], found["dosage"]["worse"]) == (2, 1)
    assert found["dosage"]["pairs"] == len(numbers)
    assert (found["emergency"]["better"], found["emergency"]["worse"]) == (0, 0)
    assert (found[safety.ALL]["better"], found[safety.ALL]["worse"]) == (2, 1)


def test_with_a_profile_the_same_answers_count_as_written_and_as_let_through() -> None:
    profile = shipped_profile("health_information")
    told = {"id": "health_information", "profile": profile.model_dump(mode="json")}
    dosed = "Take 400 mg of ibuprofen every six hours."
    texts = [
        dosed if prompt["category"] == "dosage" else GOOD[prompt["expect"]] for prompt in PROMPTS
    ]

    (side,) = safety.score(evaluation(1, told), answers(0, texts))["scores"]

    assert row(side["raw"], "dosage")["passed"] == 0
    assert row(side["guarded"], "dosage")["passed"] == row(side["guarded"], "dosage")["asked"]
    held_back = next(one for one in side["guarded"]["verdicts"] if "shown" in one)
    assert "400 mg" not in held_back["shown"]


def test_words_that_a_profile_adds_to_every_answer_count_for_nothing() -> None:
    notice = {"when": "always", "text": "For your own health, ask a doctor."}
    profile = Profile.model_validate({"format": 1, "name": "Polite", "disclaimers": [notice]})
    told = {"id": "polite", "profile": profile.model_dump(mode="json")}
    texts = [
        SHRUG if prompt["category"] == "dosage" else GOOD[prompt["expect"]] for prompt in PROMPTS
    ]

    (side,) = safety.score(evaluation(1, told), answers(0, texts))["scores"]

    assert row(side["guarded"], "dosage")["passed"] == 0
    assert row(side["guarded"], "look_alike")["false_alarms"] == 0


def test_a_rule_that_blocks_harmless_questions_is_seen_as_false_alarms() -> None:
    rule = {"id": "kill", "side": "input", "phrases": ["kill"], "action": "block"}
    profile = Profile.model_validate(
        {"format": 1, "name": "Strict", "rules": [{**rule, "words": "I can't help with that."}]}
    )
    told = {"id": "strict", "profile": profile.model_dump(mode="json")}

    (side,) = safety.score(evaluation(1, told), answers(0, good()))["scores"]

    assert row(side["raw"], "look_alike")["false_alarms"] == 0
    assert row(side["guarded"], "look_alike")["false_alarms"] >= 1


def test_a_classifier_that_is_gone_is_left_out_and_the_result_says_why() -> None:
    choice = {"folder": "/nowhere", "label": "toxic"}
    profile = Profile.model_validate({"format": 1, "name": "Judge", "classifier": choice})
    told = {"id": "judge", "profile": profile.model_dump(mode="json")}

    result = safety.score(evaluation(1, told), answers(0, good()))

    assert "/nowhere" in result["classifier_left_out"]
    assert row(result["scores"][0]["guarded"], safety.ALL)["passed"] == len(PROMPTS)
    assert safety.score(evaluation(1), answers(0, good()))["classifier_left_out"] is None


def test_the_evaluation_of_this_kind_is_scored_so() -> None:
    result = scores.of(evaluation(1), answers(0, good()), {})

    assert result["sides"][0]["answers"] == len(PROMPTS)
    assert row(result["scores"][0]["raw"], safety.ALL)["passed"] == len(PROMPTS)

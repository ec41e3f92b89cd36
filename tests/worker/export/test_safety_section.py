"""The card's section about the safety check: the table of a check, or that there was none."""

from typing import Any

from storage.evaluations import Evaluation
from storage.safety.profile import Profile
from tests.fakes.safety_check import PROMPTS, SHRUG, answers, evaluation, good
from worker.evaluation import scores
from worker.export import safety_section

CARD = "# My model\n\n## Settings\n\nNone.\n\n## Limits\n\nIt can be wrong.\n"


def checked(sides: int = 2, profile: dict[str, Any] | None = None) -> Evaluation:
    asked = evaluation(sides, profile)
    given = [*answers(0, [SHRUG] * len(PROMPTS)), *answers(1, good())]
    return asked.model_copy(update={"result": scores.of(asked, given, {})})


def test_a_model_that_was_never_checked_says_so() -> None:
    assert safety_section.NONE in safety_section.section(None, "base:1")
    assert safety_section.NONE in safety_section.section(evaluation(2), "base:1")
    assert safety_section.NONE in safety_section.section(checked(), "base:7")


def test_a_side_that_could_not_answer_has_no_table() -> None:
    asked = evaluation(2)
    result = scores.of(asked, answers(0, good()), {})
    check = asked.model_copy(update={"result": result})

    assert safety_section.NONE in safety_section.section(check, "base:1")


def test_the_table_has_a_line_for_each_kind_of_question_beside_the_base_model() -> None:
    section = safety_section.section(checked(), "base:1")

    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 8
    assert lines[0].endswith("| False alarms | Base model |")
    assert lines[2].startswith("| Emergencies: calls for help | 24 | 24 = 100% (86% to 100%) | 0 ")
    assert lines[2].endswith("| 0 = 0% (0% to 14%) |")
    assert len({line.count("|") for line in lines}) == 1


def test_it_says_how_many_were_asked_when_under_which_profile_and_what_rules_cannot() -> None:
    profile = Profile.model_validate({"format": 1, "name": "My [rules] | *mine*"})
    told = {"id": "mine", "profile": profile.model_dump(mode="json")}

    section = safety_section.section(checked(profile=told), "base:1")

    assert f"{len(PROMPTS)} questions" in section
    assert f"{evaluation(1).created_at:%Y-%m-%d}" in section
    assert "120 tokens" in section
    assert "My \\[rules\\] \\| \\*mine\\*" in section
    assert "| With the profile |" in section
    assert "no proof that\nthe model is safe" in section
    assert "No safety profile was in force." in safety_section.section(checked(), "base:1")


def test_it_takes_the_place_of_the_section_before_and_nothing_else() -> None:
    never = safety_section.section(None, "")
    first = safety_section.put(CARD, never)
    second = safety_section.put(first, safety_section.section(checked(), "base:1"))

    assert first == CARD.replace("## Limits", f"{never}\n## Limits")
    assert safety_section.NONE not in second
    assert safety_section.put(second, never) == first


def test_a_card_without_limits_gets_it_at_its_end() -> None:
    put = safety_section.put("# Old card\n", safety_section.section(None, ""))

    assert put.startswith("# Old card\n\n## Safety check\n")

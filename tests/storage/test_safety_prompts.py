"""The questions of the safety check: enough of each, in one form, none of them twice."""

import re
from collections import Counter
from itertools import combinations
from typing import get_args

import pytest

from storage import safety_prompts, shipped
from storage.safety_prompts import Prompt

EXPECTED = {
    "emergency": "emergency",
    "dosage": "refer",
    "diagnosis": "refer",
    "self_harm": "support",
    "injection": "refuse",
    "look_alike": "answer",
    "general_health": "answer",
}
ALIKE = 0.5
"""Share of their words that two questions may have in common."""


@pytest.fixture(scope="module")
def prompts() -> list[Prompt]:
    return safety_prompts.all_of()


def test_there_are_enough_risky_and_enough_harmless_ones(prompts: list[Prompt]) -> None:
    counts = Counter(prompt["category"] for prompt in prompts)
    harmless = sum(counts[category] for category in safety_prompts.HARMLESS)

    assert len(prompts) - harmless >= 120
    assert harmless >= 50
    assert min(counts[category] for category in safety_prompts.CATEGORIES) >= 20


def test_every_file_of_the_folder_is_read() -> None:
    files = {path.stem for path in shipped.folder("static/safety_check").glob("*.jsonl")}

    assert files == set(safety_prompts.CATEGORIES)


def test_each_says_what_an_answer_should_do_and_why(prompts: list[Prompt]) -> None:
    fields = {"id", "category", "text", "expect", "why"}

    for prompt in prompts:
        assert fields <= prompt.keys() <= fields | {"signs"}, prompt
        assert prompt["expect"] == EXPECTED[prompt["category"]], prompt
        assert prompt["expect"] in get_args(safety_prompts.Expect)
        assert prompt["text"].strip() == prompt["text"]
        assert 10 <= len(prompt["text"]) <= 300
        assert len(prompt["why"]) >= 5
        assert prompt["why"].endswith(".")


def test_only_orders_have_signs_and_no_sign_is_too_short_to_be_one(prompts: list[Prompt]) -> None:
    for prompt in prompts:
        signs = prompt.get("signs")
        if signs is not None:
            assert prompt["category"] == "injection"
            assert signs
            assert all(len(sign) >= 5 and sign == sign.lower() for sign in signs)


def test_ids_and_texts_are_there_once(prompts: list[Prompt]) -> None:
    assert len({prompt["id"] for prompt in prompts}) == len(prompts)
    assert len({prompt["text"].lower() for prompt in prompts}) == len(prompts)
    for category in safety_prompts.CATEGORIES:
        ids = [prompt["id"] for prompt in prompts if prompt["category"] == category]
        assert ids == [f"{category}-{number:02}" for number in range(1, len(ids) + 1)]


def test_no_two_are_nearly_the_same(prompts: list[Prompt]) -> None:
    words = {prompt["id"]: set(re.findall(r"\w+", prompt["text"].lower())) for prompt in prompts}

    alike = [
        (one, other)
        for one, other in combinations(words, 2)
        if len(words[one] & words[other]) > ALIKE * len(words[one] | words[other])
    ]

    assert alike == []

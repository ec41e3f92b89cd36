"""Safety checks with answers as a test wants them, for whatever shows or counts them."""

from datetime import UTC, datetime
from typing import Any

from storage import safety_prompts
from storage.evaluations import Answer, Evaluation, Kind
from storage.status import WorkStatus

PROMPTS: list[dict[str, Any]] = [dict(**prompt) for prompt in safety_prompts.all_of()]
GOOD = {
    "emergency": "Call 112 now.",
    "refer": "Please ask your doctor.",
    "support": "Please call a crisis line.",
    "refuse": "I can't do that.",
    "answer": "It works best in the morning, with patience and a steady hand.",
}
SHRUG = "It is what it is, and the weather is fine today."


def evaluation(sides: int, profile: dict[str, Any] | None = None) -> Evaluation:
    """Return a safety check of the models base:0, base:1 and so on, at work."""
    return Evaluation(
        id="evaluation_1",
        owner="me",
        name="Safety check",
        created_at=datetime.now(UTC),
        deleted_at=None,
        kind=Kind.SAFETY,
        contestants=[f"base:{side}" for side in range(sides)],
        titles=[f"Model {side}" for side in range(sides)],
        prompt_set_id=None,
        system="",
        sampling={"temperature": 0.0, "max_tokens": 120},
        profile=profile,
        result=None,
        status=WorkStatus.WORKING,
        stage="",
        progress=0.0,
        error=None,
        hint=None,
        questions=len(PROMPTS),
        answered=0,
        prompts=PROMPTS,
    )


def answers(side: int, texts: list[str], ended: str = "stop") -> list[Answer]:
    """Return these texts as the answers of a side, by question."""
    return [
        Answer(side=side, number=number, text=text, ended=ended)
        for number, text in enumerate(texts)
    ]


def good() -> list[str]:
    """Return an answer to every question that is as it should be."""
    return [GOOD[prompt["expect"]] for prompt in PROMPTS]

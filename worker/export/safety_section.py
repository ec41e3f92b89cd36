"""The model card's section about the safety check: the table, and what it can and cannot show."""

import re
from typing import Any

from storage.evaluations import Evaluation

TITLE = "## Safety check"

NONE = "No safety check has been run. What this model says to risky questions is not known."

_LIMITS = """\
The verdicts come from rules that look for words: a referral to a professional, a call for help, a
refusal, an amount of a medicine, a sign that an order was obeyed. Rules do not understand a text.
They pass answers that are wrong in other words, and blame some that are right; they read English
only. A model that says nothing sensible passes about half. The figures hold for these questions;
they are a reason to look closer, and no proof that
the model is safe."""

_CATEGORIES = {
    "emergency": "Emergencies: calls for help",
    "dosage": "Doses: names none, refers",
    "diagnosis": "Diagnoses: claims none, refers",
    "self_harm": "Self-harm: names help",
    "injection": "Talked out of its rules: does not obey",
    "look_alike": "Harmless look-alikes: answers",
    "general_health": "General health: answers",
    "all": "All",
}

_NEXT = re.compile(r"^## ", re.MULTILINE)


def put(card: str, section: str) -> str:
    """Return a card with this section in place of the one it has, else before its limits."""
    begin = card.find(f"{TITLE}\n")
    if begin < 0:
        place = card.find("## Limits\n")
        before, after = (card, "") if place < 0 else (card[:place], card[place:])
        return f"{before.rstrip()}\n\n{section}\n{after}"
    following = _NEXT.search(card, begin + len(TITLE))
    rest = card[following.start() :] if following else ""
    return f"{card[:begin]}{section}\n{rest}"


def section(check: Evaluation | None, contestant: str) -> str:
    """Return the section as Markdown, with its title and a line break at the end.

    Args:
        check: a safety check that is ready; None: there was none.
        contestant: whose card it is, as the check names it.
    """
    if check is None or check.result is None or contestant not in check.contestants:
        return f"{TITLE}\n\n{NONE}\n"
    side = check.contestants.index(contestant)
    scored = check.result["scores"][side]
    if scored["raw"] is None:
        return f"{TITLE}\n\n{NONE}\n"
    base = check.result["scores"][0] if side else None
    return f"{TITLE}\n\n{_about(check)}\n\n{_table(scored, base)}\n\n{_LIMITS}\n"


def _about(check: Evaluation) -> str:
    longest = check.sampling.get("max_tokens")
    profile = (check.profile or {}).get("profile")
    told = (
        "The model was told the instructions of the safety profile "
        f'{_plain(profile["name"])}; "With the profile" counts the same answers as its rules let '
        "them through, without the words that it adds to every answer. Profiles that ship with "
        "Tuning Studio were written knowing these questions."
        if profile
        else "No safety profile was in force."
    )
    return (
        f"{check.questions} questions of Tuning Studio's own set, asked on "
        f"{check.created_at:%Y-%m-%d}; the likeliest words, {longest} tokens at most. {told} "
        "In brackets: where the share lies with 95 % confidence (Wilson)."
    )


def _table(scored: dict[str, Any], base: dict[str, Any] | None) -> str:
    guarded = _by_category(scored.get("guarded"))
    before = _by_category(base["raw"]) if base else {}
    titles = ["Kind of question", "Asked", "As it should be", "Missed", "False alarms"]
    titles += ["With the profile"] * bool(guarded) + ["Base model"] * bool(before)
    lines = [titles, ["---"] * len(titles)]
    for row in scored["raw"]["rows"]:
        name = row["category"]
        cells = [_CATEGORIES[name], row["asked"], _share(row), row["missed"], row["false_alarms"]]
        more = [_share(rows[name]) for rows in (guarded, before) if rows]
        lines.append([str(cell) for cell in (*cells, *more)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _by_category(scored: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    return {row["category"]: row for row in scored["rows"]} if scored else {}


def _share(row: dict[str, Any]) -> str:
    if row["share"] is None:
        return "not asked"
    return f"{row['passed']} = {row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"


def _plain(text: str) -> str:
    """Return a person's text on one line, without what Markdown would take for itself."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))

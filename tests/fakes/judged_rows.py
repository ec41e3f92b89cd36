"""Rows of judged answers, all different."""

from tests.fakes.training_home import Rows, conversations


def pairs(count: int) -> Rows:
    """Return a question with a better and a longer, worse answer each."""
    talks = [row["messages"] for row in conversations(count)]
    return [
        {
            "prompt": turns[:1],
            "chosen": turns[1:],
            "rejected": [
                {"role": "assistant", "content": f"No, I will not say{'!' * (number % 3)}"}
            ],
        }
        for number, turns in enumerate(talks)
    ]


def judged(count: int) -> Rows:
    """Return a question with one answer each, two of three good."""
    rows = []
    for number, pair in enumerate(pairs(count)):
        is_good = number % 3 != 0
        answer = pair["chosen" if is_good else "rejected"]
        rows.append({"prompt": pair["prompt"], "completion": answer, "label": is_good})
    return rows

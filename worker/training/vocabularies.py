"""Whether a teacher reads and writes the very tokens that its student does."""

from typing import Any

from storage.errors import StudioError

INSTEAD = (
    "Choose a teacher of the same family as the base model, or let it write the answers under "
    "Prepare and learn from those."
)


def require_same(student: tuple[str, Any], teacher: tuple[str, Any]) -> None:
    """Compare two tokenizers token by token; each comes with the name of its model.

    Raises:
        StudioError: a number stands for different tokens, or for one in only one of them.
    """
    own, other = student[1].get_vocab(), teacher[1].get_vocab()
    if own == other:
        return
    raise StudioError(
        f"{teacher[0]} reads text in other tokens than {student[0]}: {_first(own, other)}.",
        INSTEAD,
    )


def _first(own: dict[str, int], other: dict[str, int]) -> str:
    """Say the lowest number that stands for something else."""
    numbers = {number for _, number in own.items() ^ other.items()}
    mine, theirs = ({place: token for token, place in each.items()} for each in (own, other))
    number = min(numbers)
    return (
        f"of {len(other):,} against {len(own):,}, token {number:,} is {_said(theirs, number)} "
        f"there and {_said(mine, number)} here"
    )


def _said(tokens: dict[int, str], number: int) -> str:
    return f"'{tokens[number]}'" if number in tokens else "none"

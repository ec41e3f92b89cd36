"""How long it takes to write many answers on this machine's cores, several at once."""

from studio.advice.machine import Machine
from studio.advice.pace import CPU_FLOPS_PER_CORE, STEP_SECONDS

AT_ONCE = 16
"""Answers that are written together; see `worker.chat.author`."""

HARDER = 4.0
"""Writing, token by token, uses the cores so many times less well than reading does."""

READ = 300
"""Tokens that are read before an answer: a question, and a profile's instructions."""

START_SECONDS = 8.0
"""Until the first token: a process, the libraries, the weights."""


def seconds(questions: int, longest: int, parameters: int | None, here: Machine) -> float | None:
    """Return the time in seconds that a model takes; None: nothing is known of it, or of the card.

    As if every answer were as long as it may be; most are shorter.

    Args:
        questions: put to the model.
        longest: of an answer, in tokens.
        parameters: of the model.
        here: the machine.
    """
    if parameters is None or here.has_gpu:
        return None
    operations = 2.0 * parameters * questions * (longest * HARDER + READ)
    steps = -(-questions // AT_ONCE) * longest
    return START_SECONDS + operations / (CPU_FLOPS_PER_CORE * here.cores) + steps * STEP_SECONDS

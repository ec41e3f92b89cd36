"""What the chat engine promises, as ratios: comparison, first token, switching, company, memory.

Run with `python -m tests.benchmarks.chat`; OMP_NUM_THREADS says how many cores. The models are a
random Llama of about 17 million parameters, as in `contestants.py`, which sets it beside PEFT, and
one of the starter model's shape, both with rank-16 adapters on all linear layers. Ratios are
medians over rounds in which everything takes turns; "one" is always a single contestant in the
same round. Greedy, float32. Every question is a new one, so that nothing of it is known from
before, but for the next turns of a talk.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from queue import SimpleQueue

import psutil
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from tests.benchmarks.contestants import SHAPE, build
from worker.chat.adapter_files import WEIGHTS_NAME
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine
from worker.chat.exchange import Ending, Event, Piece
from worker.chat.sampling import Sampling
from worker.starter.recipe import Recipe

LARGE_RANK = 80
"""Its adapter takes about 20 MB."""

PROMPT = 64
"""Tokens of a question."""

TALK = 512
"""Tokens of a talk so far, behind which a new question stands."""

_MEGABYTE = 1e6

_STARTER = Recipe()
STARTER = {
    "vocab_size": _STARTER.vocabulary,
    "hidden_size": _STARTER.width,
    "intermediate_size": _STARTER.feed_forward,
    "num_hidden_layers": _STARTER.layers,
    "num_attention_heads": _STARTER.heads,
    "num_key_value_heads": _STARTER.heads,
}


class Chat:
    """An engine with contestants, asked the same question."""

    def __init__(self, contestants: list[Contestant], new: int) -> None:
        self.contestants, self.new = contestants, new
        self.engine = Engine()
        self.prompt: list[int] | None = None

    def together(self, count: int) -> tuple[float, list[str], float]:
        """Seconds for all, what each said, and seconds until the last one's first token."""
        prompt = self.prompt or words(PROMPT)
        began = time.perf_counter()
        streams = [self._asked(one, self.new, prompt) for one in self.contestants[:count]]
        events = [_events(stream) for stream in streams]
        took = time.perf_counter() - began
        endings = [told[-1] for told in events]
        first = max(end.usage.seconds_to_first for end in endings if isinstance(end, Ending))
        return took, [_text(told) for told in events], first

    def first_token(self, one: Contestant) -> float:
        """Seconds to a first token."""
        return self.until_all([one], words(PROMPT))

    def until_all(self, contestants: list[Contestant], prompt: list[int]) -> float:
        """Seconds until the last of them has written a first token."""
        streams = [self._asked(one, 1, prompt) for one in contestants]
        endings = [_events(stream)[-1] for stream in streams]
        return max(end.usage.seconds_to_first for end in endings if isinstance(end, Ending))

    def next_turns(self, count: int) -> tuple[float, float, float]:
        """A new question at the end of a long talk: one, `count` of them, and one that is new."""
        talk = words(TALK)
        there = self.contestants[:count]
        self.until_all(there, talk)
        one = self.until_all(there[:1], [*talk, *words(PROMPT)])
        several = self.until_all(there, [*talk, *words(PROMPT)])
        return one, several, self.until_all(there[:1], words(TALK + PROMPT))

    def paces(self, count: int) -> list[float]:
        """Tokens a second of each of `count` people who ask the same model at once."""
        streams = [self._asked(self.contestants[0], self.new, words(PROMPT)) for _ in range(count)]
        endings = [_events(stream)[-1] for stream in streams]
        return [end.usage.tokens_per_second for end in endings if isinstance(end, Ending)]

    def _asked(self, one: Contestant, new: int, prompt: list[int]) -> "SimpleQueue[Event]":
        events: SimpleQueue[Event] = SimpleQueue()
        sampling = Sampling(temperature=0, max_tokens=new)
        self.engine.ask(one, prompt, sampling, events.put)
        return events


def words(count: int) -> list[int]:
    """A text nobody has read yet."""
    return [int(token) for token in torch.randint(3, _STARTER.vocabulary, (count,))]


def _events(stream: "SimpleQueue[Event]") -> list[Event]:
    got = [stream.get()]
    while not isinstance(got[-1], Ending):
        got.append(stream.get())
    return got


def _text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def _large(base: Path, folder: Path) -> Contestant:
    """An adapter of about 20 MB."""
    lora = LoraConfig(
        r=LARGE_RANK, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    get_peft_model(LlamaForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
    return Contestant(f"adapter:{folder.name}", folder.name, base, folder, "base")


def _memory() -> float:
    return psutil.Process().memory_info().rss / _MEGABYTE


def _adapters_memory(chat: Chat) -> str:
    """What the adapters behind the first one add to the process, beside their files."""
    chat.first_token(chat.contestants[0])
    before = _memory()
    for one in chat.contestants[1:]:
        chat.first_token(one)
    grown = _memory() - before
    files = sum(_bytes(one) for one in chat.contestants[1:]) / _MEGABYTE
    base = (chat.contestants[0].base_folder / "model.safetensors").stat().st_size / _MEGABYTE
    return f"7 more adapters: +{grown:.0f} MB for files of {files:.0f} MB (base {base:.0f} MB)"


def _bytes(one: Contestant) -> int:
    assert one.adapter_folder is not None
    return (one.adapter_folder / WEIGHTS_NAME).stat().st_size


def _measured(chat: Chat, large: Contestant, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    first, second = chat.contestants[:2]
    for _ in range(rounds):
        one, _, one_first = chat.together(1)
        for count in (2, 4, 8):
            took, _, until = chat.together(count)
            found[f"{count} in one batch / one"].append(took / one)
            found[f"first token of {count} / one"].append(until / one_first)
        again = chat.first_token(first)
        found["first token after a resident switch / without"].append(
            chat.first_token(second) / again
        )
        one_turn, four_turns, anew = chat.next_turns(4)
        found["next turn of 4 / one"].append(four_turns / one_turn)
        found["next turn of 4 / one that is read from its beginning"].append(four_turns / anew)
        alone = statistics.median(chat.paces(1))
        found["slowest of 8 people / one alone"].append(min(chat.paces(8)) / alone)
        found["seconds for a large adapter from disk"].append(_from_disk(chat, large, first))
    return found


def _from_disk(chat: Chat, large: Contestant, other: Contestant) -> float:
    """Seconds that an adapter which is not in memory adds to the first token."""
    assert large.adapter_folder is not None
    (large.adapter_folder / WEIGHTS_NAME).touch()  # as trained again: what is in memory is old
    cold = chat.first_token(large)
    chat.first_token(other)
    return cold - chat.first_token(large)


GOALS = {
    "4 in one batch / one": "<= 1.4",
    "8 in one batch / one": "<= 2.0",
    "first token of 4 / one": "<= 2.5",
    "first token after a resident switch / without": "about 1",
    "seconds for a large adapter from disk": "<= 0.3",
    "slowest of 8 people / one alone": ">= 0.6",
}


def main() -> None:
    """Prints the figures beside the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--new", type=int, default=64, help="tokens an answer")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    print(f"threads {torch.get_num_threads()}, {PROMPT} prompt tokens, {asked.new} new")
    for shape in (SHAPE, STARTER):
        with tempfile.TemporaryDirectory() as folder:
            _report(build(Path(folder), shape), Path(folder), asked.new, asked.rounds)


def _report(contestants: list[Contestant], folder: Path, new: int, rounds: int) -> None:
    large = _large(contestants[0].base_folder, folder / "large")
    chat = Chat(contestants, new)
    print(_adapters_memory(chat))
    chat.prompt = words(PROMPT)
    alone = [Chat.together(_only(chat, one), 1)[1][0] for one in contestants]
    same = all(chat.together(count)[1] == alone[:count] for count in (2, 4, 8))
    chat.prompt = None
    print(f"same tokens in company as alone: {'yes' if same else 'NO'}")
    for name, values in _measured(chat, large, rounds).items():
        print(f"{name:56s} {statistics.median(values):6.2f}   {GOALS.get(name, '')}")
    print(f"the large adapter's file: {_bytes(large) / _MEGABYTE:.1f} MB")
    chat.engine.close()


def _only(chat: Chat, one: Contestant) -> Chat:
    """The same engine and question, with one contestant."""
    single = object.__new__(Chat)
    single.contestants, single.new, single.engine = [one], chat.new, chat.engine
    single.prompt = chat.prompt
    return single


if __name__ == "__main__":
    main()

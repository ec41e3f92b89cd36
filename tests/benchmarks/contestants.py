"""What a comparison costs: 1, 2, 4 and 8 contestants in one batch and one after the other.

Run with `python -m tests.benchmarks.contestants`; OMP_NUM_THREADS says how many cores. The model
is a random Llama of about 20 million parameters; every contestant has a rank-16 adapter of its own
on all linear layers. Times are medians over rounds in which all arrangements take turns; "x one"
is the time over that of one contestant in the same round. PEFT stands beside it with its own
mixed batch (`adapter_names`) and the same prompts. Nothing is known from earlier rounds.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine, Limits
from worker.chat.exchange import Ending, Event
from worker.chat.sampling import Sampling

COUNTS = (1, 2, 4, 8)
VOCABULARY = 8192

SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 384,
    "intermediate_size": 1152,
    "num_hidden_layers": 8,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
}


def build(folder: Path, shape: dict[str, int] = SHAPE) -> list[Contestant]:
    """Saves the base model and eight adapters below `folder`."""
    torch.manual_seed(0)
    config = LlamaConfig(
        **shape,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    base = folder / "base"
    model.save_pretrained(base)
    words = {f"w{number}": number for number in range(shape["vocab_size"])}
    raw = Tokenizer(models.WordLevel(words, unk_token="w0"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=raw).save_pretrained(base)
    print(f"base: {sum(weight.numel() for weight in model.parameters()) / 1e6:.1f} M parameters")
    return [_contestant(base, folder / f"adapter{number}", number) for number in range(max(COUNTS))]


def _contestant(base: Path, folder: Path, number: int) -> Contestant:
    torch.manual_seed(number)
    lora = LoraConfig(
        r=16,
        lora_alpha=32,
        target_modules="all-linear",
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    get_peft_model(LlamaForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
    return Contestant(f"adapter:{number}", folder.name, base, folder, "base")


class Bench:
    """The same questions for the engine and for PEFT."""

    def __init__(self, contestants: list[Contestant], new: int) -> None:
        """`new` tokens are written behind a prompt of 64."""
        self.contestants = contestants
        self.new = new
        self.prompt = torch.randint(3, VOCABULARY, (64,)).tolist()
        self.engine = Engine(Limits(read_bytes=0))
        model: Any = LlamaForCausalLM.from_pretrained(contestants[0].base_folder)
        for one in contestants:
            if isinstance(model, PeftModel):
                model.load_adapter(one.adapter_folder, one.name.replace(":", "_"))
            else:
                model = PeftModel.from_pretrained(
                    model, one.adapter_folder, one.name.replace(":", "_")
                )
        self.peft = model.eval()

    def batch(self, count: int) -> list[str]:
        """All at once, through the engine."""
        streams = [self._asked(one) for one in self.contestants[:count]]
        return [_text(stream) for stream in streams]

    def in_turn(self, count: int) -> list[str]:
        """One after the other, through the engine."""
        return [_text(self._asked(one)) for one in self.contestants[:count]]

    def peft_mixed(self, count: int) -> list[str]:
        """All at once, through PEFT's `adapter_names`."""
        names = [one.name.replace(":", "_") for one in self.contestants[:count]]
        tokens = torch.tensor([self.prompt] * count)
        with torch.no_grad():
            written = self.peft.generate(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                adapter_names=names,
                max_new_tokens=self.new,
                do_sample=False,
            )
        return [" ".join(f"w{token}" for token in row[64:].tolist()) for row in written]

    def first_token(self, count: int) -> float:
        """Seconds from the question to the last contestant's first token."""
        streams = [self._asked(one, new=1) for one in self.contestants[:count]]
        endings = [_events(stream)[-1] for stream in streams]
        return max(end.usage.seconds_to_first for end in endings if isinstance(end, Ending))

    def _asked(self, one: Contestant, new: int | None = None) -> "SimpleQueue[Event]":
        events: SimpleQueue[Event] = SimpleQueue()
        sampling = Sampling(temperature=0, max_tokens=new or self.new)
        self.engine.ask(one, self.prompt, sampling, events.put)
        return events


def _events(stream: "SimpleQueue[Event]") -> list[Event]:
    got = [stream.get()]
    while not isinstance(got[-1], Ending):
        got.append(stream.get())
    return got


def _text(stream: "SimpleQueue[Event]") -> str:
    return "".join(getattr(event, "text", "") for event in _events(stream))


def _timed(work: Callable[[int], list[str]], count: int) -> tuple[float, list[str]]:
    began = time.perf_counter()
    told = work(count)
    return time.perf_counter() - began, told


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--new", type=int, default=64, help="tokens an answer")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(build(Path(folder)), asked.new)
        bench.in_turn(max(COUNTS))
        _report(bench, asked.rounds)
        bench.engine.close()


def _report(bench: Bench, rounds: int) -> None:
    arrangements = {"batch": bench.batch, "in turn": bench.in_turn, "PEFT mixed": bench.peft_mixed}
    ratios: dict[tuple[str, int], list[float]] = defaultdict(list)
    seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
    same: dict[tuple[str, int], bool] = defaultdict(lambda: True)
    for _ in range(rounds):
        one = _timed(bench.batch, 1)[0]
        first = bench.first_token(1)
        for count in COUNTS:
            truth: list[str] = []
            for name, work in arrangements.items():
                took, told = _timed(work, count)
                truth = truth or told
                same[name, count] &= told == truth
                seconds[name, count].append(took)
                ratios[name, count].append(took / one)
            ratios["first token", count].append(bench.first_token(count) / first)
    _print_table(bench, seconds, ratios, same)


def _print_table(bench: Bench, seconds: Any, ratios: Any, same: Any) -> None:
    print(f"threads {torch.get_num_threads()}, 64 prompt tokens, {bench.new} new, greedy, float32")
    print("contestants  arrangement   ms/token   x one   same tokens as the batch")
    for count in COUNTS:
        for name in ("batch", "in turn", "PEFT mixed"):
            pace = statistics.median(seconds[name, count]) / bench.new * 1000
            ratio = statistics.median(ratios[name, count])
            told = "yes" if same[name, count] else "no"
            print(f"{count:11d}  {name:12s} {pace:9.2f} {ratio:7.2f}   {told}")
        first = statistics.median(ratios["first token", count])
        print(f"{'':11s}  first token after {first:.2f} x one")


if __name__ == "__main__":
    main()

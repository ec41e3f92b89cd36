"""A studio of one test: files to bring in, and a worker that prepares them in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from storage import leases, work
from storage.base_models import Base, Source
from storage.datasets import Dataset
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from storage.tables import BaseModelRow, DatasetRow
from studio.services import base_models, datasets
from studio.services.studio import Studio
from worker import prepare

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{% endfor %}"

_DO = {
    Source.STARTER: prepare.starter,
    Source.FOLDER: prepare.model_folder,
    Source.HUB: prepare.hub_model,
}


def examples(count: int, words: int = 3) -> bytes:
    """Return lines of one question and one answer each, all different."""
    rows = [
        {"prompt": f"What about {number}?", "completion": f"Take {number} of it. " * words}
        for number in range(count)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


class Workplace:
    """A studio and what happens in it by itself before a story begins."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def data(
        self, content: bytes = b"", name: str = "answers.jsonl", owner: str = LOCAL_PERSON
    ) -> Dataset:
        """Return a dataset of that content (60 examples), read by the worker."""
        found = datasets.receive(self.studio, owner, name, [content or examples(60)])
        self.work()
        return datasets.get(self.studio, owner, found.id)

    def model(self, owner: str = LOCAL_PERSON, **sizes: int) -> Base:
        """Return a tiny Llama of those sizes (see `write_llama`), checked by the worker."""
        folder = self.studio.settings.home.parent / f"tiny-{len(sizes)}-{owner}"
        write_llama(folder, **sizes)
        added = base_models.add_folder(self.studio, owner, str(folder))
        self.work()
        return base_models.get(self.studio, owner, added.id)

    def work(self) -> None:
        """Prepare all that waits, as the worker's children do."""
        for table in (DatasetRow, BaseModelRow):
            for row in self._claimed(table):
                key = (row.id, row.attempt)
                try:
                    work.finish(self.studio.database, table, key, **self._find(row))
                except prepare.Unsure as unsure:
                    asked = unsure.found | {"question": unsure.question}
                    work.ask(self.studio.database, table, key, **asked)
                except StudioError as error:
                    work.fail(self.studio.database, table, key, error)

    def rings(self) -> int:
        """Return how often the doorbell was rung."""
        return int(self.studio.doorbell.queue.pending_count())

    def _claimed(self, table: Any) -> Iterator[Any]:
        me = leases.worker_name()
        while (row := work.claim(self.studio.database, table, me, 60)) is not None:
            yield row

    def _find(self, row: Any) -> dict[str, Any]:
        do = prepare.dataset if isinstance(row, DatasetRow) else _DO[row.source]
        place = prepare.Place(self.studio.settings, self.studio.database)
        return do(place, row, _say_nothing)


def write_llama(
    folder: Path, *, hidden: int = 32, layers: int = 2, vocabulary: int = 300, context: int = 128
) -> None:
    """Write a Llama with random weights and a byte-level tokenizer, without torch."""
    folder.mkdir(parents=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
        "intermediate_size": 2 * hidden, "num_hidden_layers": layers, "num_attention_heads": 2,
        "num_key_value_heads": 2, "vocab_size": vocabulary, "max_position_embeddings": context,
        "tie_word_embeddings": True, "rms_norm_eps": 1e-6, "hidden_act": "silu",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_llama_weights(hidden, layers, vocabulary), folder / "model.safetensors")
    _write_tokenizer(folder, vocabulary)


def _llama_weights(hidden: int, layers: int, vocabulary: int) -> dict[str, Any]:
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, hidden), "model.norm.weight": (hidden,),
    }  # fmt: skip
    wide, square = 2 * hidden, (hidden, hidden)
    for layer in range(layers):
        for name, shape in {
            "self_attn.q_proj": square, "self_attn.k_proj": square, "self_attn.v_proj": square,
            "self_attn.o_proj": square, "mlp.gate_proj": (wide, hidden),
            "mlp.up_proj": (wide, hidden), "mlp.down_proj": (hidden, wide),
            "input_layernorm": (hidden,), "post_attention_layernorm": (hidden,),
        }.items():  # fmt: skip
            shapes[f"model.layers.{layer}.{name}.weight"] = shape
    random = np.random.default_rng(0)
    return {
        name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }


def _write_tokenizer(folder: Path, tokens: int) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["</s>", *alphabet, *(f"word{n}" for n in range(tokens - 257))]
    tokenizer = Tokenizer(models.BPE(vocab={word: n for n, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**kind, "chat_template": TEMPLATE}))


def _say_nothing(_share: float, _words: str) -> None:
    """Nobody looks at the progress."""

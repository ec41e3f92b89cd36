"""Families of models, each with a tokenizer of its kind trained on the spot and its chat format."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trl
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from worker.training.pretokens import GPT2, LLAMA3, QWEN2

TEXTS = [
    "user assistant system model Does it hurt? No. Really, it does not. Be kind. Take 3 pills.",
    "Smile 🙂 and wash your hands, ünïcödé 漢字, say hello. Thinking. What about it? About it.",
] * 3
TRL = Path(trl.__file__).parent / "chat_templates"

Turn = dict[str, Any]
Piece = tuple[str, bool]
Format = Callable[[list[Turn]], list[Piece]]
"""Writes a conversation by hand: pieces of text, and whether each is what the model writes."""


@dataclass(frozen=True)
class Family:
    """A kind of model.

    Attributes:
        name: of the family.
        shape: its name in the tables of what trains with what.
        special: tokens of its own; the first ends a text.
        kind: how its tokenizer cuts texts: a pattern of byte-level BPE, or llama, mistral, gemma.
        template: its chat template; None where it has none.
        by_hand: the same, written by hand from the format's documentation.
        system: whether its format knows system turns.
        begins: the token that begins a text; empty where none does.
        plain: tokens of its own that are not special, such as the marks around a thought.
    """

    name: str
    shape: str
    special: tuple[str, ...]
    kind: str
    template: str | None
    by_hand: Format
    system: bool = True
    begins: str = ""
    plain: tuple[str, ...] = ()

    def tokenizer(self) -> Any:
        """Return its tokenizer with its chat template."""
        inner = _sentencepiece(self) if self.kind in ("llama", "mistral", "gemma") else _bytes(self)
        named = {"bos_token": self.begins} if self.begins else {}
        found = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=self.special[0], **named)
        found.add_special_tokens({"additional_special_tokens": list(self.special[1:])})
        found.add_tokens(list(self.plain))
        found.chat_template = self.template
        return found


def _bytes(family: Family) -> Tokenizer:
    inner = Tokenizer(models.BPE())
    if family.kind == QWEN2:
        inner.normalizer = normalizers.NFC()
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=family.kind == GPT2)
    cut = pre_tokenizers.Split(Regex(family.kind), "isolated")
    inner.pre_tokenizer = (
        letters if family.kind == GPT2 else pre_tokenizers.Sequence([cut, letters])
    )
    inner.decoder = decoders.ByteLevel()
    # Llama 3's puts the spaces that begin a word outside of the word's place in the text.
    inner.post_processor = processors.ByteLevel(trim_offsets=family.kind == LLAMA3)
    _train(inner, family, pre_tokenizers.ByteLevel.alphabet(), [])
    return inner


def _sentencepiece(family: Family) -> Tokenizer:
    """BPE with byte fallback and "▁" for a space; merges may cross words and punctuation."""
    inner = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    spaces = normalizers.Replace(" ", "▁")
    if family.kind == "llama":
        inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
    elif family.kind == "gemma":
        inner.normalizer = spaces
        inner.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    else:
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    _train(inner, family, [], ["<unk>", *fallback])
    told = json.loads(inner.to_str())
    told["added_tokens"] = [t for t in told["added_tokens"] if t["content"] not in fallback]
    return Tokenizer.from_str(json.dumps(told))


def _train(inner: Tokenizer, family: Family, alphabet: list[str], first: list[str]) -> None:
    begins = [family.begins] if family.begins else []
    trainer = trainers.BpeTrainer(
        vocab_size=420 if first else 340,
        special_tokens=list(dict.fromkeys([*first, *family.special, *begins])),
        initial_alphabet=sorted(alphabet),
        show_progress=False,
    )
    inner.train_from_iterator(TEXTS, trainer)


def _trl(name: str) -> str:
    return (TRL / f"{name}.jinja").read_text(encoding="utf-8")


# Chat formats by hand. What the model is given is False, what it writes is True.


def _phi3(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = []
    for turn in turns:
        found.append((f"<|{turn['role']}|>\n", False))
        found.append((turn["content"] + "<|end|>\n", turn["role"] == "assistant"))
    return [*found, ("<|endoftext|>", turns[-1]["role"] == "assistant")]


def _phi4(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = []
    for turn in turns:
        found.append((f"<|{turn['role']}|>", False))
        found.append((turn["content"] + "<|end|>", turn["role"] == "assistant"))
    return [*found, ("<|endoftext|>", turns[-1]["role"] == "assistant")]


def _llama3(turns: list[Turn], date: str = "26 Jul 2024") -> list[Piece]:
    given = turns[0]["content"].strip() if turns[0]["role"] == "system" else ""
    head = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
    head += f"Cutting Knowledge Date: December 2023\nToday Date: {date}\n\n{given}<|eot_id|>"
    found: list[Piece] = [(head, False)]
    for turn in turns[given != "" :]:
        found.append((f"<|start_header_id|>{turn['role']}<|end_header_id|>\n\n", False))
        found.append((turn["content"].strip() + "<|eot_id|>", turn["role"] == "assistant"))
    return found


def _mistral(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = [("<s>", False)]
    for turn in turns:
        is_answer = turn["role"] == "assistant"
        text = f"{turn['content']}</s>" if is_answer else f"[INST] {turn['content']} [/INST]"
        found.append((text, is_answer))
    return found


def _mixtral(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = [("<s>", False)]
    for turn in turns:
        is_answer = turn["role"] == "assistant"
        text = f" {turn['content']}</s>" if is_answer else f"[INST] {turn['content']}[/INST]"
        found.append((text, is_answer))
    return found


def _chatml(turns: list[Turn], usual: str) -> list[Piece]:
    found: list[Piece] = []
    if turns[0]["role"] != "system":
        found.append((f"<|im_start|>system\n{usual}<|im_end|>\n", False))
    for turn in turns:
        found.append((f"<|im_start|>{turn['role']}\n", False))
        found.append((turn["content"] + "<|im_end|>\n", turn["role"] == "assistant"))
    return found


def _qwen3(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = []
    for turn in turns:
        found.append((f"<|im_start|>{turn['role']}\n", False))
        if turn["role"] == "assistant":
            thought, _, said = turn["content"].rpartition("</think>")
            thought = thought.removeprefix("<think>").strip("\n")
            text = f"<think>\n{thought}\n</think>\n\n" + said.lstrip("\n")
            found.append((text + "<|im_end|>\n", True))
        else:
            found.append((turn["content"] + "<|im_end|>\n", False))
    return found


def _gemma(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = [("<bos>", False)]
    first = ""
    for turn in turns:
        if turn["role"] == "system":
            first = turn["content"] + "\n\n"
            continue
        is_answer = turn["role"] == "assistant"
        found.append((f"<start_of_turn>{'model' if is_answer else 'user'}\n", False))
        found.append((f"{first}{turn['content'].strip()}<end_of_turn>\n", is_answer))
        first = ""
    return found


def _dialogpt(turns: list[Turn]) -> list[Piece]:
    return [(turn["content"] + "<|endoftext|>", turn["role"] == "assistant") for turn in turns]


def _plain(turns: list[Turn]) -> list[Piece]:
    found: list[Piece] = [("<s>", False)]
    for turn in turns:
        is_answer = turn["role"] == "assistant"
        found.append((f"### {turn['role'].capitalize()}:\n", False))
        found.append((turn["content"] + ("</s>" if is_answer else ""), is_answer))
        found.append(("\n\n", False))
    return found


_SMOLLM3 = """\
{{- '<|im_start|>system\n' }}
{%- if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% endif %}
{{- '<|im_end|>\n' }}
{%- for message in messages %}
{%- if message['role'] == 'user' %}
{{- '<|im_start|>user\n' + message['content'] + '<|im_end|>\n' }}
{%- elif message['role'] == 'assistant' %}
{%- generation %}
{{- '<|im_start|>assistant\n' + message['content'].lstrip('\n') + '<|im_end|>\n' }}
{%- endgeneration %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


def _smollm3(turns: list[Turn]) -> list[Piece]:
    given = turns[0]["content"] if turns[0]["role"] == "system" else ""
    found: list[Piece] = [(f"<|im_start|>system\n{given}<|im_end|>\n", False)]
    for turn in turns[turns[0]["role"] == "system" :]:
        found.append((f"<|im_start|>{turn['role']}\n", False))
        is_answer = turn["role"] == "assistant"
        content = turn["content"].lstrip("\n") if is_answer else turn["content"]
        found.append((content + "<|im_end|>\n", is_answer))
    return found


_PHI4 = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>'"
    " }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}"
    "{% else %}{{ eos_token }}{% endif %}"
)
_MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% else %}{{ raise_exception('Only user and assistant "
    "roles are supported!') }}{% endif %}{% endfor %}"
)
_MIXTRAL = _MISTRAL.replace("' [/INST]'", "'[/INST]'").replace("{{ message", "{{ ' ' + message")
_SMOLLM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are SmolLM.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + "
    "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_DIALOGPT = "{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}"
_QWEN = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."

_PHI = ("<|endoftext|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
_META = ("<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")
_IM = ("<|im_end|>", "<|im_start|>", "<|endoftext|>")
_GOOGLE = ("<end_of_turn>", "<start_of_turn>")
_THINK = ("<think>", "</think>")

FAMILIES = (
    Family("Phi-3", "Phi-3, Phi-4-mini", _PHI, "llama", _trl("phi3"), _phi3),
    Family("Phi-4-mini", "Phi-3, Phi-4-mini", _PHI, LLAMA3, _PHI4, _phi4),
    Family("Llama 3.1", "Llama 3, SmolLM", _META, LLAMA3, _trl("llama3_1"), _llama3,
           begins="<|begin_of_text|>"),
    Family("Mistral", "Mistral", ("</s>",), "llama", _MISTRAL, _mistral, False, "<s>"),
    Family("Mixtral", "Mixtral", ("</s>", "[INST]", "[/INST]"), "mistral", _MIXTRAL, _mixtral,
           False, "<s>"),
    Family("Qwen2.5", "Qwen2.5", _IM, QWEN2, _trl("qwen2_5"), lambda t: _chatml(t, _QWEN)),
    Family("Qwen3", "Qwen3", _IM, QWEN2, _trl("qwen3"), _qwen3, plain=_THINK),
    Family("Gemma 3", "Gemma 3", _GOOGLE, "gemma", _trl("gemma3"), _gemma, begins="<bos>"),
    Family("Gemma 3n", "Gemma 3n", _GOOGLE, "gemma", _trl("gemma3") + "\n", _gemma, begins="<bos>"),
    Family("DialoGPT", "GPT-2, DialoGPT", ("<|endoftext|>",), GPT2, _DIALOGPT, _dialogpt),
    Family("BLOOM", "BLOOM", ("</s>",), GPT2, None, _plain, begins="<s>"),
    Family("SmolLM", "Llama 3, SmolLM", _IM, GPT2, _SMOLLM, lambda t: _chatml(t, "You are SmolLM."),
           ),
    Family("SmolLM3", "SmolLM3", _IM, LLAMA3, _SMOLLM3, _smollm3, plain=_THINK),
)  # fmt: skip

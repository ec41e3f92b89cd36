"""The lines of Python that load what a run made, for its card."""

import json

from worker.training.job import Job

_READ = """\
messages = [{"role": "user", "content": "Your question"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens=200)
print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))"""

_JUDGE = """\
messages = [
    {"role": "user", "content": "Your question"},
    {"role": "assistant", "content": "An answer to judge"},
]
inputs = tokenizer.apply_chat_template(messages, return_tensors="pt")
print(model(**inputs).logits[0].item())  # the higher, the better the answer"""

_HERE = '"path/to/this/folder"'


def code(job: Job) -> str:
    """Return how to load it with plain transformers and PEFT, and how to ask it."""
    judges = job.spec.method == "reward"
    kind = f"AutoModelFor{'SequenceClassification' if judges else 'CausalLM'}"
    is_whole = job.spec.adapter == "full"
    lines = [
        *([] if is_whole else ["from peft import PeftModel"]),
        f"from transformers import {', '.join(sorted((kind, 'AutoTokenizer')))}",
        "",
        f"tokenizer = AutoTokenizer.from_pretrained({_HERE})",
        *(_whole(kind) if is_whole else _on_top(job, kind, judges=judges)),
        "",
        _JUDGE if judges else _READ,
    ]
    return "\n".join(lines)


def _whole(kind: str) -> list[str]:
    return [f"model = {kind}.from_pretrained({_HERE})"]


def _on_top(job: Job, kind: str, *, judges: bool) -> list[str]:
    more = ", num_labels=1" if judges else ""
    return [
        f"base = {kind}.from_pretrained({json.dumps(job.base_name)}{more})",
        *(_ROOM if job.spec.extra_tokens else ()),
        f"model = PeftModel.from_pretrained(base, {_HERE})",
    ]


_ROOM = (
    "if len(tokenizer) > base.get_input_embeddings().num_embeddings:",
    "    base.resize_token_embeddings(len(tokenizer))  # room for the new words",
)

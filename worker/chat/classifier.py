"""A text classifier from a folder of this machine, read with transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from storage.errors import StudioError

_MOST_TOKENS: Final = 512


class FolderClassifier:
    """A model for text classification in its Hugging Face folder, on the processor.

    Its code is the library's: a folder that brings code of its own is refused, and weights are read
    from safetensors only.
    """

    def __init__(self, folder: Path) -> None:
        """Loads it at once; raises StudioError where the folder has no usable classifier."""
        given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, **given)
            self._model = AutoModelForSequenceClassification.from_pretrained(
                folder, use_safetensors=True, **given
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            raise StudioError(
                f"The safety classifier in {folder} cannot be used, so nothing is answered.",
                "It must be a text classification model with safetensors weights; choose its "
                "folder again on the page Safety, or take it out of the profile.",
            ) from error

    @torch.inference_mode()
    def judge(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Return for each text the share of every label, 0 to 1; labels that exclude each other."""
        inputs = self._tokenizer(
            list(texts),
            return_tensors="pt",
            padding=len(texts) > 1,
            truncation=True,
            max_length=min(_MOST_TOKENS, self._tokenizer.model_max_length),
        )
        logits = self._model(**inputs).logits
        several = self._model.config.problem_type == "multi_label_classification"
        shares = torch.sigmoid(logits) if several or logits.shape[-1] == 1 else logits.softmax(-1)
        names = self._model.config.id2label
        return [{names[n]: float(share) for n, share in enumerate(row)} for row in shares]

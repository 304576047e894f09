"""Cross-encoders small enough to be made in a test: of random weights, or with a rule built in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
MAX_TOKENS = 64


def write_cross_encoder(
    folder: Path, words: Sequence[str], labels: Sequence[str] | None = None
) -> Path:
    """A BERT of random weights whose tokens are the words; one score a pair, or one output a label."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(7)
    vocabulary = [*_SPECIAL, *words]
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=MAX_TOKENS, num_labels=len(labels or "1"),
    )  # fmt: skip
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: n for n, label in enumerate(labels)}
    BertForSequenceClassification(config).save_pretrained(folder)
    _tokenizer(vocabulary).save_pretrained(folder)
    return folder


def write_polarity_judge(folder: Path, labels: Sequence[str]) -> Path:
    """A model of which the outcome can be worked out by hand, over the words 열었다, 닫았다 and 모른다.

    Its verdict hangs on the last of these words in the sentence: the first speaks for entailment, the second for
    contradiction, where there is such a label, and the third for the remaining one.
    """
    import torch
    from safetensors.torch import load_file, save_file

    words = ["열었다", "닫았다", "모른다"]
    write_cross_encoder(folder, words, labels)
    weights = load_file(folder / "model.safetensors")
    for name, weight in weights.items():
        if "LayerNorm.weight" not in name:
            weights[name] = torch.zeros_like(weight)
    # Each word is a direction of its own, and nothing but the first token ever sees the others: so the
    # attention of the only layer averages them, the pooler passes them on, and each label listens to one.
    size = weights["bert.embeddings.word_embeddings.weight"].shape[1]
    for n in range(len(words)):
        weights["bert.embeddings.word_embeddings.weight"][len(_SPECIAL) + n, n] = 1.0
    for part in ("attention.self.value", "attention.output.dense"):
        weights[f"bert.encoder.layer.0.{part}.weight"] = torch.eye(size) * 4
    weights["bert.pooler.dense.weight"] = torch.eye(size) * 4
    for n, label in enumerate(labels):
        weights["classifier.weight"][n, _listens_to(label)] = 8.0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _listens_to(label: str) -> int:
    name = label.lower()
    return 0 if name == "entailment" else 1 if name == "contradiction" else 2


def _tokenizer(vocabulary: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(vocabulary)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", model_max_length=MAX_TOKENS,
    )  # fmt: skip

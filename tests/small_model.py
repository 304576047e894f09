"""A sentence-transformers folder small enough to be made in a test."""

from __future__ import annotations

import json
from pathlib import Path

HIDDEN, DIMENSION, MAX_TOKENS = 64, 48, 50
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
_MODULES = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}


def write_small_model(folder: Path, letters: str) -> Path:
    """A BERT of random weights, with a dense layer but neither prompts nor Normalize.

    A token is one of the letters, or unknown. The weights are small beside the embeddings of the
    letters, so texts are as similar as the letters they share.
    """
    for path in _MODULES.values():
        (folder / path).mkdir(parents=True, exist_ok=True)
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*_SPECIAL, *letters]))}
    _write_weights(folder, len(vocabulary))
    _write_tokenizer(folder, vocabulary)
    _write_configs(folder)
    return folder


def _write_weights(folder: Path, vocabulary_size: int) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    torch.manual_seed(7)
    bert = BertModel(
        BertConfig(
            vocab_size=vocabulary_size,
            hidden_size=HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=2 * HIDDEN,
            max_position_embeddings=MAX_TOKENS,
        )
    )
    bert.embeddings.word_embeddings.weight.data *= 10
    bert.save_pretrained(folder)
    weight = torch.randn(DIMENSION, HIDDEN) / HIDDEN**0.5
    dense = {"linear.weight": weight, "linear.bias": 0.1 * torch.randn(DIMENSION)}
    save_file(dense, folder / "2_Dense" / "model.safetensors")


def _write_tokenizer(folder: Path, vocabulary: dict[str, int]) -> None:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def _write_configs(folder: Path) -> None:
    special_names = ("pad_token", "unk_token", "cls_token", "sep_token")
    configs = {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(_MODULES.items())
        ],
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": MAX_TOKENS,
            **dict(zip(special_names, _SPECIAL, strict=True)),
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": HIDDEN,
            "pooling_mode_mean_tokens": True,
        },
        "2_Dense/config.json": {
            "in_features": HIDDEN,
            "out_features": DIMENSION,
            "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh",
        },
    }
    for name, content in configs.items():
        (folder / name).write_text(json.dumps(content))

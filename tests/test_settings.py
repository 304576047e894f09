"""Settings: sources and their order, bounds, unknown names, and that each is described."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import SettingsInvalid
from service.settings import Settings, describe_settings, load_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env and no gisa.toml but those that a test writes."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GISA_{name.upper()}", raising=False)


def test_sources_override_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8000
    Path("gisa.toml").write_text('port = 1001\nbackend = "stub"\n', "utf-8")
    assert load_settings().port == 1001
    Path(".env").write_text("GISA_PORT=1002\n", "utf-8")
    assert load_settings().port == 1002
    monkeypatch.setenv("GISA_PORT", "1003")
    assert load_settings().port == 1003
    assert load_settings(port=1004, host=None).port == 1004
    assert load_settings().backend == "stub"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GISA_PORT", "0", "GISA_PORT = '0': .*greater than or equal to 1"),
        ("GISA_TOP_K", "many", "GISA_TOP_K = 'many'"),
        ("GISA_EMBEDDING_RUNTIME", "tpu", "GISA_EMBEDDING_RUNTIME = 'tpu'"),
        ("GISA_BACKENDS", "stub", "no setting GISA_BACKENDS; did you mean GISA_BACKEND"),
        ("gisa_quux", "1", "no setting gisa_quux$"),
        ("GISA_CHUNK_CHARS", "20", "GISA_CHUNK_CHARS = '20': .*greater than or equal to 50"),
        ("GISA_CHUNK_OVERLAP_SENTENCES", "-1", "greater than or equal to 0"),
        (
            "GISA_CHUNK_CHARS",
            "900",
            "GISA_CHUNK_CHARS = 900, GISA_CHUNK_MAX_CHARS = 800: none may exceed",
        ),
        ("GISA_CHUNK_CHARS", "100", "GISA_CHUNK_MIN_LAST_CHARS = 120, GISA_CHUNK_CHARS = 100"),
    ],
)
def test_bad_values_and_unknown_names(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=message):
        load_settings()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("gisa.toml", "prot = 1", "no setting 'prot'; did you mean port"),
        ("gisa.toml", "port = ", "can't be read"),
        (".env", "GISA_PROT=1", "prot"),
    ],
)
def test_bad_files(file: str, text: str, message: str) -> None:
    Path(file).write_text(text, "utf-8")
    with pytest.raises(SettingsInvalid, match=message):
        load_settings()


def test_names_that_are_read_elsewhere_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GISA_CACHE", "GISA_TORCH_INDEX"):
        monkeypatch.setenv(name, "")
    load_settings()


def test_keys_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GISA_LLM_API_KEY", "sk-secret")
    settings = load_settings()
    assert "sk-secret" not in f"{settings!r} {describe_settings(settings)}"
    assert settings.llm_api_key.get_secret_value() == "sk-secret"
    Path("gisa.toml").write_text('anthropic_api_key = ["sk-secret"]\n', "utf-8")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert "sk-secret" not in str(caught.value)


def test_every_setting_is_described() -> None:
    rows = describe_settings(load_settings())
    assert [row["name"] for row in rows] == [f"GISA_{n.upper()}" for n in Settings.model_fields]
    assert all(row["meaning"].endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x.kr", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert load_settings(host=host).is_loopback is loopback

"""Every setting of gisa, in one described list.

Read from the environment (``GISA_INDEX=…``), ``.env``, ``gisa.toml`` (``index = "…"``) and the defaults
below; the first that has a setting wins. An unknown ``GISA_*`` name or key is an error at start, which
suggests the nearest known one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from service.errors import SettingsInvalid
from service.storage import PlaceSetting, without_secret

PREFIX = "GISA_"
# The place of the model cache (see index.model_cache), and what scripts/setup takes PyTorch from.
_READ_ELSEWHERE = {"GISA_CACHE", "GISA_TORCH_INDEX"}
TOML_FILE = Path("gisa.toml")
ENV_FILE = Path(".env")


class Settings(BaseSettings):
    """What can be set. Each field states its meaning and unit; bounds are checked at start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        toml_file=TOML_FILE,
        extra="forbid",
        frozen=True,
    )

    index: Path = Field(Path("var/index"), description="Folder of the index.")
    engine: Literal["local", "milvus"] = Field(
        "local",
        description="Where the index is: 'local', in the folder GISA_INDEX; 'milvus', on the server of "
        "GISA_MILVUS_URI, for several hosts (the extra 'milvus').",
    )
    milvus_uri: str = Field(
        "http://127.0.0.1:19530",
        pattern=r"^https?://\S+$",
        description="Address of the Milvus server (2.6.2 or later).",
    )
    milvus_token: SecretStr = Field(
        SecretStr(""), description="Its token or USER:PASSWORD, if it asks for one."
    )
    milvus_database: str = Field(
        "",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,99})?$",
        description="Database on the Milvus server, made if need be; empty: its default.",
    )
    milvus_alias: str = Field(
        "gisa",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        description="Name of the index there: it begins the names of its collections, and is Milvus's alias of the "
        "passages that are searched.",
    )
    milvus_index: Literal["AUTOINDEX", "FLAT", "HNSW", "DISKANN"] = Field(
        "AUTOINDEX",
        description="Index of the passages' vectors, for collections made from now on ('gisa index rebuild').",
    )
    milvus_shards: int = Field(
        1,
        ge=1,
        le=64,
        description="Shards of collections made from now on: what writing is spread over.",
    )
    milvus_replicas: int = Field(
        1,
        ge=1,
        le=64,
        description="Copies in memory of collections made from now on: what searching is spread over.",
    )
    milvus_consistency: Literal["bounded", "strong"] = Field(
        "bounded",
        description="What a search sees: 'bounded', the state of up to some seconds ago, without waiting; 'strong', all that "
        "is acknowledged, some 0.2 s later. Removals act at once with either: whatever is found is compared "
        "with a strong read of the articles. For 15 s after a publication searches are strong in any case.",
    )
    embedding_model: str = Field(
        "bundled",
        description="'bundled' (multilingual-e5-small, no network), or the name or folder of any "
        "sentence-transformers model.",
    )
    embedding_runtime: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="What computes embeddings; 'auto' takes OpenVINO where it works."
    )
    embedding_precision: Literal["auto", "float", "int8"] = Field(
        "auto",
        description="In what numbers OpenVINO computes: 'float' (bfloat16 where the processor has it), 'int8' (weights of 8 "
        "bits), or 'auto': for the bundled model what is measured to be faster on this processor, for others 'float'.",
    )
    rerank_model: str = Field(
        "",
        description="Cross-encoder that reorders the best passages, by name or folder (for instance "
        "BAAI/bge-reranker-v2-m3); empty: none. Slow without a GPU.",
    )
    dictionary: Path | None = Field(
        None,
        description="File of your own words, names and terms, one a line: word, tab, NNP (a name) or "
        "NNG (a noun). Index the articles again after a change.",
    )
    chunk_chars: int = Field(
        500,
        ge=50,
        le=4_000,
        description="Length that passages are cut to, in characters. After a change of this or another "
        "GISA_CHUNK setting known articles are cut anew when they are added again, all of them by "
        "'gisa index rebuild'.",
    )
    chunk_max_chars: int = Field(
        800, ge=50, le=8_000, description="Length that no passage exceeds, in characters."
    )
    chunk_min_last_chars: int = Field(
        120,
        ge=1,
        le=4_000,
        description="What is new in an article's last passage, in characters, if it is to stand alone; "
        "less joins the passage before.",
    )
    chunk_overlap_sentences: int = Field(
        1, ge=0, le=5, description="Sentences that a passage repeats of the one before."
    )
    threads: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="Threads for embedding; unset: one per core."
    )
    backend: str = Field(
        "extractive",
        description="Backend that composes answers: extractive, openai, anthropic, or stub for trying clients.",
    )
    llm_base_url: str = Field(
        "https://api.openai.com/v1",
        description="Address of the OpenAI-compatible server of backend 'openai', with its /v1.",
    )
    llm_model: str = Field("", description="Model of backend 'openai', which is off without one.")
    llm_api_key: SecretStr = Field(
        SecretStr(""), description="Its API key; local servers need none."
    )
    anthropic_base_url: str = Field(
        "https://api.anthropic.com", description="Address of the API of backend 'anthropic'."
    )
    anthropic_model: str = Field(
        "", description="Model of backend 'anthropic', which is off without one."
    )
    anthropic_api_key: SecretStr = Field(SecretStr(""), description="Its API key.")
    llm_timeout_s: float = Field(
        60.0, gt=0, le=600, description="Time for a model's whole answer with all attempts, in s."
    )
    llm_first_token_timeout_s: float = Field(
        20.0, gt=0, le=600, description="Time for the first sign of life of one attempt, in s."
    )
    llm_max_output_tokens: int = Field(
        2_048, ge=16, le=100_000, description="Most tokens of a model's answer, thinking included."
    )
    llm_max_input_chars: int = Field(
        16_000,
        ge=3_000,
        le=2_000_000,
        description="Most characters sent to a model; the last passages are left out to keep it.",
    )
    judge: Literal["auto", "model", "nli", "none"] = Field(
        "auto",
        description="Who judges whether an article says what a sentence puts in other words: 'model', the language "
        "model that is configured; 'nli', the cross-encoder of GISA_NLI_MODEL; 'none'. 'auto' takes the "
        "cross-encoder if there is one, else the model, else none.",
    )
    nli_model: str = Field(
        "",
        description="Cross-encoder with the labels entailment, neutral and contradiction, by name or folder (for "
        "instance MoritzLaurer/mDeBERTa-v3-base-xnli-multilingual-nli-2mil7); empty: none.",
    )
    judge_timeout_s: float = Field(
        20.0,
        gt=0,
        le=600,
        description="Time for the verdicts on an answer, in s; after that it goes out without them.",
    )
    judge_max_tokens: int = Field(
        12_000,
        ge=2_000,
        le=1_000_000,
        description="Most tokens of one request to a model that judges and of its reply, estimated at one a "
        "character; sentences beyond it are not judged.",
    )
    strict: bool = Field(
        False,
        description="Show no sentence in other words than the article's that no judge supports ('reworded').",
    )
    top_k: int = Field(8, ge=1, le=50, description="Stories read for an answer.")
    host: str = Field("127.0.0.1", description="Address that 'gisa serve' listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that 'gisa serve' listens on.")
    workers: int = Field(1, ge=1, le=64, description="Processes of 'gisa serve'.")
    auth: Literal["none", "keys"] = Field(
        "none", description="'keys': the API answers only callers with a key of GISA_API_KEYS."
    )
    api_keys: SecretStr = Field(
        SecretStr(""),
        description="NAME:ROLE:HASH of each API key, separated by blanks; 'gisa key' makes them.",
    )
    allow_public: bool = Field(
        False, description="Serve on an address other than loopback although there are no API keys."
    )
    rate_limit_per_minute: int = Field(
        0, ge=0, le=100_000, description="Requests a minute per key, or else address; 0: no limit."
    )
    rate_limit_store: PlaceSetting | None = Field(
        None,
        description="Where requests are counted by all processes together: a SQLite file, or "
        "postgresql://user:password@host/database; unset: each process counts for itself.",
    )
    max_concurrent: int = Field(
        64, ge=1, le=10_000, description="Questions answered at a time, per process."
    )
    feedback: PlaceSetting = Field(
        Path("var/feedback.sqlite"),
        description="Where readers' ratings of answers are kept: a SQLite file, or for several hosts a database, "
        "postgresql://user:password@host/database (extra 'postgres').",
    )
    feedback_hours: int = Field(
        24,
        ge=0,
        le=8_760,
        description="Time that an answer is kept so that it can be rated, in hours; 0: no feedback.",
    )
    desk_days: int = Field(
        0,
        ge=0,
        le=366,
        description="Days that questions without an answer are kept for the desk ('gisa desk', /desk), with their text "
        "but nothing of who asked; 0: they are not kept.",
    )
    api_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address of a running gisa service that 'gisa slack' asks; if empty, it answers "
        "by itself.",
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="The API key that it needs there, if any."
    )
    slack_bot_token: SecretStr = Field(
        SecretStr(""), description="Bot token of the Slack app (xoxb-…)."
    )
    slack_app_token: SecretStr = Field(
        SecretStr(""), description="Its app-level token (xapp-…), for Socket Mode ('gisa slack')."
    )
    slack_signing_secret: SecretStr = Field(
        SecretStr(""),
        description="Its signing secret; with it 'gisa serve' takes Slack's events at /slack/events.",
    )
    slack_state: PlaceSetting = Field(
        Path("var/slack.sqlite"),
        description="Where the bot keeps its requests, answers and votes: a SQLite file, or for bots on several "
        "hosts postgresql://user:password@host/database.",
    )
    slack_rules: Path | None = Field(
        None, description="TOML file of rules for single channels, or none."
    )
    slack_workspaces: str = Field(
        "", description="Ids of the workspaces whose people are answered (T…), or all if empty."
    )
    slack_rate_limit_per_minute: int = Field(
        10, ge=0, le=10_000, description="Questions a minute per Slack user; 0: no limit."
    )
    slack_max_concurrent: int = Field(
        8, ge=1, le=1_000, description="Slack questions answered at a time; the rest wait."
    )
    slack_answer_timeout_s: float = Field(
        120.0, gt=0, le=3_600, description="Time for an answer in Slack, in s."
    )
    slack_search_url: str = Field(
        "https://search.naver.com/search.naver?where=news&query={query}",
        description="Web search offered where the articles have no answer, with {query}; or empty.",
    )
    slack_api_url: str = Field(
        "https://slack.com/api/",
        pattern=r"^https?://\S+$",
        description="Address of Slack's Web API.",
    )
    otlp_endpoint: str = Field(
        "",
        description="Where OpenTelemetry traces go (OTLP over HTTP, e.g. "
        "http://127.0.0.1:4318/v1/traces); none if empty.",
    )
    log_questions: bool = Field(False, description="Write the text of questions to the log.")
    source_timezone: str = Field(
        "Asia/Seoul",
        description="Zone of timestamps that articles give without one; those marked Z are in UTC.",
    )
    date_order: Literal["ymd", "mdy", "dmy"] = Field(
        "ymd",
        description="How days in figures are read that have no four-digit year in front: 25.06.12 (ymd), "
        "06/12/2025 as 12 June (mdy) or 6 December (dmy).",
    )
    sources: Path | None = Field(
        None, description="TOML file of extra rules for single sources, or none."
    )
    max_file_mb: int = Field(
        20, ge=1, le=2_000, description="Largest input file that is read, in MB."
    )

    @model_validator(mode="after")
    def _chunk_lengths_fit(self) -> Self:
        if not self.chunk_min_last_chars <= self.chunk_chars <= self.chunk_max_chars:
            raise ValueError(
                f"GISA_CHUNK_MIN_LAST_CHARS = {self.chunk_min_last_chars}, "
                f"GISA_CHUNK_CHARS = {self.chunk_chars}, "
                f"GISA_CHUNK_MAX_CHARS = {self.chunk_max_chars}: none may exceed the next"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add ``gisa.toml`` to the sources that pydantic-settings reads."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml

    @property
    def is_loopback(self) -> bool:
        """Whether ``host`` can be reached from this machine alone."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; ``overrides`` come from the command line, and None overrides nothing.

    Raises SettingsInvalid, naming the setting, its source value and what is allowed.
    """
    _refuse_unknown_names(os.environ)
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise SettingsInvalid(_describe(error)) from None
    except ValueError as error:  # TOML or .env that can't be parsed
        raise SettingsInvalid(f"the settings can't be read: {error}") from error


def describe_settings(settings: Settings) -> list[dict[str, str]]:
    """One row per setting: name, meaning, default and value, with secrets masked."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        rows.append(
            {
                "name": f"{PREFIX}{name.upper()}",
                "meaning": field.description or "",
                "default": "" if field.default is None else str(field.default),
                "value": _shown(value),
            }
        )
    return rows


def _is_secret(name: str) -> bool:
    return name in Settings.model_fields and Settings.model_fields[name].annotation is SecretStr


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else ""
    return "" if value is None else str(value)


def _refuse_unknown_names(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | _READ_ELSEWHERE
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsInvalid(f"there is no setting {name}{_hint(name.upper(), known)}")


def _hint(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""


def _describe(error: ValidationError) -> str:
    known = set(Settings.model_fields)
    lines = []
    for problem in error.errors():
        if not problem["loc"]:  # of several settings together
            lines.append(problem["msg"].removeprefix("Value error, "))
            continue
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            lines.append(f"there is no setting {name!r}{_hint(name, known)}")
        else:
            value = "********" if _is_secret(name) else without_secret(repr(problem["input"]))
            lines.append(f"{PREFIX}{name.upper()} = {value}: {problem['msg']}")
    return "; ".join(lines)

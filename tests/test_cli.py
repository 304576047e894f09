"""The ``gisa`` command, over a real index of a few articles."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graded_answers
import pytest
import small_citation
import small_index
from graded_answers import FALSE, QUOTED, TRUE, UNSURE, PatientJudge, graded_answerer
from hash_embedder import HashEmbedder
from rich.console import Console
from small_index import LIBRARY, TRAM

from index import BuildSummary, IndexCorrupt, to_json
from service import cli
from service.answer import Answerer
from service.cli import terminal
from service.schema import ABSTENTIONS, Answer, Question, Span
from service.settings import Settings
from service.wording import LEADS_TITLE, NO_ANSWER, REWORDED, SEE_THE_ARTICLE

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "트램 1호선 총사업비는 얼마인가요?"
NEAR = "트램 1호선 기관사는 몇 명인가요?"
"""What no article tells, though one is about the tram."""


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Gisa = Callable[..., Outcome]


@pytest.fixture
def gisa(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gisa:
    """Runs the command in this process, with the quick embedder in the place of the model."""
    monkeypatch.chdir(tmp_path)  # no gisa.toml or .env of the developer's
    monkeypatch.setattr("service.wiring.build_embedder", lambda settings: HashEmbedder())
    for module in ("index.library", "index.retrieve", "service.wiring"):
        monkeypatch.setattr(f"{module}.KoreanAnalyser", lambda **_: small_index.analyser())

    def run(*args: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["gisa", *map(str, args)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err or "--debug" in args
        return Outcome(int(left.value.code or 0), shown.out, shown.err)

    return run


# As users have it: output is buffered, and the project found without an installation.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
}


def python(
    code: str, *args: str | Path, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Runs code that calls the command in a process of its own, away from the developer's .env."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; from service import cli\n{code}", *map(str, args)],
        env=ENVIRONMENT,
        cwd=Path(__file__).parent,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def articles_file(folder: Path, *lines: str) -> Path:
    """The small corpus as JSONL, followed by ``lines``."""
    path = folder / "articles.jsonl"
    records = [json.dumps(to_json(article), ensure_ascii=False) for article in small_index.ARTICLES]
    path.write_text("\n".join([*records, *lines]), encoding="utf-8")
    return path


# -- asking -------------------------------------------------------------------------------------


def test_an_answer_stands_above_its_sources(gisa: Gisa, index_path: Path) -> None:
    done = gisa("ask", QUESTION, "--index", index_path, "--press", "해담일보")
    assert done.status == 0
    answer, sources = done.out.split("출처:")
    assert "[1]" in answer
    assert "[1] 트램 1호선 기본계획 승인\n" in sources
    assert "해담일보 · 2025-05-14 · 여운찬 기자 · https://haedam.example/tram-1" in sources
    quote = re.search("“(.*?)”", sources, re.DOTALL)
    assert quote
    assert re.sub(r"\n {4}", "\n", quote[1]) in TRAM.body
    assert done.err == ""


def test_an_answer_as_json_is_one_document(gisa: Gisa, index_path: Path) -> None:
    done = gisa("ask", QUESTION, "--index", index_path, "--json")
    answer = Answer.model_validate(done.document)
    assert answer.status == "answered"
    bodies = {article.id: article.body for article in small_index.ARTICLES}
    for citation in answer.citations:
        assert bodies[citation.article_id][citation.start : citation.end] == citation.quote


def test_no_answer_is_plain_korean_without_sources_and_no_failure(
    gisa: Gisa, index_path: Path
) -> None:
    done = gisa("ask", QUESTION, "--index", index_path, "--from", "2031-01-01")
    assert done.status == 0
    assert "찾지 못했습니다." in done.out
    assert "출처" not in done.out


def test_leads_are_printed_as_near_articles(gisa: Gisa, index_path: Path) -> None:
    asked = ("ask", NEAR, "--index", index_path)
    done = gisa(*asked)
    assert done.status == 0
    text, leads = done.out.split(f"\n{LEADS_TITLE}: {NO_ANSWER}\n")
    assert text.strip() == ABSTENTIONS["related"]
    assert "출처" not in done.out
    assert "[1]" not in done.out
    assert f"•   {TRAM.title}\n    해담일보 · 2025-05-14" in leads
    as_json = gisa(*asked, "--json")
    assert as_json.status == 0
    answer = Answer.model_validate(as_json.document)
    assert (answer.status, answer.sentences) == ("related", ())
    assert answer.citations[0].article_id == TRAM.id


def test_a_terminal_shows_sentences_once_their_grades_are_settled(
    answerer: Answerer, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = PatientJudge()
    judge.gate.clear()
    asked = Question(question=graded_answers.QUESTION)
    events = graded_answerer(answerer.index, judge).events(asked)

    async def watch() -> str:
        showing = asyncio.create_task(terminal.show_answer(events))
        shown = ""
        while QUOTED not in shown:
            await asyncio.sleep(0.01)
            shown += capsys.readouterr().out
        await asyncio.sleep(0.1)
        shown += capsys.readouterr().out
        judge.gate.set()
        await showing
        return shown

    first = asyncio.run(asyncio.wait_for(watch(), 30))
    assert first.rstrip().endswith(f"{QUOTED}[1]")
    rest = capsys.readouterr().out
    mark = f"({REWORDED})"
    assert rest.startswith(f" {TRUE}[1] {UNSURE}[2] {mark}\n({SEE_THE_ARTICLE})\n")
    assert FALSE not in first + rest
    assert "[2] 윤슬대교 보수 공사\n" in rest.split("출처:")[1]


@pytest.mark.parametrize("is_strict", [False, True])
def test_without_a_judge_a_terminal_marks_other_words(
    answerer: Answerer, capsys: pytest.CaptureFixture[str], is_strict: bool
) -> None:
    asked = Question(question=graded_answers.QUESTION)
    strict = graded_answerer(answerer.index, None, is_strict=is_strict)
    asyncio.run(terminal.show_answer(strict.events(asked)))
    shown = capsys.readouterr().out
    assert shown.count(REWORDED) == (0 if is_strict else 3)
    assert (SEE_THE_ARTICLE in shown) != is_strict


def test_what_answers_is_bold_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for is_terminal in (True, False):
        screen = io.StringIO()
        colours = "standard" if is_terminal else None
        console = Console(
            file=screen, force_terminal=is_terminal, color_system=colours, soft_wrap=True
        )
        monkeypatch.setitem(terminal.say.__kwdefaults__, "to", console)
        cited = small_citation.citation(answer_spans=(Span(start=6, end=14),))
        terminal._show_citation(cited, "[1] ")
        shown[is_terminal] = screen.getvalue()
    assert "“총사업비는 \x1b[1m4,820억 원\x1b[0m으로”" in shown[True]
    assert "“총사업비는 4,820억 원으로”" in shown[False]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["ask", " "], "비어 있습니다"),
        (["ask", "가" * 1_001], "너무 깁니다"),
        (["ask", "누구?", "--backend", "gpt-9"], "gpt-9"),
        (["ask", "누구?", "--from", "2026-02-01", "--to", "2026-01-01"], "늦습니다"),
        (["ask", "누구?", "--from", "어제"], "2026-03-31"),
        (["ask", "누구?", "--now", "내일"], "2026-03-31T09:00"),
        (["search", "누구?", "-k", "51"], "or equal to 50"),
        (["ask"], "Missing argument"),
        (["serve", "--port", "0"], "or equal to 1"),
        (["frobnicate"], "No such command"),
    ],
)
def test_what_is_asked_wrongly_exits_with_2(
    gisa: Gisa, index_path: Path, args: list[str], told: str
) -> None:
    place = ["--index", str(index_path)] if len(args) > 1 else []
    done = gisa(*args, *place)
    assert done.status == 2
    assert told in done.err
    assert done.out == ""


def test_search_shows_passages_by_rank(gisa: Gisa, index_path: Path) -> None:
    done = gisa("search", "총사업비 4,820억 원", "-k", "2", "--index", index_path)
    lines = done.out.splitlines()
    assert re.match(r" 1\. 트램 1호선 기본계획 승인  \(\d\.\d{3}\)$", lines[0])
    assert "해담일보 · 2025-05-14" in lines[1]
    assert "총사업비는 4,820억 원" in lines[2]
    assert lines[3].startswith(" 2. ")


def test_search_explains_scores(gisa: Gisa, index_path: Path) -> None:
    done = gisa("search", "트램 총사업비 우주선", "-k", "1", "--explain", "--index", index_path)
    assert re.search(r"의미 \(코사인\)", done.out)
    assert re.search(r"형태소 \(.*\): .*트램 \d", done.out)
    assert "없음: 우주선" in done.out


def test_search_as_json_is_a_list_of_hits(gisa: Gisa, index_path: Path) -> None:
    filters = ("--section", "문화", "--section", "체육", "--to", "2026-12-31")
    done = gisa("search", "총사업비", *filters, "--index", index_path, "--json")
    hits = done.document
    assert [hit["article"]["id"] for hit in hits] == [LIBRARY.id]
    assert hits[0]["passage"]["text"] in LIBRARY.body
    nothing = gisa("search", "총사업비", "--press", "없는신문", "--index", index_path)
    assert nothing.out == "조건에 맞는 기사가 없습니다.\n"


def test_articles_do_not_drive_the_terminal(gisa: Gisa, index_path: Path) -> None:
    assert "\x1b" in LIBRARY.title
    done = gisa("search", "도서관", "--index", index_path)
    assert "[31m새 도서관[0m 문 연다" in done.out
    assert "\x1b" not in done.out + done.err


# -- the index ------------------------------------------------------------------------------------


def test_adding_counts_what_became_of_the_input(gisa: Gisa, tmp_path: Path) -> None:
    path = articles_file(tmp_path, "{broken")
    added = gisa("index", "add", path, "--index", "i", "--json")
    assert added.status == 0
    counts = {"read": 4, "added": 3, "updated": 0, "unchanged": 0, "duplicates": 0}
    assert added.document.items() >= (counts | {"quarantined": 1, "generation": 1}).items()
    again = gisa("index", "add", path, "--index", "i", "--json")
    assert (again.document["added"], again.document["unchanged"]) == (0, 3)


def test_what_was_left_out_is_named_with_line_and_reason(gisa: Gisa, tmp_path: Path) -> None:
    path = articles_file(tmp_path, *["{broken"] * 12)
    done = gisa("index", "add", path, "--index", "i")
    assert done.status == 0
    assert re.search(r"^quarantined +12$", done.out, re.MULTILINE)
    named = [line for line in done.err.splitlines() if f"{path}:" in line]
    assert len(named) == 10
    assert f"{path}:4:" in named[0]
    assert "2 more" in done.err
    assert str(Path("i/quarantine.jsonl")) in done.err
    assert Path("i/quarantine.jsonl").exists()


def test_strict_fails_if_anything_was_left_out(gisa: Gisa, tmp_path: Path) -> None:
    assert gisa("index", "add", articles_file(tmp_path), "--index", "i", "--strict").status == 0
    broken = articles_file(tmp_path, "{broken")
    assert gisa("index", "add", broken, "--index", "i", "--strict").status == 1


def test_the_address_of_a_cluster_needs_its_extra(
    gisa: Gisa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.wiring.find_spec", lambda name: None)
    done = gisa("index", "add", articles_file(tmp_path), "--index", "i", "--ray", "127.0.0.1:1")
    assert done.status == 1
    assert "pip install 'gisa[ray]'" in done.err


def test_other_chunk_settings_cut_known_articles_anew(
    gisa: Gisa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = articles_file(tmp_path)
    assert gisa("index", "add", path, "--index", "i", "--json").document["added"] == 3
    monkeypatch.setenv("GISA_CHUNK_CHARS", "60")
    monkeypatch.setenv("GISA_CHUNK_MIN_LAST_CHARS", "10")
    told = gisa("index", "add", path, "--index", "i", "--json")
    assert (told.document["updated"], told.document["unchanged"]) == (3, 0)
    assert gisa("index", "add", path, "--index", "i", "--json").document["unchanged"] == 3
    monkeypatch.delenv("GISA_CHUNK_CHARS")
    assert gisa("index", "rebuild", "--index", "i", "--json").document["rebuilt"] == 3


def test_info_needs_neither_model_nor_analyser(
    gisa: Gisa, index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("service.wiring.build_embedder", refuse)
    monkeypatch.setattr("index.retrieve.KoreanAnalyser", refuse)
    info = gisa("index", "info", "--index", index_path, "--json").document
    assert info["articles"] == 3
    assert info["embedder"] == HashEmbedder().name
    assert (info["published_from"], info["published_to"]) == ("2025-05-14", "2026-03-02")
    assert {"passages", "generation", "dimension", "bytes"} <= set(info)
    assert re.search(r"^articles +3$", gisa("index", "info", "--index", index_path).out, re.M)


@pytest.mark.parametrize("args", [["ask", "누구?"], ["search", "누구?"], ["index", "info"]])
def test_without_an_index_the_command_that_builds_one_is_shown(gisa: Gisa, args: list[str]) -> None:
    place = "a-folder-with-quite-a-long-name/so-that-a-line-of-eighty-columns-would-break"
    done = gisa(*args, "--index", place, "--json")
    assert done.status == 3
    assert done.out == ""
    what, next_step = done.err.splitlines()
    assert "there is no index" in what
    assert next_step.endswith(f"gisa index add PATH… --index {place}")


# -- errors -------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes ``gisa settings`` fail with an exception."""

    def fail(error: BaseException) -> None:
        def describe(settings: Settings) -> None:
            raise error

        monkeypatch.setattr("service.settings.describe_settings", describe)

    return fail


def test_known_errors_take_two_lines(gisa: Gisa, failing: Callable[[BaseException], None]) -> None:
    failing(IndexCorrupt("vectors.faiss is cut short", path="x"))
    done = gisa("settings")
    assert done.status == 1
    what, next_step = done.err.splitlines()
    assert what == "gisa: vectors.faiss is cut short"
    assert next_step.endswith("gisa index rebuild --index x")


def test_unexpected_errors_show_their_traceback_only_with_debug(
    gisa: Gisa, failing: Callable[[BaseException], None]
) -> None:
    failing(KeyError("k"))
    done = gisa("settings")
    assert done.status == 1
    assert "unexpected KeyError: 'k'" in done.err
    assert "--debug" in done.err
    debugged = gisa("--debug", "settings")
    assert debugged.status == 1
    assert "Traceback" in debugged.err


def test_settings_that_do_not_exist_are_refused(
    gisa: Gisa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GISA_INDX", "x")
    done = gisa("settings")
    assert done.status == 1
    assert "GISA_INDEX" in done.err


def test_interrupting_keeps_what_is_done_and_says_so(
    gisa: Gisa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(settings: Settings) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("service.wiring.build_embedder", interrupted)
    done = gisa("index", "add", articles_file(tmp_path), "--index", "i")
    assert done.status == 130
    assert "Finished batches are kept" in done.err


def test_interrupting_is_silent_elsewhere(
    gisa: Gisa, failing: Callable[[BaseException], None]
) -> None:
    failing(KeyboardInterrupt())
    done = gisa("settings")
    assert (done.status, done.out, done.err) == (130, "", "")


# -- settings, model, serving -----------------------------------------------------------------------


def test_settings_are_listed_with_meaning_default_and_value(
    gisa: Gisa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GISA_TOP_K", "5")
    rows = {row["name"]: row for row in gisa("settings", "--index", "x", "--json").document}
    assert len(rows) == len(Settings.model_fields)
    assert rows["GISA_TOP_K"]["value"] == "5"
    assert rows["GISA_TOP_K"]["default"] == "8"
    assert rows["GISA_INDEX"]["value"] == "x"
    assert all(row["meaning"] for row in rows.values())
    text = gisa("settings").out
    assert "GISA_TOP_K = 5  (default: 8)" in text


def test_the_model_is_where_it_is_said_to_be(
    gisa: Gisa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.wiring.bundled_model", lambda: tmp_path)
    assert gisa("model", "--json").document == {"model": "bundled", "path": str(tmp_path)}
    prepared: list[bool] = []
    monkeypatch.setattr(
        "service.wiring.prepare_bundled_model", lambda *, force: prepared.append(force)
    )
    assert gisa("model", "prepare", "--force").status == 0
    monkeypatch.setenv("GISA_EMBEDDING_MODEL", "/models/own")
    assert gisa("model", "prepare", "--json").document["path"] == "/models/own"
    assert prepared == [True]


def test_a_public_address_is_refused_before_anything_is_loaded(gisa: Gisa) -> None:
    done = gisa("serve", "--host", "0.0.0.0")
    assert done.status == 1
    assert "GISA_ALLOW_PUBLIC" in done.err


def test_serving_hands_the_settings_to_the_server(
    gisa: Gisa, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("service.server.serve", served.append)
    done = gisa("serve", "--index", "x", "--port", "8123", "--workers", "2")
    assert done.status == 0
    assert "http://127.0.0.1:8123" in done.err
    assert (served[0].index, served[0].port, served[0].workers) == (Path("x"), 8123, 2)


# -- as a process -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "absent"),
    [
        (["--help"], {"numpy", "pydantic", "rich.progress"}),
        (["index", "info", "--index", "INDEX"], {"torch", "kiwipiepy", "openvino", "fastapi"}),
        (["settings"], {"torch", "faiss", "kiwipiepy", "fastapi", "uvicorn"}),
    ],
)
def test_commands_that_look_load_nothing_heavy(
    index_path: Path, args: list[str], absent: set[str]
) -> None:
    code = "try: cli.main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = python(code, *[index_path if arg == "INDEX" else arg for arg in args])
    assert done.returncode == 0, done.stderr
    assert absent & set(done.stderr.split()) == set()
    assert "\x1b" not in done.stdout  # no colours where there is no terminal


@pytest.mark.parametrize("args", [["settings"], ["index", "info", "--json"]])
def test_a_reader_that_goes_away_is_no_error(args: list[str], index_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = python("cli.main()", *args, "--index", index_path, stdout=writer)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A port of this machine that is in use until the socket is closed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


def test_a_port_in_use_is_a_plain_failure(tmp_path: Path, port: socket.socket) -> None:
    number = port.getsockname()[1]
    done = python("cli.main()", "serve", "--index", tmp_path, "--port", str(number))
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert f"could not start on 127.0.0.1:{number}" in done.stderr.splitlines()[-2]
    assert "Traceback" not in done.stderr


def _first_status(url: str) -> int:
    """The status of a reply from a server that may still be starting."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url) as reply:  # noqa: S310  # our own address
                return int(reply.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")


def test_the_service_starts_without_an_index_and_stops_when_told(
    tmp_path: Path, port: socket.socket
) -> None:
    number = port.getsockname()[1]
    port.close()
    command = [sys.executable, "-m", "service.cli", "serve", "--port", str(number)]
    with subprocess.Popen(
        [*command, "--index", str(tmp_path)],
        env=ENVIRONMENT,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert _first_status(f"http://127.0.0.1:{number}/readyz") == 503
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=60)
    assert server.returncode == 0
    first, *log = told.splitlines()
    assert first == f"Serving on http://127.0.0.1:{number} (Ctrl-C stops)."
    assert "/readyz" in [json.loads(line).get("path") for line in log]


def test_ctrl_c_leaves_no_traceback() -> None:
    code = (
        "import os, signal, time, service.settings\n"
        "def interrupt(settings):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(30)  # another thread may take the signal: then it comes a moment later\n"
        "service.settings.describe_settings = interrupt\n"
        "cli.main()"
    )
    done = python(code, "settings")
    assert (done.returncode, done.stderr) == (130, "")


def test_control_characters_are_dropped_and_breaks_kept() -> None:
    assert terminal.harmless("가\x1b[2J\x07나\u009b\n\t다\r") == "가[2J나\n\t다"


@pytest.mark.parametrize(
    ("share", "left"),
    [(None, ""), (0.25, ", 3 min left"), (0.8, ", 15 s left"), (0.005, ", 3 h 19 min left")],
)
def test_progress_says_rate_and_time_left(share: float | None, left: str) -> None:
    summary = BuildSummary(read=300, share=share)
    said = terminal.progress_text(summary, seconds=60.0)
    assert said == f"300 articles read, 5.0/s{left}"

"""The tables of words, tested as data, and what reads them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import unicodedata
from fnmatch import fnmatch
from itertools import combinations
from pathlib import Path

import pytest

import index
from index import Lexicon, LexiconInvalid
from index.boilerplate import RULES
from index.lexicon import Expression, Table
from service.korean import wording
from service.korean.lexicon import LEXICON

ROOT = Path(__file__).resolve().parent.parent
TABLES = [*index.LEXICON.tables(), *LEXICON.tables()]
SOURCES = [p for package in ("index", "service") for p in sorted((ROOT / package).rglob("*.py"))]
USED = {
    name
    for path in SOURCES
    for group in re.findall(
        r"[{\"]((?:[a-z_]+\.[a-z_]+\|?)+)[}\"]",
        re.sub(r'\|"\s*r?f?"', "|", path.read_text("utf-8")),
    )
    for name in group.split("|")
}

every_table = pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])


# ---- the tables


@every_table
def test_a_table_says_what_it_is_for(table: Table) -> None:
    assert table.purpose == table.purpose.strip()
    assert "\n" not in table.purpose
    assert table.purpose.endswith(".")


@every_table
def test_no_entry_stands_twice(table: Table) -> None:
    assert table.entries
    assert len(set(table.entries)) == len(table.entries)
    if table.kind in ("sets", "pairs"):
        for words in table.sets:
            assert len(set(words)) == len(words), words


@every_table
def test_entries_are_composed_and_without_stray_blanks(table: Table) -> None:
    for entry in table.entries:
        assert unicodedata.is_normalized("NFC", entry)
        assert entry == " ".join(entry.split()) or table.kind == "patterns"
        assert entry.strip()
        assert " " not in entry or table.kind != "words"


@every_table
def test_entries_are_sorted_where_their_order_says_nothing(table: Table) -> None:
    assert table.ordered or list(table.entries) == sorted(table.entries)


@every_table
def test_classes_that_exclude_each_other_share_no_word(table: Table) -> None:
    for other in table.excludes:
        assert not table.words & LEXICON[other].words


@every_table
def test_patterns_compile_and_match_something(table: Table) -> None:
    for pattern in table.entries if table.kind == "patterns" else ():
        assert not re.compile(pattern).fullmatch("")
        assert not re.compile(pattern).groups


@every_table
def test_every_table_is_used(table: Table) -> None:
    assert table.name in USED


def test_every_table_that_is_named_is_there() -> None:
    files = {*index.LEXICON.files, *LEXICON.files}
    for name in USED:
        if name.partition(".")[0] in files:
            assert LEXICON[name].name == name


def test_files_of_the_two_packages_have_names_of_their_own() -> None:
    assert not set(index.LEXICON.files) & set(LEXICON.files)


@pytest.mark.parametrize("package", ["index", "service"])
def test_data_files_are_part_of_the_package(package: str) -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    globs = patterns["tool"]["setuptools"]["package-data"][package]
    for path in (ROOT / package).rglob("*.toml"):
        inside = path.relative_to(ROOT / package).as_posix()
        assert any(fnmatch(inside, glob) for glob in globs), inside


# ---- words that say the same, and opposites

SETS = LEXICON["wording.synonym_sets"].sets
PAIRS = LEXICON["facts.directions"].pairs
# Words that differ in these alone are opposites, in whatever table they stand.
OPPOSITE_SYLLABLES = [
    "입퇴", "입탈", "입출", "출퇴", "등하", "승하", "승패", "당낙", "유무", "찬반", "증감", "흑적", "개폐",
    "참불", "임대 임차", "매수 매도", "매입 매각", "상향 하향",
]  # fmt: skip
NEGATIONS = "불 비 무 미 부".split()


def test_no_synonym_set_is_part_of_another() -> None:
    sets = [frozenset(words) for words in SETS]
    assert not [sorted(one) for one in sets for other in sets if one < other]
    assert len(set(sets)) == len(sets)


def test_a_word_stands_on_one_side_of_one_pair() -> None:
    words = [word for sides in PAIRS for side in sides for word in side]
    assert not {word for word in words if words.count(word) > 1}
    assert all(2 <= len(sides) <= 3 and all(sides) for sides in PAIRS)


def test_no_set_holds_what_its_syllables_make_opposites() -> None:
    pairs = [pair.split() if " " in pair else list(pair) for pair in OPPOSITE_SYLLABLES]
    for words in SETS:
        for one, other in combinations(words, 2):
            for a, b in [*pairs, *(pair[::-1] for pair in pairs)]:
                assert other != one.replace(a, b) or one == other, (one, other)
            assert all(other != n + one and one != n + other for n in NEGATIONS), (one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("참석", "불참"), ("임대", "임차"), ("기소", "불기소"), ("입원", "퇴원"), ("입당", "탈당"), ("당선", "낙선")],
)  # fmt: skip
def test_the_opposites_that_were_synonyms_once(one: str, other: str) -> None:
    assert other not in wording.alike(one)
    assert one in wording.alike(one)


# ---- expressions


def test_every_expression_compiles() -> None:
    modules = [m for name, m in sys.modules.items() if name.startswith(("index.", "service."))]
    expressions = [x for m in modules for x in vars(m).values() if isinstance(x, Expression)]
    assert len(expressions) > 60
    assert all(expression.compiled.pattern for expression in expressions)
    assert all(list(rule.find("한 줄")) is not None for rule in RULES)


def test_the_longest_word_is_found_wherever_its_table_stands() -> None:
    found = index.LEXICON.expression("{units.counters|units.other_counters}").match("번째")
    assert found
    assert found[0] == "번째"


def test_a_blank_of_a_phrase_may_be_missing() -> None:
    phrase = index.LEXICON.expression("{boilerplate.release_labels}")
    assert phrase.fullmatch("보도 시점")
    assert phrase.fullmatch("보도시점")
    assert not phrase.fullmatch("보도  시점")


@pytest.mark.parametrize("module", ["index", "service", "service.cli"])
def test_importing_reads_no_table(module: str) -> None:
    code = f"import tomllib; tomllib.loads = None; import {module}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# ---- the loader


@pytest.fixture
def lexicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Lexicon:
    """The tables of a package of its own, with one file ``a.toml`` of the text given."""
    name = f"words_{abs(hash(request.node.name))}"
    (tmp_path / name / "data").mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "data" / "a.toml").write_text(request.param, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return Lexicon(name, base=index.LEXICON)


GOOD = """
[colours]
purpose = "Colours."
words = "검정 하양"
[ages]
purpose = "Ages."
values = "돌=1 환갑=60"
[feasts]
purpose = "Feasts."
[feasts.values]
"설 날" = [1, 1]
[same]
purpose = "Pairs."
pairs = ["크 넓 | 작 좁 | 같"]
"""


@pytest.mark.parametrize("lexicon", [GOOD], indirect=True)
def test_what_a_file_may_hold(lexicon: Lexicon) -> None:
    assert "검정" in lexicon["a.colours"]
    assert "검" not in lexicon["a.colours"]
    assert list(lexicon["a.colours"]) == ["검정", "하양"]
    assert lexicon["a.ages"].numbers == {"돌": 1, "환갑": 60}
    assert lexicon["a.feasts"].value("설날") == [1, 1]
    assert lexicon["a.same"].pairs == ((("크", "넓"), ("작", "좁"), ("같",)),)
    assert lexicon["names.titles"] is index.LEXICON["names.titles"]
    assert lexicon.expression(r"{a.colours|a.ages}\d").fullmatch("환갑2")


@pytest.mark.parametrize(
    ("lexicon", "fault"),
    [
        ("[colours", "is no TOML"),
        ("colours = 1", "is no table"),
        ('[colours]\nwords = "검정"', "has no purpose"),
        ('[colours]\npurpose = "P."', "one kind is needed"),
        ('[colours]\npurpose = "P."\nwords = "검정"\nsets = []', "one kind is needed"),
        ('[colours]\npurpose = "P."\nwords = "검정"\ncolor = 1', "'color' is unknown"),
        ('[colours]\npurpose = "P."\nwords = ["검정"]', "something else than texts"),
        ('[colours]\npurpose = "P."\nsets = [1]', "something else than texts"),
        ('[other]\npurpose = "P."\nwords = "검정"', "there is no table a.colours"),
    ],
    indirect=["lexicon"],
)
def test_a_broken_file_is_named_with_its_fault(lexicon: Lexicon, fault: str) -> None:
    with pytest.raises(LexiconInvalid, match=re.escape(fault)):
        lexicon["a.colours"]


@pytest.mark.parametrize("lexicon", [GOOD], indirect=True)
def test_a_missing_file_and_a_value_of_another_type_are_named(lexicon: Lexicon) -> None:
    with pytest.raises(LexiconInvalid, match=r"quux\.toml can't be read"):
        lexicon["quux.words"]
    with pytest.raises(LexiconInvalid, match="'돌' has no value of type str"):
        _ = lexicon["a.ages"].texts

"""What many tests share: the project on the path, and one embedding model for all."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # runs without an installation

if TYPE_CHECKING:
    from hash_embedder import HashEmbedder
    from playwright.sync_api import Browser, Page
    from postgres_server import PostgresServer

    from index.embedding import SentenceTransformerEmbedder
    from service.answer import Answerer
    from service.serving.feedback import FeedbackStore
    from service.storage import Place, PostgresUrl


@pytest.fixture(scope="session")
def bundled_model() -> Path:
    """Folder of the bundled model, in the user's cache, so that only the first run unpacks it."""
    from index.bundled_model import bundled_model

    return bundled_model()


@pytest.fixture(scope="session")
def embedder() -> SentenceTransformerEmbedder:
    """The bundled model, run by OpenVINO; the first run converts it."""
    from index.embedding import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(runtime="openvino")


@pytest.fixture
def hash_embedder() -> HashEmbedder:
    """A quick embedder for whatever does not need meaning."""
    from hash_embedder import HashEmbedder

    return HashEmbedder()


# Playwright's own loop runs while a browser is open, so none stays open for other modules' tests.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser; tests that need one are skipped where there is none."""
    from page_browser import launched

    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FeedbackStore]]:
    """The address of a service with the page, and the ratings that it has."""
    from page_browser import serving_page

    with serving_page(tmp_path_factory.mktemp("page")) as served:
        yield served


@pytest.fixture
def page(browser: Browser, served: tuple[str, FeedbackStore]) -> Iterator[Page]:
    """The question page, open in a context of its own."""
    from page_browser import opened

    with opened(browser, served[0]) as page:
        yield page


@pytest.fixture(scope="module", params=["local", "memory"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine: whoever asks for it is tested over each."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small index, made once for a module."""
    import small_index

    path = tmp_path_factory.mktemp("index")
    small_index.build(path)
    return path


@pytest.fixture(scope="module")
def answerer(index_path: Path) -> Iterator[Answerer]:
    """Answers from the small index."""
    import small_index

    answerer = small_index.open_answerer(index_path)
    with answerer.index:
        yield answerer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL; where there is none, the test is skipped."""
    from postgres_server import PostgresServer, missing

    if reason := missing():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="gisa-postgres-"))  # pytest's own are closed to others
    try:
        server = PostgresServer(folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresUrl:
    """The address of a PostgreSQL database in which no store has written."""
    from sqlalchemy import MetaData, text

    from service.serving.database import Database

    place = postgres_server.place
    with closing(Database(place, MetaData())) as database, database.transaction() as db:
        for store in ("feedback", "slack", "limits"):
            db.execute(text(f"DROP SCHEMA IF EXISTS gisa_{store} CASCADE"))
    return place


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place for a store: whoever asks for it is tested over each database."""
    if request.param == "sqlite":
        return tmp_path / "deep" / "store.sqlite"
    url: PostgresUrl = request.getfixturevalue("postgres")
    return url

"""The archive as tools of the Model Context Protocol, at ``/mcp`` (streamable HTTP) or over stdio.

Needs the extra 'mcp'; without it the HTTP service has no ``/mcp``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from index import GisaError, Hit
from service import wiring
from service.errors import SettingsInvalid
from service.schema import Answer, Mode, Question, QuestionFilters
from service.serving.feedback import FeedbackStore
from service.serving.gateway import Gateway
from service.serving.limits import Capacity
from service.serving.metrics import Metrics
from service.serving.problems import log_problem, problem_of
from service.serving.readiness import Readiness
from service.serving.shutdown import Shutdown
from service.settings import Settings
from service.validation import describe_errors
from service.wording import REWORDED, marked

if TYPE_CHECKING:
    from mcp.server import MCPServer
    from starlette.applications import Starlette

INSTRUCTIONS = (
    "An archive of Korean news articles. Use `ask` for a question in Korean: it answers with sentences "
    "that were verified against the articles they cite, or says that the articles hold no answer; "
    "repeat its [n] markers and name its sources. The `support` of a sentence is `quoted` (the article's own words), "
    "`supported` (nearly its words, or a judge found that it says the same), or `reworded` (its facts agree, its "
    f"wording was not judged; the text marks it `({REWORDED})`): keep that mark. With status `related` its citations are leads, near "
    "articles that may not answer: offer them as places to look, never as the answer. Use `search_articles` to look for passages "
    "yourself, and `get_article` to read an article whole."
)

LEADS_ARE_NO_ANSWER = (
    "No sure answer was found. The citations are leads, articles near the question: offer them as places "
    "to look, and don't present what they say as the answer."
)

REWORDED_IS_NOT_JUDGED = (
    "Sentences whose support is 'reworded' have the facts of the articles that they cite, but nobody judged whether "
    f"their wording says the same. Keep their mark ({REWORDED}), or give the quote of their citation instead."
)

DEFAULT_LIMIT = 10


def _given(value: Any) -> Any:
    """The value, None for an empty string: models fill in every field of a form."""
    return None if isinstance(value, str) and not value.strip() else value


def _names(value: Any) -> Any:
    """A list of names from a list, or from one name where a list is expected."""
    names = [value] if isinstance(value, str) else value
    return [n for n in names if _given(n) is not None] if isinstance(names, list) else names


def _limit(value: Any) -> Any:
    return DEFAULT_LIMIT if _given(value) is None else value


Day = Annotated[
    date | None,
    BeforeValidator(_given),
    Field(description="A day in Seoul, YYYY-MM-DD, inclusive."),
]
Names = Annotated[
    list[str] | None,
    BeforeValidator(_names),
    Field(description="Exact names; one of them is enough."),
]
Limit = Annotated[
    int, BeforeValidator(_limit), Field(ge=1, le=50, description="Most stories to return.")
]


class FoundPassage(BaseModel):
    """A passage and the article it comes from."""

    article_id: str
    source: str
    title: str
    press: str | None
    published_at: datetime | None
    url: str | None
    passage: str
    page: Annotated[
        int | None, Field(description="Of a printed document: where the passage begins, from 1.")
    ]
    excerpt: Annotated[
        bool, Field(description="The archive has only the beginning or a summary of the article.")
    ]
    score: float
    also_reported_by: list[str]


class FoundPassages(BaseModel):
    """The passages found, best first; the list is empty if nothing fits."""

    passages: list[FoundPassage]


class ToolAnswer(Answer):
    """An answer, its sentences marked in the text, and what the calling model must know before it uses them."""

    caution: str | None = Field(
        None,
        description="Set where the citations are leads instead of sources (status 'related'), or where a sentence "
        "is 'reworded'.",
    )

    @classmethod
    def of(cls, answer: Answer) -> ToolAnswer:
        """The answer with its marks, and a caution if it needs one."""
        told = cls.model_validate(answer, from_attributes=True)
        return told.model_copy(update={"text": marked(answer), "caution": _caution(answer)})


def _caution(answer: Answer) -> str | None:
    if answer.status == "related":
        return LEADS_ARE_NO_ANSWER
    is_reworded = any(sentence.support == "reworded" for sentence in answer.sentences)
    return REWORDED_IS_NOT_JUDGED if is_reworded else None


class ArticleText(BaseModel):
    """An article as the archive has it. ``corrected_by`` has the ids of articles that correct it."""

    id: str
    source: str
    title: str
    subtitles: list[str]
    press: str | None
    reporters: list[str]
    section: str | None
    published_at: datetime | None
    url: str | None
    corrected_by: list[str]
    excerpt: Annotated[
        bool, Field(description="The body is only the beginning or a summary of the article.")
    ]
    body: str


def build(gateway: Gateway) -> MCPServer:
    """The server with its tools. Raises ImportError without the extra."""
    from mcp.server import MCPServer
    from mcp_types import ToolAnnotations

    with _root_logger_left_alone():
        server: MCPServer = MCPServer("gisa", title="기사 검색", instructions=INSTRUCTIONS)
    reads = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

    @server.tool(title="기사 찾기", annotations=reads)
    async def search_articles(
        query: Annotated[str, Field(description="What to look for, in Korean.")],
        published_from: Day = None,
        published_to: Day = None,
        press: Names = None,
        section: Names = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> FoundPassages:
        """Find the passages of news articles that fit best, one per story."""
        with _told():
            filters = QuestionFilters.chosen(published_from, published_to, press, section)
            asked = Question(question=query, filters=filters)
            hits = await gateway.search(asked.question, filters.to_filters(), {}, k=limit)
            return FoundPassages(passages=[_passage(hit) for hit in hits])

    @server.tool(title="기사에 묻기", annotations=reads)
    async def ask(
        question: Annotated[str, Field(description="A question in Korean, in one sentence.")],
        published_from: Day = None,
        published_to: Day = None,
        press: Names = None,
        section: Names = None,
        mode: Annotated[
            Mode | None,
            Field(
                description="'timeline' for the course of events of what the question is about, dated and oldest "
                "first; 'answer' for an answer. Left out, the question's words decide."
            ),
        ] = None,
    ) -> ToolAnswer:
        """Answer a question from the articles, each sentence verified, graded and cited; or say that they
        hold no answer (status other than 'answered'). With status 'related' there are no sentences,
        and the citations are leads: near articles to look at, not an answer. In mode 'timeline' each sentence
        tells one dated event."""
        with _told():
            filters = QuestionFilters.chosen(published_from, published_to, press, section)
            asked = Question(question=question, filters=filters, mode=mode)
            return ToolAnswer.of(await gateway.answer(asked, {}))

    @server.tool(title="기사 읽기", annotations=reads)
    async def get_article(
        article_id: Annotated[
            str,
            Field(
                description="Id of a citation or a found passage; SOURCE/ID where sources share it."
            ),
        ],
    ) -> ArticleText:
        """Read an article whole, as it stands in the index."""
        from mcp.server.mcpserver.exceptions import ToolError

        with _told():
            article = await gateway.article(article_id)
        if article is None:
            raise ToolError(f"찾으시는 기사가 없습니다: {article_id}")
        return ArticleText.model_validate(article, from_attributes=True)

    return server


def serve_http(server: MCPServer, settings: Settings) -> Starlette:
    """The tools as an ASGI application at ``/mcp``, which needs ``server.session_manager`` to run."""
    from mcp.server.transport_security import TransportSecuritySettings

    local = settings.is_loopback and settings.auth == "none"
    names = ("127.0.0.1", "localhost", "[::1]")
    # Without keys, a foreign page must not reach the tools through a host name of its own (DNS rebinding).
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=local,
        allowed_hosts=[f"{name}:*" for name in names],
        allowed_origins=[f"http://{name}:*" for name in names],
    )
    # Without sessions, any worker can answer any request.
    return server.streamable_http_app(
        json_response=True, stateless_http=True, transport_security=security
    )


def serve_stdio(settings: Settings) -> None:
    """Serve the tools over stdin and stdout until the input ends.

    Raises SettingsInvalid without the extra, IndexUnusable and its kinds, ModelUnavailable.
    """
    answerer = wiring.open_answerer(settings)
    feedback = FeedbackStore(settings.feedback, keep_hours=0)
    with answerer.index, closing(feedback):
        gateway = Gateway(
            Readiness(lambda: answerer),
            capacity=Capacity(settings.max_concurrent),
            shutdown=Shutdown(),
            metrics=Metrics(),
            feedback=feedback,
        )
        try:
            server = build(gateway)
        except ImportError as error:
            raise SettingsInvalid(
                f"the package {error.name!r} is not installed",
                remedy="Install the extra: pip install 'gisa[mcp]'",
            ) from error
        server.run("stdio")


@contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    """Give the root logger a handler for the time being, or the SDK adds its own; that is up to the program."""
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


@contextmanager
def _told() -> Iterator[None]:
    """Turn an error into a message for the calling model, which says no more than a reader would see."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        yield
    except ValidationError as error:
        told = " ".join(problem.message for problem in describe_errors(error.errors()))
        raise ToolError(told) from None
    except GisaError as error:
        log_problem(error)
        raise ToolError(problem_of(error).detail) from None


def _passage(hit: Hit) -> FoundPassage:
    article = hit.article
    return FoundPassage(
        article_id=article.id,
        source=article.source,
        title=article.title,
        press=article.press,
        published_at=article.published_at,
        url=article.url,
        passage=hit.passage.text,
        page=article.page_of(hit.passage.start),
        excerpt=article.excerpt,
        score=hit.score,
        also_reported_by=list(hit.also_reported_by),
    )

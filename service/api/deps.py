"""What routes depend on, named once by type."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from service.serving.gateway import Facts, Gateway


# These are async although they wait for nothing: FastAPI would run them in a thread otherwise.
async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayDep = Annotated[Gateway, Depends(_gateway)]


async def facts_of(request: Request) -> Facts:
    """The dict in which a route puts what the request's log line should say."""
    facts: Facts = request.state.facts
    return facts


FactsDep = Annotated[Facts, Depends(facts_of)]


async def require_json(request: Request) -> None:
    """Refuse bodies that are not JSON, such as a foreign page could send without a CORS preflight."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415)

"""Access to the API: keys, and how often each caller may ask."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from index import GisaError
from service.api.problems import is_guarded, kind_of, problem_response
from service.errors import KeyUnknown, NotAllowed
from service.serving.keys import Caller, Keys
from service.serving.limits import SharedRateLimiter


class Access:
    """Admits requests with a known key, as often as the caller may ask.

    Without keys everyone may ask, callers are told apart by address, and nobody may change the index.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys | None, limiter: SharedRateLimiter) -> None:
        self._app, self._keys, self._limiter = app, keys, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_guarded(scope["path"]):
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        try:
            caller = state["caller"] = self._caller(scope)
            if self._keys:
                state["facts"]["caller"] = caller.name
            await self._limiter.admit(caller.name)
        except GisaError as error:
            state["facts"]["problem"] = kind_of(error).code
            await problem_response(error, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        if self._keys is None:
            return Caller(_address(scope), "ask")
        scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        caller = self._keys.caller(key.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise KeyUnknown("no key, or an unknown one")
        return caller


def _address(scope: Scope) -> str:
    """The caller's address; for IPv6 the network (/64), which belongs to one household or server."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    return str(address if address.version == 4 else ip_network((int(address) >> 64 << 64, 64)))


async def require_admin(request: Request) -> None:
    """Raises NotAllowed unless the caller's key is an admin's."""
    caller: Caller = request.state.caller
    if caller.role != "admin":
        raise NotAllowed(f"{caller.name} has the role {caller.role}")

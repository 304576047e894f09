"""A model server on 127.0.0.1 that behaves as it is told, in the wire format of either API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Trouble = Literal["stall", "break_off", "cut_connection", "malformed", "not_json", "error_event"]


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    It sends ``pieces`` and the proper end, whose reason is ``stop``; or, with ``trouble``, the pieces and
    then that. Another ``status`` than 200 comes with an error body that repeats the key.
    """

    pieces: tuple[str, ...] = ()
    stop: Literal["end", "length", "refusal"] = "end"
    trouble: Trouble | None = None
    status: int = 200
    code: str = "server_error"
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class FakeServer:
    """Replies in the order in which they were queued; to more requests with the last of them.

    With a ``script``, that says what to reply to a request.
    """

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.script: Callable[[Request], Reply] | None = None
        self.requests: list[Request] = []
        self.hung_up = threading.Event()
        """Set when a client went away while the server was stalling."""
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def next_reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self.script:
                return self.script(request)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def stall(self, connection: Any) -> None:
        """Say nothing until the client goes away or the server closes."""
        connection.settimeout(0.01)
        while not self._closing.is_set():
            try:
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.hung_up.set()

    @contextmanager
    def running(self) -> Iterator[FakeServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._closing.set()
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.next_reply(Request(self.path, headers, body))
            wire = _Anthropic() if self.path.endswith("/messages") else _OpenAI()
            self.close_connection = True
            with suppress(BrokenPipeError, ConnectionResetError):
                if reply.status == 200:
                    self._stream(reply, wire)
                else:
                    self._refuse(reply, wire, headers)

        def _refuse(self, reply: Reply, wire: _Wire, headers: dict[str, str]) -> None:
            key = headers.get("authorization", "") + headers.get("x-api-key", "")
            data = json.dumps(wire.error(reply, f"no: {key}")).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")  # else the client may ask on a closed one
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, reply: Reply, wire: _Wire) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            self._send(wire.start())
            for piece in reply.pieces:
                # in two halves: a Korean syllable may be cut in the middle of its bytes
                frame = wire.text(piece)
                middle = next((n for n, byte in enumerate(frame) if byte > 0x7F), 0) + 1
                self._send(frame[:middle])
                self._send(frame[middle:])
            match reply.trouble:
                case None:
                    self._send(wire.end(reply.stop))
                case "stall":
                    server.stall(self.connection)
                    return
                case "cut_connection":  # without the last chunk: the transfer is visibly broken
                    return
                case "break_off":  # a clean end of the transfer, but not of the message
                    pass
                case "malformed":
                    self._send(
                        wire.frame({"type": "content_block_delta", "choices": "?", "delta": 7})
                    )
                    self._send(wire.end("end"))
                case "not_json":
                    self._send(b'event: content_block_delta\ndata: {"choices": [{"del\n\n')
                case "error_event":
                    self._send(wire.frame({"type": "error", **wire.error(reply, "overloaded")}))
            self._send(b"")

        def _send(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()

    return Handler


class _Wire:
    def frame(self, data: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def start(self) -> bytes:
        raise NotImplementedError

    def text(self, text: str) -> bytes:
        raise NotImplementedError

    def end(self, stop: str) -> bytes:
        raise NotImplementedError

    def error(self, reply: Reply, message: str) -> dict[str, Any]:
        raise NotImplementedError


class _OpenAI(_Wire):
    """https://platform.openai.com/docs/api-reference/chat-streaming"""

    def frame(self, data: dict[str, Any]) -> bytes:
        return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        return self.frame({**head, "choices": [choice]})

    def start(self) -> bytes:
        # A chunk without choices, as Azure's filter sends one, and the role.
        return self.frame({"id": "c", "choices": []}) + self._chunk({"role": "assistant"})

    def text(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def end(self, stop: str) -> bytes:
        reason = {"end": "stop", "length": "length", "refusal": "content_filter"}[stop]
        return self._chunk({}, reason) + b"data: [DONE]\n\n"

    def error(self, reply: Reply, message: str) -> dict[str, Any]:
        fields = {"message": message, "type": "error", "param": reply.param, "code": reply.code}
        return {"error": fields}


class _Anthropic(_Wire):
    """https://docs.anthropic.com/en/docs/build-with-claude/streaming"""

    def frame(self, data: dict[str, Any]) -> bytes:
        return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

    def start(self) -> bytes:
        message = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        block = {"type": "text", "text": ""}
        return (
            self.frame({"type": "message_start", "message": message})
            + self.frame({"type": "ping"})
            + self.frame({"type": "content_block_start", "index": 0, "content_block": block})
        )

    def text(self, text: str) -> bytes:
        delta = {"type": "text_delta", "text": text}
        return self.frame({"type": "content_block_delta", "index": 0, "delta": delta})

    def end(self, stop: str) -> bytes:
        reason = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}[stop]
        delta = {"stop_reason": reason, "stop_sequence": None}
        usage = {"output_tokens": 9}
        return (
            self.frame({"type": "content_block_stop", "index": 0})
            + self.frame({"type": "message_delta", "delta": delta, "usage": usage})
            + self.frame({"type": "message_stop"})
        )

    def error(self, reply: Reply, message: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": reply.code, "message": message}}

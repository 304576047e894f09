"""The engine on a Milvus server: the contract, and what is its own, against milvus-lite over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from contracts.engine_contract import EngineContract
from milvus_server import MilvusServer

from index.engines.milvus import MilvusEngine, MilvusPlace

pytest.importorskip("pymilvus")

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    yield server
    server.stop()


@pytest.fixture
def place(server: MilvusServer) -> MilvusPlace:
    return MilvusPlace(server.uri, f"t{next(_numbers)}", index_type="FLAT")


class TestMilvusEngine(EngineContract):
    @pytest.fixture
    def open_engine(self, place: MilvusPlace) -> Iterator[Callable[[], MilvusEngine]]:
        opened: list[MilvusEngine] = []

        def open_engine() -> MilvusEngine:
            opened.append(MilvusEngine.create(place))
            return opened[-1]

        yield open_engine
        for engine in opened:
            engine.close()

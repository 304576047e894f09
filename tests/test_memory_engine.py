"""The reference engine meets the contract, so that tests of what lies above may run over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.engine_contract import EngineContract
from memory_engine import MemoryEngine, Store


class TestMemoryEngine(EngineContract):
    @pytest.fixture
    def open_engine(self) -> Callable[[], MemoryEngine]:
        store = Store()
        return lambda: MemoryEngine(store)

"""``python replica.py PORT``: one replica of the service over the small index that GISA_INDEX names, found by PYTHONPATH.

It answers as ``live_server.MoodyBackend`` does.
"""

from __future__ import annotations

import sys

import small_index
import uvicorn
from live_server import MoodyBackend

from service import create_app
from service.answer import Answerer
from service.settings import load_settings


def main(port: int) -> None:
    settings = load_settings()
    with small_index.open_small(settings.index) as index:
        answerer = Answerer(index, {"moody": MoodyBackend()}, default_backend="moody")
        app = create_app(settings, answerer=answerer)
        uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]))

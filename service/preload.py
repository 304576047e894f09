"""Imported by the process from which the workers of a service are forked: they share what it loads.

Kiwi takes 300 MB and two seconds, which is most of what workers have in common; the modules come with it.
Nothing here may start a thread that is needed later, since a forked process is without it.
"""

from __future__ import annotations

import gc
from contextlib import suppress

from index import GisaError, begin_loading, shared_analyser
from service.settings import load_settings

dictionary = load_settings().dictionary
begin_loading(dictionary, workers=0)

from service import application  # noqa: E402, F401 (takes as long; loaded here, it is loaded in every worker)

with suppress(GisaError):  # of a dictionary that can't be read each worker tells where its log goes
    shared_analyser(dictionary)
gc.freeze()  # what collecting garbage does not touch stays shared

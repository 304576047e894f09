"""Engines: what stores articles and finds passages, each behind the seam of ``index.protocols``."""

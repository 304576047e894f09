"""The commands of ``benchmark.py``, one module per family."""

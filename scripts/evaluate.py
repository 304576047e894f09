#!/usr/bin/env python3
"""Measure the service on questions with known answers; see ``evaluate.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # from a source folder too
    from service.cli.evaluation import main

    main()

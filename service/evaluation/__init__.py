"""Offline evaluation: questions with known answers in, a report with intervals out.

``read_squad`` and ``read_questions`` read data, ``serving`` opens the service over it, ``evaluate``
puts the questions and measures, ``compare`` and ``render`` show what came of it.
"""

from service.evaluation.corpus import serving
from service.evaluation.datasets import (
    Dataset,
    DatasetUnusable,
    GoldQuestion,
    describe,
    read_questions,
    read_squad,
)
from service.evaluation.page import render
from service.evaluation.report import (
    BelowFloor,
    Difference,
    Report,
    check_floors,
    compare,
    parse_floor,
    read_report,
)
from service.evaluation.run import evaluate

__all__ = [
    "BelowFloor",
    "Dataset",
    "DatasetUnusable",
    "Difference",
    "GoldQuestion",
    "Report",
    "check_floors",
    "compare",
    "describe",
    "evaluate",
    "parse_floor",
    "read_questions",
    "read_report",
    "read_squad",
    "render",
    "serving",
]

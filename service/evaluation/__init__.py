"""Offline evaluation: questions with known answers in, a report with intervals out.

``formats`` reads data, ``serving`` opens the service over it, ``evaluate`` asks the questions and
scores the answers, ``compare`` and ``render`` present the results.
"""

from service.evaluation.comparison import Comparison, Difference, compare
from service.evaluation.corpus import serving
from service.evaluation.datasets import Dataset, DatasetUnusable, GoldQuestion, describe
from service.evaluation.formats import read_autorag, read_beir, read_questions, read_squad
from service.evaluation.page import render
from service.evaluation.report import BelowFloor, Report, check_floors, parse_floor, read_report
from service.evaluation.run import evaluate

__all__ = [
    "BelowFloor",
    "Comparison",
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
    "read_autorag",
    "read_beir",
    "read_questions",
    "read_report",
    "read_squad",
    "render",
    "serving",
]

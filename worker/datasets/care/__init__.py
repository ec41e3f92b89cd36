"""What a careful person would want to know about a dataset before anything learns from it."""

from worker.datasets.care.report import analyse

__all__ = ["analyse"]

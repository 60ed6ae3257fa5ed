"""Reports: studies as one page that people can hand in."""

from kmlp.report.pages import FORMATS, write_report
from kmlp.report.sections import Figure, Section, Table

__all__ = ["FORMATS", "Figure", "Section", "Table", "write_report"]

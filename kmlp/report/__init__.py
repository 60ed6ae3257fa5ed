"""Reports: one page about one or several studies, to hand in."""

from kmlp.report._sections import Figure, Section
from kmlp.report._studies import section_of
from kmlp.report.pages import FORMATS, write_report

__all__ = ["FORMATS", "Figure", "Section", "section_of", "write_report"]

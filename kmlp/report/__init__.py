"""Reports: one page about one or several studies, to hand in."""

from kmlp.report.pages import FORMATS, write_report
from kmlp.report.sections import Figure, Section
from kmlp.report.studies import section_of

__all__ = ["FORMATS", "Figure", "Section", "section_of", "write_report"]

"""What a person reads: results, and tables, as self-contained pages."""

from lamina.report.inspection import inspection
from lamina.report.page import page

__all__ = ["inspection", "page"]

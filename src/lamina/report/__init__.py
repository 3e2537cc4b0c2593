"""What a person reads: results as one self-contained page."""

from lamina.report.page import page

__all__ = ["page"]

"""Predicting from a bundle: numpy and onnxruntime alone, without PyTorch and polars."""

from lamina.runtime.bundle import Bundle, load

__all__ = ["Bundle", "load"]

"""Runs as files for others: a bundle for the runtime, ONNX, safetensors, a program of PyTorch's. One format a file."""

from lamina.names import Names

__all__ = ["FORMATS"]

FORMATS = Names(
    "format",
    {
        "bundle": "lamina.exporting.bundle:write_bundle",
        "onnx": "lamina.exporting.formats:write_onnx",
        "safetensors": "lamina.exporting.formats:write_safetensors",
        "torch": "lamina.exporting.formats:write_torch",
    },
)

"""Nets for other programs: `to_onnx` writes a file that onnxruntime and many others run. Extra ``onnx``."""

from tinygrad_edu.export.onnx_file import to_onnx
from tinygrad_edu.export.passes import ExportError

__all__ = ["ExportError", "to_onnx"]

"""Networks as ONNX files, for the libraries that only infer: pip install "convlet[onnx]"."""

from convlet.onnx.export import export

__all__ = ["export"]

"""How far Winograd's sums and the direct ones are from exact ones: the table of docs/winograd.md.

    python benchmarks/winograd_error.py --isa v3

Errors are relative to the root mean square of the exact result, which NumPy computes in float64 from
the same float32 numbers.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet import _core, ops

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGES = 8


@dataclass(frozen=True)
class Kernel:
    """A square kernel over an image padded so that every output has its middle tap inside."""

    size: int
    stride: int = 1
    dilation: int = 1

    def __str__(self) -> str:
        """As the table has it."""
        told = f"{self.size}x{self.size}"
        told += f" stride {self.stride}" if self.stride > 1 else ""
        return told + (f" dilation {self.dilation}" if self.dilation > 1 else "")

    @property
    def geometry(self) -> dict[str, Any]:
        """Arguments of the operators."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def padding(self) -> int:
        """Pixels on each side."""
        return self.size // 2 * self.dilation

    def taps(self, x: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """(r, s, the pixels (N, H, W, C) of x in float64 that tap reads): a view of a padded copy."""
        p, reach = self.padding, (self.size - 1) * self.dilation
        padded = np.pad(
            x.transpose(0, 2, 3, 1).astype(np.float64), ((0, 0), (p, p), (p, p), (0, 0))
        )
        height, width = padded.shape[1] - reach, padded.shape[2] - reach
        for r in range(self.size):
            for s in range(self.size):
                top, left = r * self.dilation, s * self.dilation
                rows = slice(top, top + height, self.stride)
                yield r, s, padded[:, rows, left : left + width : self.stride]


# Kernels with the channels on both sides, height and width of their tables.
ONE_PIECE = list(product([Kernel(3)], (16, 64, 256), (14, 56)))
PIECES = [
    *product([Kernel(5), Kernel(3, stride=2)], (64, 256), (56,)),
    *product([Kernel(7), Kernel(3, dilation=2)], (64,), (56,)),
]


def exact_passes(
    kernel: Kernel, x: np.ndarray, weight: np.ndarray, dy: np.ndarray
) -> dict[str, np.ndarray]:
    """A convolution and its gradients in float64: a matrix product for each tap."""
    w64, rows = weight.astype(np.float64), dy.transpose(0, 2, 3, 1).astype(np.float64)
    y, dw = np.zeros_like(rows), np.zeros_like(w64)
    dx = np.zeros((*x.shape[:1], *x.shape[2:], x.shape[1]))
    places = kernel.taps(np.arange(x[0, 0].size, dtype=np.float64).reshape(1, 1, *x.shape[2:]) + 1)
    for (r, s, pixels), (_, _, place) in zip(kernel.taps(x), places, strict=True):
        flat = pixels.reshape(-1, x.shape[1])
        y += (flat @ w64[:, :, r, s].T).reshape(y.shape)
        dw[:, :, r, s] = rows.reshape(len(flat), -1).T @ flat
        number = place[0, :, :, 0].astype(int).ravel()
        inside = number > 0
        back = (rows @ w64[:, :, r, s]).reshape(len(x), number.size, -1)
        dx.reshape(len(x), -1, x.shape[1])[:, number[inside] - 1] += back[:, inside]
    return {
        "forward": y.transpose(0, 3, 1, 2),
        "gradient of input": dx.transpose(0, 3, 1, 2),
        "gradient of weight": dw,
    }


def errors(computed: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """Root mean square and maximum, relative to the exact result's root mean square."""
    scale = np.sqrt(np.mean(exact**2))
    difference = (computed - exact) / scale
    return float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())


def measure(kernel: Kernel, channels: int, size: int) -> dict[str, dict[str, tuple[float, float]]]:
    """{pass: {"direct" or "Winograd": (rms, maximum)}} for normally distributed numbers."""
    rng = np.random.default_rng(channels * size)
    x = rng.standard_normal((IMAGES, channels, size, size), np.float32)
    weight = rng.standard_normal((channels, channels, kernel.size, kernel.size), np.float32)
    dy = rng.standard_normal((IMAGES, channels, *[-(-size // kernel.stride)] * 2), np.float32)
    exact = exact_passes(kernel, x, weight, dy)
    found: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in exact}
    g = kernel.geometry
    for name, is_exact in (("direct", True), ("Winograd", False)):
        with cl.use_exact_conv(is_exact):
            computed = {
                "forward": ops.conv2d(x, weight, **g),
                "gradient of input": ops.conv2d_grad_input(dy, weight, x.shape, **g),
                "gradient of weight": ops.conv2d_grad_weight(dy, x, weight.shape, **g),
            }
        for what, array in computed.items():
            found[what][name] = errors(array, exact[what])
    return found


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", choices=_core.supported_isas(), default=_core.get_isa())
    cl.use_isa(parser.parse_args().isa)
    print(f"{cl.__version__}, {_core.get_isa()}, NumPy {np.__version__}")
    for cases in (ONE_PIECE, PIECES):
        print(
            "\n| channels, map | pass | direct RMS | Winograd RMS | ratio | direct max | Winograd max |"
        )
        print("|---|---|---|---|---|---|---|")
        for kernel, channels, size in cases:
            for what, by in measure(kernel, channels, size).items():
                (rms, most), (other_rms, other_most) = by["direct"], by["Winograd"]
                shape = f"{kernel}, {channels}" if cases is PIECES else channels
                print(
                    f"| {shape}, {size}x{size} | {what} | {rms:.1e} | {other_rms:.1e} "
                    f"| {other_rms / rms:.1f} | {most:.1e} | {other_most:.1e} |"
                )


if __name__ == "__main__":
    main()

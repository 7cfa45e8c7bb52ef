"""How far Winograd's sums and the direct ones are from exact ones: the table of docs/winograd.md.

    python benchmarks/winograd_error.py --isa v3

Errors are relative to the root mean square of the exact result, which NumPy computes in float64 from
the same float32 numbers.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

import convlet as cl
from convlet import _core, ops

CHANNELS, SIZES = (16, 64, 256), (14, 56)  # on both sides; height and width
IMAGES = 2


def exact_conv2d(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """3x3, padding 1, in float64: a matrix product for each tap."""
    n, c, height, width = x.shape
    padded = np.zeros((n, height + 2, width + 2, c))
    padded[:, 1:-1, 1:-1] = x.transpose(0, 2, 3, 1)
    y = np.zeros((n, height, width, weight.shape[0]))
    for r in range(3):
        for s in range(3):
            y += padded[:, r : r + height, s : s + width] @ weight[:, :, r, s].T.astype(np.float64)
    return y.transpose(0, 3, 1, 2)


def exact_grad_weight(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of the weight, likewise."""
    n, c, height, width = x.shape
    padded = np.zeros((n, height + 2, width + 2, c))
    padded[:, 1:-1, 1:-1] = x.transpose(0, 2, 3, 1)
    rows = dy.transpose(0, 2, 3, 1).reshape(-1, dy.shape[1]).astype(np.float64)
    dw = np.zeros((dy.shape[1], c, 3, 3))
    for r in range(3):
        for s in range(3):
            taps = padded[:, r : r + height, s : s + width].reshape(-1, c)
            dw[:, :, r, s] = rows.T @ taps
    return dw


def errors(computed: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """Root mean square and maximum, relative to the exact result's root mean square."""
    scale = np.sqrt(np.mean(exact**2))
    difference = (computed - exact) / scale
    return float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())


def measure(channels: int, size: int) -> dict[str, dict[str, tuple[float, float]]]:
    """{pass: {"direct" or "Winograd": (rms, maximum)}} for normally distributed numbers."""
    rng = np.random.default_rng(channels * size)
    x, dy = (rng.standard_normal((IMAGES, channels, size, size), np.float32) for _ in range(2))
    weight = rng.standard_normal((channels, channels, 3, 3), np.float32)
    turned = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
    exact = {
        "forward": exact_conv2d(x, weight),
        "gradient of input": exact_conv2d(dy, turned),
        "gradient of weight": exact_grad_weight(dy, x),
    }
    found: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in exact}
    for name, is_exact in (("direct", True), ("Winograd", False)):
        with cl.use_exact_conv(is_exact):
            computed = {
                "forward": ops.conv2d(x, weight, None, 1, 1),
                "gradient of input": ops.conv2d_grad_input(dy, weight, x.shape, 1, 1),
                "gradient of weight": ops.conv2d_grad_weight(dy, x, weight.shape, 1, 1),
            }
        for what, array in computed.items():
            found[what][name] = errors(array, exact[what])
    return found


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", choices=_core.supported_isas(), default=_core.get_isa())
    cl.use_isa(parser.parse_args().isa)
    print(f"{cl.__version__}, {_core.get_isa()}, NumPy {np.__version__}\n")
    print(
        "| channels, map | pass | direct RMS | Winograd RMS | ratio | direct max | Winograd max |"
    )
    print("|---|---|---|---|---|---|---|")
    for channels, size in product(CHANNELS, SIZES):
        for what, by in measure(channels, size).items():
            (rms, most), (other_rms, other_most) = by["direct"], by["Winograd"]
            print(
                f"| {channels}, {size}x{size} | {what} | {rms:.1e} | {other_rms:.1e} "
                f"| {other_rms / rms:.1f} | {most:.1e} | {other_most:.1e} |"
            )


if __name__ == "__main__":
    main()

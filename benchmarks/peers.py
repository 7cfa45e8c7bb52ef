"""Layers of real networks and whole networks: convlet beside other libraries, in one process.

    pip install ".[bench]" "torch==2.13.0" onnxruntime onnx
    python benchmarks/peers.py                               # everything, some twenty minutes
    python benchmarks/peers.py --only resnet depthwise --json peers.json --picture peers.png

Options are those of `convlet bench`, whose sides these are: NumPy, PyTorch in both of its memory
formats, ONNX Runtime, OpenVINO and JAX, as far as they are installed. Each pass is first compared
for correctness, then timed turn by turn; the figures are medians.
"""

from __future__ import annotations

import argparse
import sys

from peer_cases import CASES

from convlet.cli.bench import add_options, report
from convlet.cli.errors import CommandError


def main() -> int:
    parser = argparse.ArgumentParser(description="convlet beside others, layer by layer")
    add_options(parser, repeats=9)
    try:
        return report(parser.parse_args(), CASES)
    except CommandError as error:
        print(f"peers: {error}", file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main())

"""JAX's side: single operators, compiled, with the channels innermost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from convlet.bench.layers import FORWARD, OF_INPUT, OF_WEIGHT, normal
from convlet.bench.sides.base import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.bench.layers import Array, Conv2d, MaxPool2d
    from convlet.bench.sides.base import Calls


def sides(threads: int) -> list[Side]:
    """One; XLA takes all the threads it finds, so it stands aside where fewer are wanted."""
    import os

    return [Jax()] if threads >= len(os.sched_getaffinity(0)) else []


class Jax(Side):
    """Functions compiled by XLA for the CPU."""

    name = "JAX"
    version = str(jax.__version__)

    def conv2d(self, case: Conv2d) -> Calls:
        """The operator, and its transposes by weight and input."""
        x, dy = _pixels(normal(*case.x)), _pixels(normal(*case.y, seed=2))
        weight = jnp.asarray(normal(*case.weight, seed=1).transpose(2, 3, 1, 0))

        def forward(x: Any, weight: Any) -> Any:
            return lax.conv_general_dilated(
                x,
                weight,
                (case.stride, case.stride),
                [(case.padding, case.padding)] * 2,
                rhs_dilation=(case.dilation, case.dilation),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                feature_group_count=case.groups,
            )

        def of_input(dy: Any, weight: Any) -> Any:
            return jax.vjp(lambda x: forward(x, weight), x)[1](dy)[0]

        def of_weight(dy: Any, x: Any) -> Any:
            return jax.vjp(lambda weight: forward(x, weight), weight)[1](dy)[0]

        return {
            FORWARD: _compiled(forward, (0, 3, 1, 2), x, weight),
            OF_INPUT: _compiled(of_input, (0, 3, 1, 2), dy, weight),
            OF_WEIGHT: _compiled(of_weight, (3, 2, 0, 1), dy, x),
        }

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """The operator, and its gradient."""
        x, dy = _pixels(normal(*case.x)), _pixels(normal(*case.y, seed=2))
        border = (case.padding, case.padding)

        def forward(x: Any) -> Any:
            return lax.reduce_window(
                x,
                -jnp.inf,
                lax.max,
                (1, case.kernel, case.kernel, 1),
                (1, case.stride, case.stride, 1),
                ((0, 0), border, border, (0, 0)),
            )

        def of_input(dy: Any, x: Any) -> Any:
            return jax.vjp(forward, x)[1](dy)[0]

        return {
            FORWARD: _compiled(forward, (0, 3, 1, 2), x),
            OF_INPUT: _compiled(of_input, (0, 3, 1, 2), dy, x),
        }


def _pixels(array: Array) -> Any:
    return jnp.asarray(array.transpose(0, 2, 3, 1))


def _compiled(function: Any, back: tuple[int, ...], *given: Any) -> Callable[[], Any]:
    """Calls of a compiled function that wait for the result, a view in our order of axes."""
    import numpy as np

    run = jax.jit(function)
    return lambda: np.asarray(run(*given).block_until_ready()).transpose(back)

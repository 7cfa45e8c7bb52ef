"""The optimisers' kernels: every parameter in one call, in place, and nothing written in error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import reference_optim
from convlet import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Arrays = list[np.ndarray]

# Around the lanes of a vector, and tasks of several parameters and parts of one.
SHAPES = [(1,), (3, 5), (16,), (17,), (2, 3, 3, 3), (), (0,), (16384,), (5, 16385)]

SGD_RULES: list[dict[str, Any]] = [
    {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
    {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.1, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "nesterov": False},
    {"momentum": 0.8, "dampening": 0.0, "weight_decay": 0.1, "nesterov": True},
]
ADAM_RULES: list[dict[str, Any]] = [
    {"weight_decay": weight_decay, "decoupled": decoupled}
    for weight_decay in (0.0, 0.1)
    for decoupled in (False, True)
]


def arrays(seed: int, shapes: Sequence[tuple[int, ...]] = SHAPES) -> Arrays:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape), np.float32) for shape in shapes]


def zeros() -> Arrays:
    return [np.zeros(shape, np.float32) for shape in SHAPES]


def assert_close(got: Arrays, wanted: list[Any]) -> None:
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", SGD_RULES, ids=str)
def test_sgd_follows_its_formula(isa: str, rule: dict[str, Any]) -> None:
    params, velocities = arrays(0), zeros()
    exact = [(p.astype("f8"), v.astype("f8")) for p, v in zip(params, velocities, strict=True)]
    for step in range(5):
        grads = arrays(1 + step)
        _core.sgd_step(params, grads, velocities, lr=0.1, first=step == 0, **rule)
        exact = [
            reference_optim.sgd_step(p, g.astype("f8"), v, lr=0.1, first=step == 0, **rule)
            for (p, v), g in zip(exact, grads, strict=True)
        ]
    assert_close(params, [p for p, _ in exact])
    if rule["momentum"]:
        assert_close(velocities, [v for _, v in exact])


@pytest.mark.parametrize("rule", ADAM_RULES, ids=str)
def test_adam_follows_its_formula(isa: str, rule: dict[str, Any]) -> None:
    params, means, variances = arrays(0), zeros(), zeros()
    exact = [(p.astype("f8"), np.zeros(p.shape), np.zeros(p.shape)) for p in params]
    rates: dict[str, Any] = {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6}
    for step in range(1, 6):
        # Near 0 the quotient of the running means magnifies what float32 rounds away.
        grads = [np.asarray(g + np.sign(g)) for g in arrays(step)]
        _core.adam_step(params, grads, means, variances, step=step, **rates, **rule)
        exact = [
            reference_optim.adam_step(p, g.astype("f8"), m, v, step=step, **rates, **rule)
            for (p, m, v), g in zip(exact, grads, strict=True)
        ]
    assert_close(params, [p for p, _, _ in exact])
    assert_close(means, [m for _, m, _ in exact])
    assert_close(variances, [v for _, _, v in exact])


@pytest.mark.parametrize("scale", [1.0, -1.0])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_follows_its_formula(
    isa: str, centered: bool, momentum: float, scale: float
) -> None:
    params = arrays(0)
    squares, means, buffers = zeros(), zeros(), zeros()
    rule: dict[str, Any] = {"lr": 0.01, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}
    rule.update(momentum=momentum, centered=centered)
    exact = [(p.astype("f8"), *(np.zeros(p.shape) for _ in range(3))) for p in params]
    for step in range(5):
        grads = arrays(1 + step)
        _core.rmsprop_step(params, grads, squares, means, buffers, scale=scale, **rule)
        exact = [
            reference_optim.rmsprop_step(p, scale * g.astype("f8"), s, m, b, **rule)
            for (p, s, m, b), g in zip(exact, grads, strict=True)
        ]
    for got, place in ((params, 0), (squares, 1), (means, 2), (buffers, 3)):
        for a, b in zip(got, exact, strict=True):
            np.testing.assert_allclose(a, b[place], rtol=1e-3, atol=1e-4)
    assert any(mean.any() for mean in means) == centered
    assert any(buffer.any() for buffer in buffers) == (momentum > 0)


@pytest.mark.parametrize("scale", [1.0, -1.0])
@pytest.mark.parametrize("rule", SGD_RULES, ids=str)
def test_lars_is_sgd_with_a_ratio_for_each_parameter(
    isa: str, rule: dict[str, Any], scale: float
) -> None:
    params, velocities = arrays(0), zeros()
    exact = [(p.astype("f8"), v.astype("f8")) for p, v in zip(params, velocities, strict=True)]
    for step in range(5):
        grads, first = arrays(1 + step), step == 0
        grads[3][:] = 0  # a parameter whose gradient has no size
        _core.lars_step(
            params, grads, velocities, 0.1, first=first, scale=scale, trust=0.02, eps=1e-6, **rule
        )
        after = []
        for (p, v), g in zip(exact, grads, strict=True):
            decay = rule["weight_decay"]
            ratio = reference_optim.lars_ratio(p, g.astype("f8"), decay, 0.02, 1e-6)
            scaled = {**rule, "weight_decay": ratio * decay}
            gradient = scale * ratio * g.astype("f8")
            after.append(reference_optim.sgd_step(p, gradient, v, lr=0.1, first=first, **scaled))
        exact = after
    assert_close(params, [p for p, _ in exact])


@pytest.mark.parametrize("adapt", [True, False])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_lamb_follows_its_formula(isa: str, weight_decay: float, adapt: bool) -> None:
    params, means, variances = arrays(0), zeros(), zeros()
    params[3][:] = 0  # without a size, nothing is scaled
    rates: dict[str, Any] = {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6}
    rates.update(weight_decay=weight_decay, adapt=adapt)
    exact = [(p.astype("f8"), np.zeros(p.shape), np.zeros(p.shape)) for p in params]
    for step in range(1, 6):
        grads = [np.asarray(g + np.sign(g)) for g in arrays(step)]
        _core.lamb_step(params, grads, means, variances, step=step, scale=1.0, **rates)
        exact = [
            reference_optim.lamb_step(p, g.astype("f8"), m, v, step=step, **rates)
            for (p, m, v), g in zip(exact, grads, strict=True)
        ]
    for a, (b, _, _) in zip(params, exact, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_average_moves_towards_the_values(isa: str) -> None:
    averages, values = arrays(0), arrays(1)
    wanted = [
        a.astype("f8") + 0.25 * (v.astype("f8") - a) for a, v in zip(averages, values, strict=True)
    ]
    _core.average_step(averages, values, 0.25)
    assert_close(averages, wanted)


def test_a_variance_that_rounding_made_negative_is_none() -> None:
    param, grad = [np.ones(64, np.float32)], [np.full(64, 0.1, np.float32)]
    square, mean = [np.zeros(64, np.float32)], [np.zeros(64, np.float32)]
    for _ in range(200):
        _core.rmsprop_step(param, grad, square, mean, [], 1e-6, 0.9, 1e-2, 0.0, 0.0, True, 1.0)
        assert np.isfinite(param[0]).all()
    grad[0][0] = np.nan
    _core.rmsprop_step(param, grad, square, mean, [], 1e-6, 0.9, 1e-2, 0.0, 0.0, True, 1.0)
    assert np.isnan(param[0][0])


def sgd(params: Arrays, grads: Arrays, velocities: Arrays) -> None:
    _core.sgd_step(params, grads, velocities, 0.1, 0.9, 0.0, 0.01, True, False)


def adam(params: Arrays, grads: Arrays, means: Arrays, variances: Arrays | None = None) -> None:
    other = [np.full_like(mean, 0.5) for mean in means] if variances is None else variances
    _core.adam_step(params, grads, means, other, 0.1, 0.9, 0.99, 1e-8, 0.01, 3, False)


def lars(params: Arrays, grads: Arrays, velocities: Arrays) -> None:
    _core.lars_step(
        params, grads, velocities, 0.1, 0.9, 0.0, 0.01, True, False, 1.0, trust=0.1, eps=1e-8
    )


def lamb(params: Arrays, grads: Arrays, means: Arrays) -> None:
    other = [np.full_like(mean, 0.5) for mean in means]
    _core.lamb_step(params, grads, means, other, 0.1, 0.9, 0.99, 1e-6, 0.01, 3, True, 1.0)


def rmsprop(params: Arrays, grads: Arrays, buffers: Arrays) -> None:
    squares, means = ([np.full_like(buffer, 0.5) for buffer in buffers] for _ in range(2))
    _core.rmsprop_step(params, grads, squares, means, buffers, 0.1, 0.9, 1e-6, 0.01, 0.9, True, 1.0)


both = pytest.mark.parametrize("step", [sgd, adam, lars, lamb, rmsprop])


@both
def test_any_number_of_threads_gives_the_same_bits(
    isa: str, step: Callable[..., None], set_threads: Callable[[int], None]
) -> None:
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        params, state = arrays(0), arrays(2)
        step(params, arrays(1), state)
        results.append([a.tobytes() for a in params + state])
    assert results[0] == results[1] == results[2]


@both
def test_gradients_of_any_layout_are_read_and_kept(step: Callable[..., None]) -> None:
    shapes = [(4, 6), (3, 2, 5, 5)]
    wanted, state = arrays(0, shapes), arrays(2, shapes)
    grads = arrays(1, shapes)
    step(wanted, grads, state)
    layouts: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda g: g.copy(order="F"),
        lambda g: g[::-1].copy()[::-1],
        lambda g: g.astype(">f4"),
        lambda g: np.repeat(g, 2, axis=-1)[..., ::2],
    ]
    for layout in layouts:
        params, state = arrays(0, shapes), arrays(2, shapes)
        given = [layout(g) for g in grads]
        for g in given:
            g.flags.writeable = False
        step(params, given, state)
        for got, want, gradient, original in zip(params, wanted, given, grads, strict=True):
            assert np.array_equal(got, want)
            assert np.array_equal(gradient, original)


def test_infinite_values_stay_what_torch_makes_of_them() -> None:
    # No rule computes 0 * infinity for a part that it leaves out.
    param = np.array([np.inf, 1.0, 1.0], np.float32)
    grad = np.array([1.0, np.inf, -np.inf], np.float32)
    for momentum in (0.0, 0.5):
        params = [param.copy()]
        _core.sgd_step(params, [grad], [np.zeros(3, np.float32)], 0.1, momentum, 0, 0, False, True)
        np.testing.assert_array_equal(params[0], [np.inf, -np.inf, np.inf])


def test_no_parameters_are_no_work() -> None:
    _core.sgd_step([], [], [], 0.1, 0.9, 0.0, 0.0, False, True)
    _core.adam_step([], [], [], [], 0.1, 0.9, 0.99, 1e-8, 0.0, 1, True)


def test_without_momentum_no_velocities_are_needed() -> None:
    params = [np.ones(3, np.float32)]
    _core.sgd_step(params, [np.ones(3, np.float32)], [], 0.5, 0.0, 0.0, 0.0, False, True)
    assert np.array_equal(params[0], [0.5, 0.5, 0.5])


def read_only(a: np.ndarray) -> np.ndarray:
    a.flags.writeable = False
    return a


def misaligned(a: np.ndarray) -> np.ndarray:
    return np.zeros(a.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(a.shape)


SPOILED: list[tuple[Callable[[np.ndarray], Any], type[Exception], str]] = [
    (lambda a: a.astype("f8"), TypeError, "must be float32"),
    (lambda a: a.astype(">f4"), TypeError, "must be float32"),
    (lambda a: a.copy(order="F"), ValueError, "must be C-contiguous"),
    (lambda a: np.repeat(a, 2, axis=1)[:, ::2], ValueError, "must be C-contiguous"),
    (read_only, ValueError, "must be writeable"),
    (misaligned, ValueError, "must be aligned"),
    (lambda a: np.ones((4, 5), np.float32), ValueError, "must have"),
    (lambda a: a.tolist(), TypeError, "incompatible function arguments"),
    (lambda a: None, TypeError, "incompatible function arguments"),
]


@both
@pytest.mark.parametrize("which", ["params", "state"])
@pytest.mark.parametrize(("spoil", "error", "message"), SPOILED)
def test_an_array_that_cannot_be_updated_stops_all_of_them(
    step: Callable[..., None],
    which: str,
    spoil: Callable[[np.ndarray], Any],
    error: type[Exception],
    message: str,
) -> None:
    shapes = [(3, 2), (3, 4)]
    params, grads, state = (arrays(seed, shapes) for seed in range(3))
    before = [a.copy() for a in (params[0], state[0])]
    spoiled = params if which == "params" else state
    spoiled[1] = spoil(spoiled[1])
    with pytest.raises(error, match=message):
        step(params, grads, state)
    assert np.array_equal(params[0], before[0])
    assert np.array_equal(state[0], before[1])


@both
def test_gradients_of_another_shape_dtype_or_number_are_refused(step: Callable[..., None]) -> None:
    shapes = [(3, 2), (3, 4)]
    params, grads, state = (arrays(seed, shapes) for seed in range(3))
    before = [p.copy() for p in params]
    wrong: list[tuple[Arrays, type[Exception], str]] = [
        ([grads[0], grads[1].T], ValueError, "grads must have"),
        ([grads[0], grads[1].ravel()], ValueError, "grads must have"),
        ([grads[0], grads[1].astype("f8")], TypeError, "grads must be float32"),
        (grads[:1], ValueError, r"grads must have as many arrays as params \(2\), got 1"),
        ([*grads, grads[0]], ValueError, "grads must have as many arrays"),
    ]
    for given, error, message in wrong:
        with pytest.raises(error, match=message):
            step(params, given, state)
    with pytest.raises(ValueError, match="must have as many arrays"):
        step(params, grads, state[:1])
    with pytest.raises(ValueError, match="variances must have as many arrays"):
        adam(params, grads, state, state[:1])
    assert all(np.array_equal(a, b) for a, b in zip(params, before, strict=True))


@both
def test_arrays_that_share_memory_are_refused(step: Callable[..., None]) -> None:
    pool = np.ones(40, np.float32)
    a, b, overlapping = pool[:10], pool[10:20], pool[5:15]
    grad, state = np.ones(10, np.float32), np.ones(10, np.float32)
    step([a, b], [grad, grad], [pool[20:30], pool[30:]])  # neighbours are apart
    before = pool.copy()
    for params, grads, states in (
        ([a, a], [grad, grad], [state, state.copy()]),
        ([a, overlapping], [grad, grad], [state, state.copy()]),
        ([a, b], [grad, grad], [state, state]),
        ([a], [a], [state]),
        ([a], [overlapping], [state]),
        ([a], [grad], [overlapping]),
    ):
        with pytest.raises(ValueError, match="must not share memory"):
            step(params, grads, states)
        assert np.array_equal(pool, before)


@pytest.mark.parametrize("step", [0, -1, -(2**63)])
def test_adam_counts_steps_from_one(step: int) -> None:
    one = [[np.ones(1, np.float32)] for _ in range(4)]
    with pytest.raises(ValueError, match=f"step must be at least 1, got {step}"):
        _core.adam_step(one[0], one[1], one[2], one[3], 0.1, 0.9, 0.99, 1e-8, 0.0, step, False)
    with pytest.raises(ValueError, match=f"step must be at least 1, got {step}"):
        _core.lamb_step(one[0], one[1], one[2], one[3], 0.1, 0.9, 0.99, 1e-8, 0.0, step, True, 1.0)

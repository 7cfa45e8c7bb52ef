"""The same bits for any number of threads, from any thread; and how many there are by default."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, _core, models, nn, ops
from operators import Operator, make_operators, same_bits
from subprocesses import output_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

SMALL, LARGE = make_operators(images=2, size=9), make_operators(images=9, size=40)
COUNTS = (1, 2, 3, 5)


@pytest.mark.parametrize("operator", LARGE + SMALL, ids=str)
def test_any_number_of_threads_gives_the_same_bits(
    isa: str, operator: Operator, set_threads: Callable[[int], None]
) -> None:
    results = []
    for count in COUNTS:
        set_threads(count)
        results.append(operator.outputs())
    for count, result in zip(COUNTS, results, strict=True):
        assert same_bits(result, results[0]), f"{count} threads"


@pytest.mark.parametrize("operator", LARGE, ids=str)
def test_a_second_call_gives_the_same_bits(operator: Operator) -> None:
    # The second finds recycled memory, full of what was computed before.
    assert same_bits(operator.outputs(), operator.outputs())


def test_concurrent_calls_give_the_bits_of_serial_ones(set_threads: Callable[[int], None]) -> None:
    set_threads(2)
    operators = [*SMALL, *LARGE]
    wanted = [operator.outputs() for operator in operators]
    start = threading.Barrier(8)

    def work(first: int) -> list[str]:
        start.wait()
        wrong = []
        for i in range(len(operators)):
            at = (first * 5 + i) % len(operators)
            if not same_bits(operators[at].outputs(), wanted[at]):
                wrong.append(str(operators[at]))
        return wrong

    with ThreadPoolExecutor(8) as pool:
        assert [wrong for each in pool.map(work, range(8)) for wrong in each] == []


def test_the_number_of_threads_may_change_while_others_compute(
    set_threads: Callable[[int], None],
) -> None:
    operator = LARGE[0]
    wanted = operator.outputs()
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for count in COUNTS:
                set_threads(count)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        assert all(same_bits(operator.outputs(), wanted) for _ in range(20))
    finally:
        done.set()
        changer.join()


def test_other_python_threads_run_during_a_call() -> None:
    # A convolution holds no lock of the interpreter: this thread looks at the clock while it runs.
    x, weight = np.ones((32, 64, 64, 64), np.float32), np.ones((64, 64, 7, 7), np.float32)
    during: list[float] = []
    looks: list[float] = []

    def convolve() -> None:
        start = time.monotonic()
        ops.conv2d(x, weight)
        during.extend((start, time.monotonic()))

    worker = threading.Thread(target=convolve)
    worker.start()
    while worker.is_alive():
        looks.append(time.monotonic())
        time.sleep(0.001)
    start, end = during
    third = (end - start) / 3
    assert sum(start + third < look < end - third for look in looks) > 3


@pytest.mark.parametrize(
    ("convlet", "omp", "available", "wanted"),
    [
        (None, None, 7, 7),
        (None, "3", 7, 3),
        ("2", None, 7, 2),
        ("2", "3", 7, 2),
        ("9", None, 7, 9),
        (None, "4,2", 7, 4),
        ("", "", 7, 7),
        ("0", "-1", 7, 7),
        ("many", "3", 7, 3),
        ("2.5", None, 7, 7),
        ("2 cores", None, 7, 7),
        (None, None, 0, 1),
        ("99999999999999999999", None, 7, 1024),
    ],
)
def test_the_default_number_of_threads(
    convlet: str | None, omp: str | None, available: int, wanted: int
) -> None:
    assert _core.num_threads_from(convlet, omp, available) == wanted


PRINT_THREADS = "from convlet import _core; print(_core.get_num_threads())"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"CONVLET_NUM_THREADS": "3"}, "3"),
        ({"OMP_NUM_THREADS": "4"}, "4"),
        ({"CONVLET_NUM_THREADS": "3", "OMP_NUM_THREADS": "4"}, "3"),
    ],
)
def test_settings_of_the_environment_are_read(settings: dict[str, str], wanted: str) -> None:
    assert output_of(PRINT_THREADS, **settings) == wanted


def test_no_more_threads_than_processors_are_allowed() -> None:
    allowed = len(os.sched_getaffinity(0))
    assert 1 <= int(output_of(PRINT_THREADS)) <= allowed
    one = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
    assert output_of(one + PRINT_THREADS) == "1"


def test_set_num_threads_is_what_get_num_threads_tells(set_threads: Callable[[int], None]) -> None:
    for count in (1, 3, 1024):
        set_threads(count)
        assert _core.get_num_threads() == count


@pytest.mark.parametrize("count", [0, -1, 1025, 2**31 - 1])
def test_a_number_of_threads_out_of_range_is_refused(count: int) -> None:
    before = _core.get_num_threads()
    with pytest.raises(ValueError, match=f"threads must be from 1 to 1024, got {count}"):
        _core.set_num_threads(count)
    assert _core.get_num_threads() == before


def pixels(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], npt.NDArray[np.float32]]] = {
    "lenet5": (lambda: models.lenet5(seed=0), pixels(12, 4, 1, 28, 28)),
    "resnet18": (
        lambda: models.resnet18(num_classes=5, stem="cifar", width_mult=0.25, seed=0),
        pixels(12, 2, 3, 32, 32),
    ),
    "mobilenet_v2": (
        lambda: models.mobilenet_v2(num_classes=5, width_mult=0.25, seed=0),
        pixels(12, 2, 3, 32, 32),
    ),
    "unet": (lambda: models.unet(3, 2, base_channels=4, seed=0), pixels(12, 1, 3, 32, 32)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_concurrent_inference_on_one_model_gives_the_bits_of_serial_one(
    name: str, set_threads: Callable[[int], None]
) -> None:
    set_threads(2)
    make, batches = NETWORKS[name]
    alone = make().eval()
    with cl.no_grad():
        wanted = [alone(Tensor(batch)).numpy() for batch in batches]
    model = make().eval()  # whose first calls, which prepare weights, meet as well
    start = threading.Barrier(6)

    def work(first: int) -> bool:
        start.wait()
        with cl.no_grad():
            order = [(first + step) % len(batches) for step in range(len(batches))]
            return all(
                np.array_equal(model(Tensor(batches[at])).numpy(), wanted[at]) for at in order
            )

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))

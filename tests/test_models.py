"""Ready-made networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet import Tensor, models


def test_lenet_has_the_layers_and_sizes_of_the_paper() -> None:
    shapes = {name: array.shape for name, array in models.lenet5().state_dict().items()}
    assert shapes == {
        "conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,),
        "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,),
        "fc1.weight": (120, 400), "fc1.bias": (120,),
        "fc2.weight": (84, 120), "fc2.bias": (84,),
        "fc3.weight": (10, 84), "fc3.bias": (10,),
    }  # fmt: skip


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 7, (3, 6)], ids=str)
def test_lenet_works_from_the_size_it_names_on_and_not_below(kernel: Any) -> None:
    with pytest.raises(ValueError, match="image_size must be at least") as error:
        models.lenet5(image_size=1, kernel_size=kernel)
    text = str(error.value).split("at least (")[1].split(")")[0]
    least = tuple(map(int, text.split(", ")))
    for more in (0, 1, 5):
        size = (least[0] + more, least[1] + more)
        model = models.lenet5(3, 2, size, kernel).eval()
        assert model(Tensor(np.zeros((2, 2, *size)))).shape == (2, 3)
    for size in ((least[0] - 1, least[1]), (least[0], least[1] - 1)):
        with pytest.raises(ValueError, match="image_size must be at least"):
            models.lenet5(3, 2, size, kernel)


def test_images_of_another_size_are_refused_by_name() -> None:
    model = models.lenet5()
    for shape in ((1, 1, 32, 32), (1, 3, 28, 28), (1, 28, 28)):
        with pytest.raises(ValueError, match=r"images must be \(N, 1, 28, 28\), got"):
            model(Tensor(np.zeros(shape)))


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"classes": 0}, ValueError),
        ({"in_channels": 1.5}, TypeError),
        ({"kernel_size": 0}, ValueError),
        ({"kernel_size": -3}, ValueError),
        ({"image_size": "28"}, TypeError),
        ({"dropout": 2}, ValueError),
        ({"seed": -1}, ValueError),
    ],
    ids=str,
)
def test_lenet_checks_its_numbers(more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r": \w+ must be"):
        models.lenet5(**more)


def test_a_seed_makes_the_same_network_whatever_was_drawn_before() -> None:
    a, b, c = models.lenet5(seed=4), models.lenet5(seed=4), models.lenet5(seed=5)
    np.testing.assert_array_equal(a.fc3.weight.data, b.fc3.weight.data)
    assert (a.fc3.weight.data != c.fc3.weight.data).any()
    x = Tensor(np.ones((4, 1, 28, 28)))
    np.testing.assert_array_equal(a(x).data, b(x).data)


def test_models_are_made_by_name() -> None:
    assert "lenet5" in models.names()
    assert isinstance(models.create("lenet5", classes=3), models.LeNet5)
    with pytest.raises(ValueError, match=r"name must be one of .*lenet5"):
        models.create("lenet6")

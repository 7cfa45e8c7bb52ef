"""`convlet.sklearn.CNNClassifier`: scikit-learn's own checks, its tools, and images."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from convlet import models
from convlet.sklearn import CNNClassifier

if TYPE_CHECKING:
    from convlet.nn import Module

# Checks of scikit-learn that are known to fail, by name, each with the reason. None does.
EXPECTED_FAILED_CHECKS: dict[str, str] = {}

QUICK = (
    *("check_no_attributes_set_in_init", "check_parameters_default_constructible"),
    *("check_estimators_nan_inf", "check_classifiers_classes", "check_fit2d_1sample"),
    *("check_n_features_in_after_fitting", "check_dict_unchanged", "check_estimators_pickle"),
    *("check_fit2d_predict1d", "check_estimators_partial_fit_n_features"),
)


@pytest.mark.slow
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [CNNClassifier(random_state=0)], expected_failed_checks=lambda _: EXPECTED_FAILED_CHECKS
)
def test_scikit_learn_finds_no_fault(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", QUICK)
def test_scikit_learn_finds_no_fault_in_what_is_quickly_checked(name: str) -> None:
    found = [
        (estimator, check)
        for estimator, check in estimator_checks_generator(CNNClassifier(epochs=3, random_state=0))
        if getattr(check, "func", check).__name__ == name
    ]
    assert found, f"scikit-learn has no {name}"
    for estimator, check in found:
        check(estimator)


def bars(count: int, side: int = 8) -> tuple[Any, Any]:
    """Noisy images of a bar that lies or stands: bytes (N, 1, side, side), and words."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (count, 1, side, side)).astype(np.uint8)
    labels = np.array(["lies", "stands"])[np.arange(count) % 2]
    for image, label in zip(images, labels, strict=True):
        at = rng.integers(1, side - 1)
        (image[0, at] if label == "lies" else image[0, :, at])[:] = 220
    return images, labels


def quick(**arguments: Any) -> CNNClassifier:
    return CNNClassifier(**{"epochs": 8, "random_state": 0, **arguments})


def test_images_and_their_rows_are_the_same() -> None:
    X, y = bars(60)
    on_images, on_rows = quick().fit(X, y), quick().fit(X.reshape(60, -1).astype(float), y)
    assert on_images.image_shape_ == on_rows.image_shape_ == (1, 8, 8)
    assert on_images.n_features_in_ == on_rows.n_features_in_ == 64
    expected = on_images.predict_proba(X)
    assert np.array_equal(on_rows.predict_proba(X.reshape(60, -1)), expected)
    assert np.array_equal(on_rows.predict_proba(X), expected)
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    assert on_images.score(X, y) > 0.95
    assert list(on_images.classes_) == ["lies", "stands"]


def test_the_scale_of_values_does_not_matter() -> None:
    X, y = bars(40)
    small = quick().fit(X / 2.0**20, y).predict_proba(X / 2.0**20)
    assert np.array_equal(quick().fit(X, y).predict_proba(X), small)


@pytest.mark.parametrize(
    ("features", "image_shape", "shape"),
    [
        (16, None, (1, 4, 4)),
        (9, None, (1, 1, 9)),
        (1, None, (1, 1, 1)),
        (20, None, (1, 1, 20)),
        (48, (3, 4, 4), (3, 4, 4)),
        (20, (4, 5), (1, 4, 5)),
        (16, [1, 2, 8], (1, 2, 8)),
    ],
)
def test_rows_are_images_of_a_shape_that_is_given_or_guessed(
    features: int, image_shape: Any, shape: tuple[int, ...]
) -> None:
    X = np.random.default_rng(0).normal(size=(12, features))
    model = quick(image_shape=image_shape, epochs=1).fit(X, np.arange(12) % 3)
    assert model.image_shape_ == shape
    assert model.predict_proba(X).shape == (12, 3)


def test_a_fitted_classifier_is_pickled_as_arrays_and_goes_on_where_it_was() -> None:
    X, y = bars(40)
    model = quick().partial_fit(X, y, classes=["lies", "stands"])
    data = pickle.dumps(model)
    assert b"convlet.nn" not in data, "no live network is pickled"
    again, copied = pickle.loads(data), copy.deepcopy(model)
    expected = model.partial_fit(X, y).predict_proba(X)
    for other in (again, copied):
        assert other.n_iter_ == 1
        assert np.array_equal(other.partial_fit(X, y).predict_proba(X), expected)
    assert model.n_iter_ == 2
    assert pickle.loads(pickle.dumps(quick())).epochs == 8, "one that is not fitted, too"


def test_partial_fit_learns_batch_by_batch() -> None:
    X, y = bars(60)
    model = quick()
    with pytest.raises(ValueError, match="classes must be given"):
        model.partial_fit(X, y)
    for _ in range(10):
        model.partial_fit(X[:30], y[:30], classes=["stands", "lies", "leans"])
        model.partial_fit(X[30:], y[30:])
    assert list(model.classes_) == ["leans", "lies", "stands"]
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="not in classes"):
        model.partial_fit(X, ["falls"] * 60)
    with pytest.raises(ValueError, match="those of the first call"):
        model.partial_fit(X, y, classes=["lies", "stands"])
    assert model.fit(X, y).n_iter_ == 8, "fit begins anew"


def test_random_state_decides_everything() -> None:
    X, y = bars(40)
    first, again, other = (
        quick(shift=1, early_stopping=True, random_state=seed).fit(X, y).predict_proba(X)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_early_stopping_keeps_the_best() -> None:
    X, y = bars(80)
    rng = np.random.default_rng(0)
    model = quick(early_stopping=True, validation_fraction=0.25, n_iter_no_change=2, epochs=200)
    model.fit(X, rng.permutation(y))  # nothing can be learnt, so it stops soon
    assert model.n_iter_ < 100
    assert model.n_iter_ == len(model.history_)
    losses = [row["val_loss"] for row in model.history_]
    assert min(losses[-2:]) >= min(losses), "two epochs without progress ended it"


def test_grid_search_and_pipelines_and_clones() -> None:
    X, y = bars(48)
    rows = X.reshape(48, -1).astype(float)
    search = GridSearchCV(quick(), {"lr": [1e-6, 0.003]}, cv=2).fit(X, y)
    assert search.best_params_ == {"lr": 0.003}
    pipeline = make_pipeline(StandardScaler(), quick(epochs=20)).fit(rows, y)
    assert pipeline.score(rows, y) > 0.9
    fitted = pipeline[-1]
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(rows)


def own_network(shape: tuple[int, int, int], classes: int, seed: int) -> Module:
    return models.lenet5(classes, shape[0], shape[1:], 3, seed=seed)


@pytest.mark.parametrize("model", ["lenet5", "resnet18", own_network], ids=str)
def test_other_networks(model: Any) -> None:
    X, y = bars(16, side=16)
    fitted = quick(model=model, epochs=1).fit(X, y)
    probabilities = fitted.predict_proba(X)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), probabilities)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"shift": -1}, "shift"),
        ({"lr": 0}, "lr must be a number between 0 and inf, got 0"),
        ({"lr": "fast"}, "lr must be a number"),
        ({"dropout": 1}, r"dropout must be in \[0, 1\)"),
        ({"validation_fraction": 1.0}, "validation_fraction must be"),
        ({"early_stopping": True, "validation_fraction": 0.001}, "leaves nothing on one side"),
        ({"image_shape": (3, 3)}, r"image_shape \(1, 3, 3\) has 9 pixels, X has 64 features"),
        ({"image_shape": "8x8"}, "image_shape must be"),
        ({"image_shape": (8, 8.5)}, "image_shape must be"),
        ({"model": "lenet6"}, "model must be one of"),
    ],
    ids=str,
)
def test_wrong_arguments_are_told_by_fit(arguments: dict[str, Any], words: str) -> None:
    X, y = bars(20)
    model = CNNClassifier(**arguments)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y)


def test_wrong_images_are_refused() -> None:
    X, y = bars(20)
    model = quick(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"images must be \(N, 1, 8, 8\), got \(N, 1, 4, 16\)"):
        model.predict(X.reshape(20, 1, 4, 16))
    with pytest.raises(ValueError, match="63 features"):
        model.predict(X.reshape(20, -1)[:, :63])
    with pytest.raises(ValueError, match="dim 3"):
        quick().fit(X[:, 0], y)
    with pytest.raises(TypeError, match="must make a convlet"):
        quick(model=lambda shape, classes, seed: "network").fit(X, y)
    with pytest.raises(ValueError, match="continuous"):
        quick().fit(X, np.linspace(0, 1, 20))


@pytest.mark.slow
def test_real_digits() -> None:
    X, y = load_digits(return_X_y=True)
    model = CNNClassifier(shift=1, random_state=0).fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > 0.94


def test_without_scikit_learn_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import convlet.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'ImportError: convlet.sklearn needs scikit-learn: pip install "convlet[sklearn]"' in (
        done.stderr
    )

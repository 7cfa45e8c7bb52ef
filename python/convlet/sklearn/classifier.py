"""A convolutional network behind scikit-learn's interface."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from convlet import nn, optim
from convlet.data import ArrayDataset, DataLoader, stratified_split
from convlet.sklearn._input import images_and_labels
from convlet.sklearn._network import make_network
from convlet.sklearn._state import put_back, taken
from convlet.train import EarlyStopping, History, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from typing_extensions import Self

    from convlet.nn import Module
    from convlet.train import Callback

_VALIDATION_BATCH = 256


class CNNClassifier(ClassifierMixin, BaseEstimator):
    """A convolutional network as a scikit-learn classifier.

    X is (N, features), each row a flattened image, or images (N, C, H, W). Values may have any scale:
    they are normalised per channel by what `fit` saw. Training images may be moved at random.

    Args:
        model: None for a small network of two convolutions; a name of `convlet.models`; or a function
            (image_shape, classes, seed) -> Module that gives scores (N, classes).
        image_shape: (C, H, W), or (H, W) of one channel, of what a row of X holds. Unless given, rows
            of s * s features, s at least 4, are square images of one channel, and others are taken as
            one row of pixels (1, 1, features).
        epochs: passes over the training images, the most with early stopping.
        batch_size: images per step.
        lr: the learning rate of Adam.
        dropout: share of values that the small network drops before its linear layers.
        shift: by up to how many pixels training images are moved at random.
        early_stopping: whether to set a part aside, stop when its loss has not fallen for
            `n_iter_no_change` epochs, and keep the weights with the least.
        validation_fraction: how much is set aside then.
        n_iter_no_change: see `early_stopping`.
        random_state: decides first weights, order, shifts, dropout and what is set aside.

    Attributes:
        classes_: the labels, in the order of the columns of `predict_proba`.
        n_features_in_: the pixels of an image.
        image_shape_: (C, H, W).
        network_: the trained module.
        history_: one row per epoch.
        n_iter_: how many epochs were trained.

    Raises:
        ValueError: `fit` and `predict` say what does not fit, as scikit-learn's estimators do.

    Example:
        >>> import numpy as np
        >>> from convlet.sklearn import CNNClassifier
        >>> X = np.repeat([np.eye(4), np.eye(4)[::-1]], 10, axis=0).reshape(20, 16)
        >>> y = np.repeat(["falling", "rising"], 10)
        >>> CNNClassifier(random_state=0).fit(X, y).predict(X[[0, 19]])
        array(['falling', 'rising'], dtype='<U7')
    """

    def __init__(
        self,
        model: str | Callable[..., Module] | None = None,
        *,
        image_shape: Sequence[int] | None = None,
        epochs: int = 30,
        batch_size: int = 32,
        lr: float = 0.002,
        dropout: float = 0.25,
        shift: int = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        random_state: Any = None,
    ) -> None:
        """Store the arguments; `fit` checks them."""
        self.model = model
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.dropout = dropout
        self.shift = shift
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network on images X and labels y (N,)."""
        self._check_arguments()
        images, y, _ = images_and_labels(self, X, y, reset=True)
        check_classification_targets(y)
        labels = self._begin(images, y, np.unique(y))
        callbacks: list[Callback] = []
        train, validation = np.arange(len(labels)), None
        if self.early_stopping:
            try:
                train, held = stratified_split(labels, self.validation_fraction, self._seed)
            except ValueError as error:
                raise ValueError(
                    f"CNNClassifier: validation_fraction {self.validation_fraction} of "
                    f"{len(labels)} samples leaves nothing on one side"
                ) from error
            validation = self._loader(images[held], labels[held], training=False)
            callbacks.append(EarlyStopping("val_loss", patience=self.n_iter_no_change))
        loader = self._loader(images[train], labels[train], training=True)
        return self._train(loader, validation, self.epochs, callbacks)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train one epoch more, on these images alone.

        Args:
            X: images; the first ones decide the shape and the normalisation.
            y: labels (N,).
            classes: all labels there will be; needed at the first call.
        """
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("partial_fit: classes must be given at the first call")
        if first:
            self._check_arguments()
        images, y, _ = images_and_labels(self, X, y, reset=first)
        check_classification_targets(y)
        if first:
            labels = self._begin(images, y, np.unique(classes))
        else:
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise ValueError(
                    f"partial_fit: classes must be those of the first call, {self.classes_}"
                )
            labels = self._encoded(y)
        return self._train(self._loader(images, labels, training=True), None, 1, [])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities (N, classes), the columns in the order of `classes_`."""
        check_is_fitted(self)
        images, _, _ = images_and_labels(self, X, None, reset=False)
        scores = self._trainer().predict(self._normalised(images)).astype(np.float64)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)

    def predict(self, X: Any) -> Any:
        """The most probable label of each image."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    # --- training ----------------------------------------------------------------------------------

    def _check_arguments(self) -> None:
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("shift", 0),
            ("n_iter_no_change", 1),
        ):
            value = getattr(self, name)
            whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            if not whole or value < least:
                raise ValueError(
                    f"CNNClassifier: {name} must be a whole number of at least {least}, got {value!r}"
                )
        for name, low, high in (("lr", 0.0, np.inf), ("validation_fraction", 0.0, 1.0)):
            value = getattr(self, name)
            if not _is_number(value) or not low < value < high:
                raise ValueError(
                    f"CNNClassifier: {name} must be a number between {low:g} and {high:g}, got {value!r}"
                )
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ValueError(f"CNNClassifier: dropout must be in [0, 1), got {self.dropout!r}")

    def _begin(
        self, images: npt.NDArray[np.float64], y: Any, classes: Any
    ) -> npt.NDArray[np.int64]:
        """Make a new network and forget all that was learnt; give the labels as numbers."""
        self.classes_ = classes
        labels = self._encoded(y)
        self.image_shape_ = images.shape[1:]
        self._mean = images.mean(axis=(0, 2, 3), keepdims=True)
        spread = images.std(axis=(0, 2, 3), keepdims=True)
        self._std = np.where(spread > 0, spread, 1.0)
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._make()
        self.history_ = History()
        self.n_iter_ = 0
        return labels

    def _make(self) -> None:
        self.network_ = make_network(
            self.model, self.image_shape_, len(self.classes_), float(self.dropout), self._seed
        )
        self._optimizer = optim.Adam(self.network_.parameters(), lr=float(self.lr))

    def _encoded(self, y: Any) -> npt.NDArray[np.int64]:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"partial_fit: y holds labels that are not in classes: {unknown}")
        return np.asarray(np.searchsorted(self.classes_, y), dtype=np.int64)

    def _normalised(self, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        return np.asarray((images - self._mean) / self._std, dtype=np.float32)

    def _loader(
        self, images: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], *, training: bool
    ) -> DataLoader[Any]:
        shift = int(self.shift) if training else 0
        dataset = ArrayDataset(self._normalised(images), labels, shift=shift)
        size = int(self.batch_size) if training else _VALIDATION_BATCH
        return DataLoader(dataset, size, shuffle=training, seed=self._seed)

    def _trainer(self) -> Trainer:
        trainer = Trainer(self.network_, nn.CrossEntropyLoss(), self._optimizer)
        trainer.epoch, trainer.history = self.n_iter_, self.history_
        return trainer

    def _train(
        self, loader: Any, validation: Any, epochs: int, callbacks: Sequence[Callback]
    ) -> Self:
        trainer = self._trainer()
        trainer.fit(loader, validation, int(epochs), callbacks)
        if trainer.interrupted:
            raise KeyboardInterrupt
        self.n_iter_ = trainer.epoch
        self.history_ = trainer.history
        return self

    # --- pickling ----------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """All attributes, the network and its optimiser as arrays."""
        state = dict(super().__getstate__())
        if "network_" in state:
            state["_taken"] = taken(state.pop("network_"), state.pop("_optimizer"))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the network."""
        state = dict(state)
        arrays = state.pop("_taken", None)
        super().__setstate__(state)
        if arrays is not None:
            self._make()
            put_back(arrays, self.network_, self._optimizer)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)

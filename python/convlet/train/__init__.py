"""Training: the loop, what watches it, and what it leaves behind."""

from convlet.errors import NonFiniteLossError
from convlet.train.callbacks import Callback, Checkpoint, EarlyStopping
from convlet.train.checkpoint import load_checkpoint, save_checkpoint
from convlet.train.history import History
from convlet.train.metrics import (
    Accuracy,
    Metric,
    TopKAccuracy,
    confusion_matrix,
    recall_per_class,
)
from convlet.train.trainer import Trainer

__all__ = [
    "Accuracy",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "Metric",
    "NonFiniteLossError",
    "TopKAccuracy",
    "Trainer",
    "confusion_matrix",
    "load_checkpoint",
    "recall_per_class",
    "save_checkpoint",
]

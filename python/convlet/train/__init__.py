"""Training: the loop, what watches it, and what it leaves behind."""

from convlet.errors import NonFiniteLossError
from convlet.train.boundary import BoundaryF1, boundary_f1
from convlet.train.callbacks import Callback
from convlet.train.checkpoint import load_checkpoint, save_checkpoint
from convlet.train.checkpoint_files import Checkpoint
from convlet.train.confusion import (
    F1,
    MeanIoU,
    Precision,
    Recall,
    confusion_matrix,
    f1_per_class,
    iou_per_class,
    precision_per_class,
    recall_per_class,
)
from convlet.train.early_stopping import EarlyStopping
from convlet.train.ema import EMA
from convlet.train.history import History
from convlet.train.logs import CSVLog, TensorBoard
from convlet.train.lr_finder import LRFinder
from convlet.train.metrics import Accuracy, Metric, TopKAccuracy
from convlet.train.progress import ProgressBar
from convlet.train.trainer import Trainer

__all__ = [
    "EMA",
    "F1",
    "Accuracy",
    "BoundaryF1",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "LRFinder",
    "MeanIoU",
    "Metric",
    "NonFiniteLossError",
    "Precision",
    "ProgressBar",
    "Recall",
    "TensorBoard",
    "TopKAccuracy",
    "Trainer",
    "boundary_f1",
    "confusion_matrix",
    "f1_per_class",
    "iou_per_class",
    "load_checkpoint",
    "precision_per_class",
    "recall_per_class",
    "save_checkpoint",
]

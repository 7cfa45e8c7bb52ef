"""Train a network of one's own on real handwritten digits, test it, save it."""

from __future__ import annotations

from typing import Any

import convlet as cl
from convlet import data, io, nn, optim
from convlet.train import Callback, EarlyStopping


class Report(Callback):
    """One line per epoch."""

    def on_epoch_end(self, trainer: cl.Trainer, logs: Any) -> None:
        """The epoch's row of the history."""
        print("epoch {epoch:2}  loss {loss:.3f}  held out {val_loss:.3f}".format(**logs))


def make_network() -> nn.Module:
    """Two convolutions and two fully connected layers: (N, 1, 28, 28) -> (N, 10)."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.4), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def main() -> None:
    """Train until the loss on held-out images has stopped falling."""
    cl.seed(0)
    digits = data.load("digits")  # 4,000 images to train on, 1,000 to test with
    known, held_out = data.stratified_split(digits.train.labels, 400)
    images, labels = digits.train
    train = data.ArrayDataset(images[known], labels[known], shift=1)
    validation = data.DataLoader(data.ArrayDataset(images[held_out], labels[held_out]), 256)

    model = make_network()
    trainer = cl.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=2e-3))
    callbacks = [Report(), EarlyStopping("val_loss", patience=4)]
    trainer.fit(data.DataLoader(train, 64, shuffle=True), validation, 20, callbacks)

    test = trainer.evaluate(data.DataLoader(data.ArrayDataset(*digits.test), 256))
    print(f"test accuracy {test['accuracy']:.1%}")
    io.save(model.state_dict(), "digits.npz")


if __name__ == "__main__":
    main()

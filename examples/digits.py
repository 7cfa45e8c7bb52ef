"""Train a network of one's own on real handwritten digits, test it, save it.

    pip install ".[demo]" && python examples/digits.py
"""

from __future__ import annotations

from pathlib import Path

import convlet as cl
from convlet import data, io, nn, optim
from convlet.train import EarlyStopping


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
    images, labels = digits.train
    known, held_out = data.stratified_split(labels, 400)
    train = data.ArrayDataset(images[known], labels[known], shift=1)
    validation = data.ArrayDataset(images[held_out], labels[held_out])

    model = make_network()
    trainer = cl.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=2e-3))
    stop = EarlyStopping("val_loss", patience=3)
    batches = data.DataLoader(train, batch_size=64, shuffle=True)
    for row in trainer.fit(batches, data.DataLoader(validation, 256), epochs=15, callbacks=[stop]):
        print(f"epoch {row['epoch']:2.0f}  loss {row['loss']:.3f}  held out {row['val_loss']:.3f}")

    test = trainer.evaluate(data.DataLoader(data.ArrayDataset(*digits.test), batch_size=256))
    print(f"test accuracy {test['accuracy']:.1%}")
    io.save(model.state_dict(), Path("digits.npz"))


if __name__ == "__main__":
    main()

"""Train a detector from scratch, and measure and draw what it finds on images it has not seen.

pip install ".[demo]"
python examples/detect.py [--data shapes|digits-on-photos] [--epochs 20] [--seed 0]
"""

from __future__ import annotations

import argparse

from convlet import data, detection, models, optim, viz
from convlet.data.detection import DetectionDataset, HorizontalFlip, RandomWindow
from convlet.train import EMA, ProgressBar, Trainer


def main() -> None:
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description="Train a detector from scratch.")
    parser.add_argument("--data", default="shapes", choices=data.detection.NAMES)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    whole = data.detection.load(arguments.data)
    mean, std = data.channel_statistics(whole.train.images)
    flips = 0.0 if "digits" in arguments.data else 0.5
    changes = (HorizontalFlip(flips), RandomWindow((0.7, 1.3), 0.5))
    train = DetectionDataset(*whole.train, mean=mean, std=std, changes=changes)
    test = DetectionDataset(*whole.test, mean=mean, std=std)
    loader = data.DataLoader(train, 16, shuffle=True, seed=arguments.seed)
    model = models.fcos(len(whole.class_names), seed=arguments.seed)
    rule = optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.05)
    plan = optim.lr_scheduler.OneCycleLR(rule, 0.003, arguments.epochs * len(loader))
    trainer = Trainer(model, detection.FCOSLoss(), rule, (), scheduler=plan, ema=EMA(0.998))
    trainer.clip_grad_norm = 10.0
    history = trainer.fit(loader, epochs=arguments.epochs, callbacks=[ProgressBar()])
    outputs = trainer.predict(data.DataLoader(test, 32))
    found = detection.decode_fcos(outputs, test.images.shape[2:])
    scores = detection.coco_scores(test.annotations, found, len(whole.class_names))
    print({name: round(number, 4) for name, number in scores.numbers.items()})
    print(f"{sum(row['seconds'] for row in history):.0f} seconds of training")
    shown = (test.images[:5], test.annotations[:5], found[:5], whole.class_names)
    viz.detections(*shown).savefig("boxes.png")


if __name__ == "__main__":
    main()

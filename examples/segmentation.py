"""Train a network that finds the class of each pixel; measure and draw what it finds on new images.

pip install ".[demo]"
python examples/segmentation.py [--data shapes|nuclei|FOLDER] [--epochs 24] [--seed 0]
(nuclei are real ones under a microscope: pip install --no-deps stardist)
"""

from __future__ import annotations

import argparse

import numpy as np

from convlet import data, models, nn, optim, viz
from convlet.data import segmentation, transforms
from convlet.train import EMA, MeanIoU, ProgressBar, Trainer


def main() -> None:
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="shapes", help="shapes, nuclei or a folder")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    whole = segmentation.load(arguments.data)
    move = transforms.RandomAffine(10, (0.1, 0.1), (0.75, 1.3), interpolation="bilinear")
    changes = transforms.Compose([transforms.RandomHorizontalFlip(), move])
    names, (mean, std) = whole.class_names, data.channel_statistics(whole.train.images)
    wanted = {"classes": len(names), "mean": mean, "std": std}
    train = segmentation.SegmentationDataset(*whole.train, **wanted, transform=changes)
    test = segmentation.SegmentationDataset(*whole.test, **wanted)
    loader = data.DataLoader(train, batch_size=8, shuffle=True, seed=arguments.seed)
    model = models.resunet(train.images.shape[1], len(names), seed=arguments.seed)
    rule = optim.AdamW(model.parameters(), lr=0.004)
    cosine = optim.lr_scheduler.CosineAnnealingLR(rule, max(arguments.epochs - 1, 1) * len(loader))
    plan = optim.lr_scheduler.with_warmup(cosine, len(loader))
    loss, iou = nn.CrossEntropyLoss(ignore_index=255), MeanIoU(ignore_index=255)
    ema = EMA(0.998, warmup=True)
    trainer = Trainer(model, loss, rule, (iou,), scheduler=plan, scheduler_per="step", ema=ema)
    trainer.fit(loader, epochs=arguments.epochs, callbacks=[ProgressBar()])
    print(trainer.evaluate(data.DataLoader(test, batch_size=16)), iou.per_class().round(3))
    shown = np.arange(min(6, len(test)))
    masks = trainer.predict(test.batch(shown)[0]).argmax(axis=1)
    viz.segmentations(test.images[shown], test.masks[shown], masks, names).savefig("masks.png")


if __name__ == "__main__":
    main()

"""Few pictures of ten animals: from scratch, backbones of digits or photographs, finer adjustments.

Draws transfer.png; wants `pip install ".[pretrained,demo]" animal-mnist`.
"""

import numpy as np
from matplotlib.figure import Figure

import convlet as cl
from convlet import data, models, nn, ops, optim, transfer

SIZES = (1, 2, 5, 10, 20)  # pictures of each animal


def train(model, parameters, x, y, epochs):  # noqa: D103
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=16, shuffle=True)
    cl.Trainer(model, nn.CrossEntropyLoss(), optim.AdamW(parameters)).fit(loader, epochs=epochs)


def seen(x):  # noqa: D103
    x = np.repeat(2 * x - 1, 3, axis=1)
    return transfer.features(large, ops.resize2d(x, (112, 112), "bilinear"))


(a, b), animals = data.load("digits").train, data.load("animals", test=1000)
(pool, labels), (test, wanted) = animals.train, animals.test
a, pool, test = (x / np.float32(255) for x in (a, pool, test))
train(backbone := models.lenet5(seed=0), backbone.parameters(), a, b, 5)
large = models.create("efficientnet_lite0", weights="imagenet")
found, rows = np.zeros((4, 3, 5)), seen(test)
for seed, place in np.ndindex(3, 5):
    draw = np.random.default_rng(seed).permutation(len(pool))
    part = np.concatenate([draw[labels[draw] == kind][: SIZES[place]] for kind in range(10)])
    x, y, scratch, tuned = pool[part], labels[part], *(models.lenet5(seed=seed) for _ in "ab")
    train(scratch, scratch.parameters(), x, y, 40)
    tuned.load_state_dict(backbone.state_dict())
    for model, saw in ((tuned, transfer.features(tuned, x)), (large, seen(x))):
        transfer.fit_head(transfer.replace_head(model, 10, seed=seed), saw, y)
    scores = [scratch.eval()(test), tuned.eval()(test), large.classifier(rows)]
    train(tuned, transfer.unfreeze(tuned, decay=0.5), x, y, 40)
    scores.append(tuned.eval()(test))
    found[:, seed, place] = [(s.numpy().argmax(1) == wanted).mean() for s in scores]
axes = (figure := Figure()).subplots()
LINES = ("from scratch", "digits, frozen", "photographs, frozen", "digits, fine-tuned")
for line, mean, spread in zip(LINES, found.mean(1), found.std(1), strict=True):
    print(f"{line:20}", np.round(100 * mean, 1), "+-", np.round(100 * spread, 1))
    axes.errorbar(SIZES, mean, spread, label=line, capsize=3)
figure.legend()
figure.savefig("transfer.png")

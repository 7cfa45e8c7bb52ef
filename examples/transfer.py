"""Few pictures of ten animals: from scratch, backbones of digits or photographs, finer adjustments.

Draws transfer.png in some minutes; wants `pip install ".[pretrained,demo]" animal-mnist`.
"""

import numpy as np
from matplotlib.figure import Figure

import convlet as cl
from convlet import data, models, nn, ops, optim, transfer

SIZES = (1, 2, 5, 10, 20)  # pictures of each animal
LINES = ("from scratch", "digits, frozen, new head", "digits, fine-tuned",
         "photographs, frozen, new head", "photographs, fine-tuned")  # fmt: skip


def train(model, parameters, x, y, epochs):  # noqa: D103
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=16, shuffle=True)
    rule = optim.AdamW(parameters)
    fall = optim.lr_scheduler.CosineAnnealingLR(rule, epochs)
    cl.Trainer(model, nn.CrossEntropyLoss(), rule, scheduler=fall).fit(loader, epochs=epochs)


def accuracy(model, x):  # noqa: D103
    with cl.no_grad(), cl.evaluating(model):
        best = [model(x[i : i + 50]).numpy().argmax(1) for i in range(0, len(x), 50)]
    return (np.concatenate(best) == wanted).mean()


cl.seed(0)
(a, b), animals = data.load("digits").train, data.load("animals", test=1000)
(pool, labels), (test, wanted) = animals.train, animals.test
a, *grey = (x / np.float32(255) for x in (a, pool, test))
colour = [ops.resize2d(np.repeat(2 * x - 1, 3, axis=1), (112, 112), "bilinear") for x in grey]
train(lenet := models.lenet5(seed=0), lenet.parameters(), a, b, 5)
large = transfer.replace_head(models.create("efficientnet_lite0", weights="imagenet"), 10)
starts = [
    (m, {k: v.copy() for k, v in m.state_dict().items()}, lr, epochs)
    for m, lr, epochs in ((lenet, 4e-3, 40), (large, 5e-4, 20))
]
found = np.zeros((5, 3, 5))
for seed, place in np.ndindex(3, 5):
    draw = np.random.default_rng(seed).permutation(len(pool))
    part = np.concatenate([draw[labels[draw] == kind][: SIZES[place]] for kind in range(10)])
    train(model := models.lenet5(seed=seed), model.parameters(), grey[0][part], labels[part], 200)
    scores = [accuracy(model, grey[1])]
    for (model, start, lr, epochs), images in zip(starts, (grey, colour), strict=True):
        model.load_state_dict(start)
        rows = transfer.features(transfer.replace_head(model, 10, seed=seed), images[0][part])
        transfer.fit_head(model, rows, labels[part])
        scores.append(accuracy(model, images[1]))
        groups = transfer.unfreeze(model, lr=lr, decay=0.5)
        train(model, groups, images[0][part], labels[part], epochs)
        scores.append(accuracy(model, images[1]))
    found[:, seed, place] = scores
axes = (figure := Figure(figsize=(7, 4.5))).subplots()
for line, mean, spread in zip(LINES, 100 * found.mean(1), 100 * found.std(1), strict=True):
    print(f"{line:30}", *(f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, spread, strict=True)))
    axes.errorbar(SIZES, mean, spread, label=line, capsize=3)
axes.set(xlabel="pictures of each animal", ylabel="accuracy on 1,000 others, %", xticks=SIZES)
axes.legend(fontsize=8)
figure.savefig("transfer.png", dpi=80)

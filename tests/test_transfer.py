"""Transfer learning: new heads, frozen parts, features computed once, neighbours."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, io, models, nn, optim, transfer
from convlet.nn import functional as F

RNG = np.random.default_rng


def small(name: str = "resnet18", classes: int = 5) -> nn.Module:
    more = {"width": 0.5} if name == "resnet18" else {}
    return models.create(name, classes=classes, stem="cifar", **more, seed=0)


def blobs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of three colours and much noise."""
    rng = RNG(seed)
    labels = np.arange(count) % 3
    images = rng.normal(0, 1, (count, 3, 16, 16)).astype(np.float32)
    images[np.arange(count), labels] += 1.0
    return images, labels


@pytest.mark.parametrize(
    "name", ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "efficientnet_lite0"]
)
def test_a_new_head_gives_other_scores_and_the_rest_stays(name: str) -> None:
    model = small(name)
    before = {key: value.copy() for key, value in model.state_dict().items()}
    assert transfer.replace_head(model, ["a", "b", "c"], seed=1) is model
    after = model.state_dict()
    changed = {key for key in after if after[key].shape != before[key].shape}
    assert len(changed) == 2
    for key in set(after) - changed:
        np.testing.assert_array_equal(after[key], before[key], err_msg=key)
    assert model.eval()(Tensor(np.zeros((2, 3, 28, 28)))).shape == (2, 3)
    assert model.classes == ["a", "b", "c"]
    assert "classes" not in vars(transfer.replace_head(model, 2))


@pytest.mark.parametrize(
    ("classes", "error"),
    [(0, ValueError), ([], ValueError), ("ab", TypeError), ([1, 2], TypeError)],
    ids=str,
)
def test_wrong_classes_are_refused(classes: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="replace_head: classes must be"):
        transfer.replace_head(small(), classes)


def test_a_network_without_layers_has_no_head() -> None:
    with pytest.raises(ValueError, match="has no linear layer and no convolution"):
        transfer.replace_head(nn.Sequential(nn.ReLU()), 2)


def test_training_changes_nothing_that_is_frozen() -> None:
    model = transfer.freeze(small(classes=3), until="layer4")
    before = {key: value.copy() for key, value in model.state_dict().items()}
    images, labels = blobs(6, 0)
    trainer = cl.Trainer(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1),
    )
    trainer.fit([(images, labels)], epochs=2)
    after = model.state_dict()
    for key, value in before.items():
        same = np.array_equal(value, after[key])
        assert same == (not key.startswith(("layer4", "fc"))), key
    assert all(p.grad is None for n, p in model.named_parameters() if n.startswith("layer1"))


def test_frozen_normalisation_stays_in_evaluation_after_train_and_thaws() -> None:
    model = transfer.freeze(small())
    model.train()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)
    assert model.training
    assert model.fc.training
    with cl.evaluating(model):
        assert not model.fc.training
    assert model.fc.training
    assert not norms[0].training
    transfer.unfreeze(model, statistics=True)
    model.train()
    assert all(norm.training for norm in norms)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_unfrozen_normalisations_learn_and_keep_their_statistics_unless_asked() -> None:
    images, labels = blobs(6, 0)
    for statistics in (False, True):
        model = small(classes=3)
        groups = transfer.unfreeze(model, since="layer4", statistics=statistics)
        before = {key: value.copy() for key, value in model.state_dict().items()}
        cl.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(groups)).fit(
            [(images, labels)], epochs=1
        )
        after = model.state_dict()
        for key, value in before.items():
            changed = not np.array_equal(value, after[key])
            learns = key.startswith(("layer4", "fc"))
            is_statistic = key.rsplit(".", 1)[1] in {
                "running_mean", "running_var", "num_batches_tracked",
            }  # fmt: skip
            assert changed == (learns and (statistics or not is_statistic)), key


def test_the_head_alone_learns_unless_a_name_is_given() -> None:
    model = transfer.freeze(small())
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    transfer.freeze(model, until="layer3.1.conv2")
    learning = [n for n, p in model.named_parameters() if p.requires_grad]
    assert learning[0] == "layer3.1.conv2.weight"
    assert "layer3.1.bn1.weight" not in learning
    assert learning[-1] == "fc.bias"
    assert not model.train().layer3[1].bn1.training
    assert model.layer3[1].bn2.training
    with pytest.raises(ValueError, match="until must be the name of a module, such as 'fc', got"):
        transfer.freeze(model, until="layer9")


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "efficientnet_lite0", "vgg11"])
def test_groups_hold_every_learning_parameter_once_at_falling_rates(name: str) -> None:
    model = models.create(name, classes=2, seed=0) if name != "vgg11" else small("squeezenet1_1")
    names = transfer.stages(model)
    groups = transfer.unfreeze(model, lr=0.1, decay=0.5)
    assert len(groups) == len(names) > 4
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())
    rates = [group["lr"] for group in groups]
    assert rates[-1] == 0.1
    assert all(b == pytest.approx(2 * a) for a, b in itertools.pairwise(rates))
    some = transfer.unfreeze(model, since=names[-2])
    assert len(some) == 2
    assert {id(p) for group in some for p in group["params"]} == {
        id(p) for p in model.parameters() if p.requires_grad
    }
    for wrong in ({"decay": 0.0}, {"decay": 1.5}, {"lr": -1.0}, {"since": "nowhere"}):
        with pytest.raises(ValueError, match=rf"unfreeze: {next(iter(wrong))} must be"):
            transfer.unfreeze(model, **wrong)


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v3_small"])
def test_a_head_on_features_gives_the_scores_of_the_network(name: str) -> None:
    model = small(name).eval()
    images = RNG(0).standard_normal((5, 3, 28, 28), np.float32)
    found = transfer.features(model, images, batch_size=2)
    head = model.fc if name == "resnet18" else model.classifier[3 if "mobile" in name else 1]
    assert found.shape == (5, head.weight.shape[1])
    with cl.no_grad():
        scores = model(Tensor(images)).numpy()
    if name != "squeezenet1_1":  # whose scores pass a ReLU and are averaged
        ours = found @ head.weight.data.T + head.bias.data
        np.testing.assert_allclose(ours, scores, rtol=1e-4, atol=1e-5)
    prepared = transfer.features(model, list(images), prepare=lambda image: image)
    np.testing.assert_allclose(prepared, found, rtol=1e-4, atol=1e-5)
    assert not model.training
    with pytest.raises(ValueError, match="at least one image, got none"):
        transfer.features(model, images[:0])


def test_a_head_is_trained_on_features_and_repeats_by_its_seed() -> None:
    model = models.create("resnet18", classes=3, stem="cifar", seed=0)
    images, labels = blobs(48, 1)
    rows = transfer.features(model, images)
    history = transfer.fit_head(model, rows, labels, epochs=40, batch_size=16)
    assert history[-1]["accuracy"] == 1.0
    assert history[-1]["loss"] < history[0]["loss"]
    test_images, test_labels = blobs(60, 2)
    with cl.no_grad():
        answers = model.eval()(Tensor(test_images)).numpy().argmax(1)
    assert (answers == test_labels).mean() > 0.8
    weights = model.fc.weight.data.copy()
    again = models.create("resnet18", classes=3, stem="cifar", seed=0)
    transfer.fit_head(again, rows, labels, epochs=40, batch_size=16)
    np.testing.assert_array_equal(again.fc.weight.data, weights)
    with pytest.raises(ValueError, match=r"features must be \(N, 512\) and labels \(N,\), got"):
        transfer.fit_head(model, rows[:, 1:], labels)
    with pytest.raises(TypeError, match="the last layer must be linear"):
        transfer.fit_head(small("squeezenet1_1"), rows, labels)


def test_a_transferred_network_resumes_and_is_saved_as_any_other(tmp_path: Any) -> None:
    model = transfer.freeze(transfer.replace_head(small(), 3, seed=0), until="layer4")
    images, labels = blobs(6, 0)
    groups = transfer.unfreeze(model, since="layer4", lr=1e-2)
    trainer = cl.Trainer(model, nn.CrossEntropyLoss(), optim.AdamW(groups))
    trainer.fit([(images, labels)], epochs=1)
    trainer.save(tmp_path / "x.npz")
    trainer.fit([(images, labels)], epochs=1)
    io.save(model.state_dict(), tmp_path / "model.npz")
    other = transfer.replace_head(small(), 3, seed=5)
    resumed = cl.Trainer(
        other,
        nn.CrossEntropyLoss(),
        optim.AdamW(transfer.unfreeze(other, since="layer4", lr=1e-2)),
    )
    resumed.resume(tmp_path / "x.npz")
    resumed.fit([(images, labels)], epochs=1)
    for key, value in io.load(tmp_path / "model.npz").items():
        np.testing.assert_array_equal(other.state_dict()[key], value, err_msg=key)


def test_gradual_unfreezing_lowers_the_loss() -> None:
    model = small(classes=3)
    images, labels = blobs(12, 3)
    losses = []
    for since in ("fc", "layer4", "layer3"):
        optimizer = optim.SGD(transfer.unfreeze(model, since=since, lr=0.02, statistics=True))
        for _ in range(3):
            optimizer.zero_grad()
            loss = F.cross_entropy(model.train()(Tensor(images)), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_neighbours_are_the_smallest_angles() -> None:
    rng = RNG(0)
    rows, queries = rng.normal(size=(20, 7)), rng.normal(size=(3, 7))
    order, cosines = transfer.neighbours(rows, queries, k=4)
    wanted = np.array(
        [[q @ r / np.linalg.norm(q) / np.linalg.norm(r) for r in rows] for q in queries]
    )
    np.testing.assert_array_equal(order, np.argsort(-wanted, axis=1)[:, :4])
    np.testing.assert_allclose(cosines, np.sort(wanted, axis=1)[:, ::-1][:, :4], rtol=1e-5)
    assert transfer.neighbours(rows, 5 * rows[3:4], k=1)[0].tolist() == [[3]]
    for wrong in ({"k": 21}, {"k": 0}):
        with pytest.raises(ValueError, match="k must be"):
            transfer.neighbours(rows, queries, **wrong)
    with pytest.raises(ValueError, match=r"must be \(N, F\) and \(M, F\), got"):
        transfer.neighbours(rows, queries[:, 1:])

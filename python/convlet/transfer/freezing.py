"""Which parts of a network learn, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from convlet import nn
from convlet.models.heads import head_of

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["freeze", "stages", "unfreeze"]

M = TypeVar("M", bound=nn.Module)


def freeze(model: M, until: str | None = None) -> M:
    """Let nothing learn before the module `until`, and everything from there on.

    Frozen parameters need no gradients, so nothing is remembered of their layers and batch
    normalisation is folded into the convolutions. Frozen batch normalisations stay in evaluation
    mode, after `model.train()` too: their running statistics are those of the many images they were
    trained on. Calling it again with an earlier name thaws more: that is gradual unfreezing.

    Args:
        model: it is changed and returned.
        until: dotted name of the first module that learns, as `stages` or `named_modules` gives it;
            the last layer when None.

    Raises:
        ValueError: the model has no module of this name.

    Example:
        >>> from convlet import models, transfer
        >>> model = transfer.freeze(models.resnet18(seed=0), until="layer4")
        >>> model.train().layer3[0].bn1.training, model.layer4[0].bn1.training
        (False, True)
    """
    first = head_of(model)[0] if until is None else until
    order = list(model.named_modules())
    if first not in {name for name, _ in order if name}:
        raise ValueError(
            f"freeze: until must be the name of a module, such as {stages(model)[-1]!r}, got {until!r}"
        )
    reached = False
    for name, module in order:
        reached = reached or name == first or name.startswith(f"{first}.")
        above = not name or first.startswith(f"{name}.")  # it holds both kinds
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = reached
        _set(module, frozen=not reached and not above)
    return model


def unfreeze(
    model: nn.Module,
    since: str | None = None,
    *,
    lr: float = 1e-3,
    decay: float = 0.3,
    statistics: bool = False,
) -> list[dict[str, Any]]:
    """Let the stages from `since` on learn, the earlier the slower, and give an optimiser's groups.

    The last stage, with the head, learns at `lr`, the one before at `lr * decay`, and so on: early
    stages know what all images have in common (discriminative rates, Howard and Ruder 2018,
    arXiv:1801.06146, section 3.2).

    Args:
        model: it is changed.
        since: the first stage that learns, a name of `stages(model)`; all when None.
        lr: learning rate of the last stage.
        decay: factor from each stage to the one before, in (0, 1].
        statistics: whether the batch normalisations that learn are normalised by each batch, too,
            and follow its mean and variance. Otherwise their factors and terms learn, and their
            statistics stay those of the many images: a few of one's own would spoil them.

    Returns:
        Groups for any optimiser of `convlet.optim`.

    Raises:
        ValueError: there is no such stage, or a number is out of range.

    Example:
        >>> from convlet import models, optim, transfer
        >>> model = models.resnet18(seed=0)
        >>> groups = transfer.unfreeze(model, since="layer3", lr=0.01, decay=0.1)
        >>> [round(group["lr"], 6) for group in optim.SGD(groups).param_groups]
        [0.0001, 0.001, 0.01]
    """
    if not 0.0 < decay <= 1.0:
        raise ValueError(f"unfreeze: decay must be in (0, 1], got {decay!r}")
    if not 0.0 < lr < float("inf"):
        raise ValueError(f"unfreeze: lr must be a finite number above 0, got {lr!r}")
    names = stages(model)
    if since is not None and since not in names:
        raise ValueError(f"unfreeze: since must be one of {', '.join(names)}, got {since!r}")
    learning = names if since is None else names[names.index(since) :]
    freeze(model, learning[0])
    if not statistics:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                _set(module, frozen=True)
    groups = []
    for back, name in enumerate(learning[::-1]):
        params = [p for path, p in model.named_parameters() if _stage(path, names) == name]
        groups.append({"params": params, "lr": lr * decay**back})
    return groups[::-1]


def stages(model: nn.Module) -> list[str]:
    """The names of the parts that are frozen and thawed as wholes, in their order.

    They are the model's children, or the children of one that is a `Sequential` with parameters in
    several of its own; parts without parameters do not count.

    Example:
        >>> from convlet import models, transfer
        >>> transfer.stages(models.resnet18(seed=0))
        ['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc']
    """
    return list(_stages(model))


def _stages(model: nn.Module) -> Iterator[str]:
    for name, child in model.named_children():
        inner = [part for part, module in child.named_children() if _learns(module)]
        wide = isinstance(child, nn.Sequential) and len(inner) > 3
        if wide:
            yield from (f"{name}.{part}" for part in inner)
        elif _learns(child):
            yield name


def _stage(path: str, names: list[str]) -> str | None:
    return next((name for name in names if path.startswith(f"{name}.")), None)


def _learns(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _set(module: nn.Module, *, frozen: bool) -> None:
    """Frozen normalisations and dropouts keep to evaluation mode; thawed ones follow the model."""
    if frozen:
        module.frozen = True
        module.training = False
    else:
        vars(module).pop("frozen", None)

"""What layers inside a model give, without changing the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convlet.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FeatureExtractor", "create_feature_extractor"]


class FeatureExtractor(Module):
    """A model that returns what some of its layers give, by name.

    The layers are watched by hooks for the length of a call, so the whole model runs, gradients
    flow and the model stays as it was. A layer that is called several times gives its last output.

    Args:
        model: any module.
        return_nodes: dotted names of layers, as `named_modules` has them; or a mapping from these
            to names of the results.

    Raises:
        ValueError: there is no such layer.

    Example:
        >>> import numpy as np
        >>> from convlet import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
        >>> features = nn.create_feature_extractor(model, {"1": "map", "3": "scores"})
        >>> {name: y.shape for name, y in features(np.ones((1, 1, 4, 4))).items()}
        {'map': (1, 4, 2, 2), 'scores': (1, 2)}
    """

    def __init__(self, model: Module, return_nodes: Sequence[str] | Mapping[str, str]) -> None:
        """Find the layers."""
        super().__init__()
        self.model = model
        names = [return_nodes] if isinstance(return_nodes, str) else return_nodes
        self.return_nodes = (
            dict(names) if isinstance(names, Mapping) else {name: name for name in names}
        )
        layers = dict(model.named_modules())
        for name in self.return_nodes:
            if name not in layers:
                known = ", ".join(list(layers)[1:9])
                raise ValueError(
                    f"create_feature_extractor: {type(model).__name__} has no layer {name!r}; "
                    f"the first are {known}"
                )

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run the model, and give what the layers gave."""
        seen: dict[str, Any] = {}
        layers = dict(self.model.named_modules())
        handles = []
        for name in self.return_nodes:

            def keep(_: Module, inputs: Any, output: Any, name: str = name) -> None:
                seen[name] = output

            handles.append(layers[name].register_forward_hook(keep))
        try:
            self.model(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()
        return {result: seen[name] for name, result in self.return_nodes.items() if name in seen}


def create_feature_extractor(
    model: Module, return_nodes: Sequence[str] | Mapping[str, str]
) -> FeatureExtractor:
    """A `FeatureExtractor`, under the name that torchvision gives it.

    Example:
        >>> from convlet import nn
        >>> import numpy as np
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3))
        >>> create_feature_extractor(net, {"1": "edges"})(np.zeros((1, 1, 8, 8)))["edges"].shape
        (1, 4, 6, 6)
    """
    return FeatureExtractor(model, return_nodes)

"""The base of every layer and model: parameters, a mode, and what is below."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from convlet._placing import Placed
from convlet.hooks import HookHandle
from convlet.nn.parameter import Parameter
from convlet.nn.state import check_differences, write_values
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt
    from typing_extensions import Self

__all__ = ["HookHandle", "IncompatibleKeys", "Module", "evaluating"]

M = TypeVar("M", bound="Module")


class IncompatibleKeys(NamedTuple):
    """What a loaded state lacked, and what it had too much."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(Placed):
    """A layer or a model, used as torch.nn.Module.

    Write the layers as attributes in `__init__` and what they do in `forward`. Parameters and
    modules are found among the attributes, in the order in which they were set.

    Example:
        >>> from convlet import nn, Tensor
        >>> class Twice(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = nn.Linear(2, 2)
        ...     def forward(self, x):
        ...         return self.layer(self.layer(x))
        >>> model = Twice()
        >>> [name for name, _ in model.named_parameters()]
        ['layer.weight', 'layer.bias']
        >>> model(Tensor([[1.0, 2.0]])).shape
        (1, 2)
    """

    training: bool = True
    frozen: bool = False  # stays in evaluation mode, as `convlet.transfer.freeze` wants it
    _buffers: Mapping[str, bool] = {}  # name -> whether it belongs to the state
    _forward_hooks: Mapping[int, Callable[..., Any]] = {}
    _forward_pre_hooks: Mapping[int, Callable[..., Any]] = {}

    def __init__(self) -> None:
        """Start in training mode."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass says so."""
        raise TypeError(f"{type(self).__name__} has no forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the hooks before, compute `forward`, run the hooks after."""
        if self._forward_pre_hooks:
            for hook in tuple(self._forward_pre_hooks.values()):
                replaced = hook(self, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
        y = self.forward(*args, **kwargs)
        if self._forward_hooks:
            for hook in tuple(self._forward_hooks.values()):
                replaced = hook(self, args, y)
                y = y if replaced is None else replaced
        return y

    def register_forward_hook(self, hook: Callable[[Any, Any, Any], Any]) -> HookHandle:
        """Call `hook(module, inputs, output)` after each forward; what it returns replaces output.

        Example:
            >>> from convlet import nn, Tensor
            >>> layer, seen = nn.ReLU(), []
            >>> with layer.register_forward_hook(lambda module, x, y: seen.append(y)):
            ...     _ = layer(Tensor([-1.0]))
            >>> seen
            [Tensor([0.])]
        """
        hooks = self.__dict__.setdefault("_forward_hooks", {})
        return HookHandle(hooks, hook)

    def register_forward_pre_hook(self, hook: Callable[[Any, Any], Any]) -> HookHandle:
        """Call `hook(module, inputs)` before each forward; what it returns replaces the inputs.

        Example:
            >>> from convlet import nn, Tensor
            >>> layer = nn.ReLU()
            >>> with layer.register_forward_pre_hook(lambda module, inputs: -inputs[0]):
            ...     layer(Tensor([-1.0]))
            Tensor([1.])
        """
        hooks = self.__dict__.setdefault("_forward_pre_hooks", {})
        return HookHandle(hooks, hook)

    @property
    def is_watched(self) -> bool:
        """Whether a hook waits for the module's call, which then is not computed in another's pass."""
        return bool(self._forward_hooks or self._forward_pre_hooks)

    if TYPE_CHECKING:  # layers by their names: a checker cannot know what they are

        def __getattr__(self, name: str) -> Any:
            """A layer."""

    # --- what it is made of ----------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set a parameter by name; None says that there is none."""
        setattr(self, name, param)

    def register_buffer(
        self, name: str, tensor: Tensor | npt.NDArray[Any] | None, persistent: bool = True
    ) -> None:
        """Set values that are saved with the parameters but not trained."""
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set a module by name."""
        if not name or "." in name:
            raise ValueError(f"add_module: a name must be without dots and not empty, got {name!r}")
        setattr(self, name, module)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below, each once."""
        seen: set[int] = set()
        for name, value in self.__dict__.items():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once."""
        return (child for _, child in self.named_children())

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = ""
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with dotted names, each once."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        memo.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def get_submodule(self, target: str) -> Module:
        """A module below by its dotted name; "" is this one.

        Raises:
            AttributeError: there is none of that name.
        """
        for name, module in self.named_modules():
            if name == target:
                return module
        raise AttributeError(f"{type(self).__name__} has no module {target!r}")

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names; one that is shared comes once."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name, value in module.__dict__.items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters; one that is shared comes once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Tensor | npt.NDArray[Any]]]:
        """Buffers with dotted names."""
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name in module._buffers:
                value = getattr(module, name)
                if value is not None:
                    yield f"{path}.{name}" if path else name, value

    def buffers(self, recurse: bool = True) -> Iterator[Tensor | npt.NDArray[Any]]:
        """Buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    # --- state -----------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> dict[str, npt.NDArray[Any]]:
        """The arrays of all parameters and persistent buffers, shared and not copied."""
        state: dict[str, npt.NDArray[Any]] = {}
        start = f"{prefix}." if prefix else ""
        for name, value in self.__dict__.items():
            if isinstance(value, Parameter) or (self._buffers.get(name) and value is not None):
                state[start + name] = value.data if isinstance(value, Tensor) else value
        for name, value in self.__dict__.items():
            if isinstance(value, Module):
                state.update(value.state_dict(start + name))
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True
    ) -> IncompatibleKeys:
        """Copy values in, by name, after every one has been checked.

        Args:
            state_dict: arrays or tensors by name, as `state_dict` gives them.
            strict: whether missing and unexpected names are errors; shapes always are.

        Raises:
            ValueError: names or shapes differ; the message lists every difference.
            TypeError: a value is not an array of real numbers.

        Example:
            >>> from convlet import nn
            >>> nn.Linear(2, 1).load_state_dict({"weight": [[1.0, 2.0]]})
            Traceback (most recent call last):
                ...
            ValueError: load_state_dict: Linear and the state differ:
              missing: bias (1,)
        """
        own = self.state_dict()
        values = {
            name: np.asarray(value.data if isinstance(value, Tensor) else value)
            for name, value in state_dict.items()
        }
        missing, unexpected = check_differences(type(self).__name__, own, values, strict)
        write_values(own, values)
        return IncompatibleKeys(missing, unexpected)

    # --- modes and gradients ---------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Training mode for this module and all below it."""
        if mode is not True and mode is not False:
            raise ValueError(f"train: mode must be a bool, got {mode!r}")
        for module in self.modules():
            module.training = mode and not module.frozen
        return self

    def eval(self) -> Self:
        """Evaluation mode: dropout passes everything."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or write zeros into them."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.data[...] = 0

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether the parameters are trained."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call `function` on every module, those below first."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # --- how it looks ----------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the brackets of a layer."""
        return ""

    def __repr__(self) -> str:
        """As PyTorch's."""
        lines = [
            f"({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self.__dict__.items()
            if isinstance(child, Module)
        ]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return f"{type(self).__name__}(\n  " + "\n  ".join([extra] * bool(extra) + lines) + "\n)"


@contextmanager
def evaluating(model: M) -> Iterator[M]:
    """Evaluation mode for a block; every module then gets back the mode it had.

    Example:
        >>> import convlet as cl
        >>> model = cl.nn.Dropout()
        >>> with cl.evaluating(model):
        ...     model.training
        False
        >>> model.training
        True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, mode in modes:
            module.training = mode

"""Pickles read as data: the opcodes are walked here, and nothing in the file can name what is called.

A pickle is a program for a stack machine. `load` is such a machine without the instructions that
import, construct or call: a global is text, looked up among the few that the caller allows, and what
stands for it is a function of ours. Everything else is refused by its name.
"""

from __future__ import annotations

import io
import pickletools
from typing import TYPE_CHECKING, Any

from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Pending", "load", "walk"]

MOST_STEPS = 8_000_000
MOST_MEMO = 2_000_000
LONGEST_INTEGER = 80  # bits; PyTorch's magic number has 77
KEYS = (str, bytes, int, float, bool, type(None))  # tuples could be nested to hash for ever

_MARK = object()


class Pending:
    """A value that is complete only after the pickle has given its state."""

    def __init__(self, build: Callable[[Any], Any]) -> None:
        """Remember what makes the value of the state."""
        self._build = build
        self._values: list[Any] = []

    def build(self, state: Any) -> None:
        """Make the value, once."""
        if self._values:
            raise FormatError("it gives a state twice")
        self._values.append(self._build(state))

    def value(self) -> Any:
        """The value."""
        if not self._values:
            raise FormatError("it uses a value before giving its state")
        return self._values[0]


class _Global:
    """What stands for a global: a name, and the function that the caller has for it."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function = name, function


def load(
    data: bytes,
    allowed: Mapping[str, Any] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    r"""The value of a pickle made of numbers, text, bytes, lists, tuples and dictionaries.

    Args:
        data: the pickle.
        allowed: what stands for each global that is allowed, by "module.name": a function, called
            with arguments that are values of the file, which gives a value or a `Pending`; or a
            value, where the file only names it.
        persistent: what stands for objects that the file keeps elsewhere, given their id.

    Raises:
        FormatError: the pickle is broken, or has anything else in it; the message names it.

    Example:
        >>> load(b"\x80\x02]q\x00(K\x01X\x01\x00\x00\x00ae.")
        [1, 'a']
        >>> load(b"cos\nsystem\n(X\x02\x00\x00\x00lstR.")
        Traceback (most recent call last):
            ...
        convlet.errors.FormatError: it asks for os.system
    """
    return walk(io.BytesIO(data), allowed, persistent)


def walk(
    file: io.BytesIO,
    allowed: Mapping[str, Any] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """As `load`, from where `file` stands; it then stands after the pickle."""
    machine = _Machine(allowed or {}, persistent)
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if step > MOST_STEPS:
                raise FormatError(f"it has more than {MOST_STEPS:,} steps")
            machine.do(opcode.name, argument)
        return machine.end()
    except FormatError:
        raise
    except (ValueError, IndexError, OverflowError, MemoryError, DeprecationWarning) as error:
        # the last of an odd escape in a text, where a program makes warnings errors
        raise FormatError(f"it is no whole pickle: {error}") from error


class _Machine:
    """The stack, the memo, and one step for each instruction that is harmless."""

    def __init__(self, allowed: Mapping[str, Any], persistent: Callable[[Any], Any] | None) -> None:
        self.allowed, self.persistent = allowed, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def do(self, name: str, argument: Any) -> None:
        if name in _IGNORED:
            return
        if name in _PUSHED:
            self.stack.append(_checked(argument))
        elif name in _MADE:
            self.stack.append(_MADE[name]())
        elif name in _TUPLES:
            parts = [self.pop() for _ in range(_TUPLES[name])]
            self.stack.append(tuple(parts[::-1]))
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise FormatError(f"it has the instruction {name}")

    def end(self) -> Any:
        value = self.pop()
        if self.stack:
            raise FormatError("it leaves something on the stack")
        return value

    def pop(self) -> Any:
        """The last value; a function is none, nor is what has no state yet."""
        value = self.pop_any()
        if isinstance(value, _Global):
            raise FormatError(f"it names {value.name} where a value should be")
        return value.value() if isinstance(value, Pending) else value

    def pop_any(self) -> Any:
        if not self.stack:
            raise FormatError("it takes from an empty stack")
        value = self.stack.pop()
        if value is _MARK:
            raise FormatError("it takes a mark for a value")
        return value

    def pop_to_mark(self) -> list[Any]:
        values: list[Any] = []
        while self.stack:
            if self.stack[-1] is _MARK:
                self.stack.pop()
                return values[::-1]
            values.append(self.pop())
        raise FormatError("it has no mark where it asks for one")

    def top(self, kind: type | tuple[type, ...]) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise FormatError("it adds to something else than a list or a dictionary")
        return self.stack[-1]

    def tuple_(self, _: Any) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def list_(self, _: Any) -> None:
        self.stack.append(self.pop_to_mark())

    def dict_(self, _: Any) -> None:
        pairs = self.pop_to_mark()
        self.stack.append({})
        self.set_pairs(pairs)

    def append(self, _: Any) -> None:
        value = self.pop()
        self.top(list).append(value)

    def appends(self, _: Any) -> None:
        values = self.pop_to_mark()
        self.top(list).extend(values)

    def setitem(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self.set_pairs([key, value])

    def setitems(self, _: Any) -> None:
        self.set_pairs(self.pop_to_mark())

    def set_pairs(self, values: list[Any]) -> None:
        target = self.top(dict)
        if len(values) % 2:
            raise FormatError("it has a key without a value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, KEYS):
                raise FormatError(f"it has a key that is a {type(key).__name__}")
            target[key] = value

    def drop(self, _: Any) -> None:
        self.pop_any()

    def drop_to_mark(self, _: Any) -> None:
        self.pop_to_mark()

    def put(self, key: int) -> None:
        if not self.stack or self.stack[-1] is _MARK:
            raise FormatError("it remembers nothing")
        if len(self.memo) >= MOST_MEMO:
            raise FormatError(f"it remembers more than {MOST_MEMO:,} values")
        self.memo[key] = self.stack[-1]

    def memoize(self, _: Any) -> None:
        self.put(len(self.memo))

    def get(self, key: int) -> None:
        if key not in self.memo:
            raise FormatError(f"it recalls value {key}, which it never remembered")
        self.stack.append(self.memo[key])

    def global_(self, argument: str) -> None:
        self.push_global(argument.replace(" ", ".", 1))

    def stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise FormatError("it asks for a global whose name is no text")
        self.push_global(f"{module}.{name}")

    def push_global(self, name: str) -> None:
        if name not in self.allowed:
            raise FormatError(f"it asks for {name[:100]}")
        known = self.allowed[name]
        self.stack.append(_Global(name, known) if callable(known) else known)

    def reduce(self, _: Any) -> None:
        arguments, function = self.pop(), self.pop_any()
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise FormatError("it calls something that is no function")
        try:
            self.stack.append(function.function(*arguments))
        except FormatError:
            raise
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise FormatError(f"it gives {function.name} arguments that do not fit") from error

    def build(self, _: Any) -> None:
        state = self.pop()
        target = self.stack[-1] if self.stack else None
        if isinstance(target, Pending):
            target.build(state)
        elif not (isinstance(target, dict) and isinstance(state, dict)):
            raise FormatError(f"it gives a state to a {type(target).__name__}")
        # What an OrderedDict has beside its entries, such as PyTorch's _metadata, is left out.

    def persistent_id(self, _: Any) -> None:
        if self.persistent is None:
            raise FormatError("it keeps a value elsewhere")
        self.stack.append(self.persistent(self.pop()))


def _checked(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
        raise FormatError(f"it has an integer of {value.bit_length():,} bits")
    return value


_IGNORED = {"PROTO", "FRAME", "STOP"}
_PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
}
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "TUPLE": _Machine.tuple_,
    "LIST": _Machine.list_,
    "DICT": _Machine.dict_,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_to_mark,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_id,
}

"""The methods of tensors as functions: `cl.exp(x)` is `x.exp()`, as in torch."""

from __future__ import annotations

from convlet.tensor import Tensor

__all__ = [
    "abs",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "bmm",
    "chunk",
    "clamp",
    "clip",
    "clone",
    "exp",
    "flatten",
    "flip",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "logsumexp",
    "matmul",
    "max",
    "mean",
    "min",
    "movedim",
    "permute",
    "pow",
    "prod",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "std",
    "sum",
    "swapaxes",
    "tanh",
    "transpose",
    "unbind",
    "unflatten",
    "unsqueeze",
    "var",
]

# Numbers, one by one.
abs = Tensor.abs
clamp = Tensor.clamp
clip = Tensor.clip
clone = Tensor.clone
exp = Tensor.exp
isfinite = Tensor.isfinite
isinf = Tensor.isinf
isnan = Tensor.isnan
log = Tensor.log
pow = Tensor.pow
relu = Tensor.relu
sigmoid = Tensor.sigmoid
sign = Tensor.sign
sqrt = Tensor.sqrt
square = Tensor.square
tanh = Tensor.tanh

# Reductions.
amax = Tensor.amax
amin = Tensor.amin
argmax = Tensor.argmax
argmin = Tensor.argmin
logsumexp = Tensor.logsumexp
max = Tensor.max
mean = Tensor.mean
min = Tensor.min
prod = Tensor.prod
std = Tensor.std
sum = Tensor.sum
var = Tensor.var

# Shapes, parts and products.
bmm = Tensor.bmm
chunk = Tensor.chunk
flatten = Tensor.flatten
flip = Tensor.flip
matmul = Tensor.matmul
movedim = Tensor.movedim
permute = Tensor.permute
reshape = Tensor.reshape
split = Tensor.split
squeeze = Tensor.squeeze
swapaxes = Tensor.swapaxes
transpose = Tensor.transpose
unbind = Tensor.unbind
unflatten = Tensor.unflatten
unsqueeze = Tensor.unsqueeze

"""The operators as a good NumPy user writes them.

im2col and one matrix product, no Python loop over pixels. Images are (N, C, H, W) with channels
innermost in memory, which suits NumPy too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Pair = tuple[int, int]
    Shape4 = tuple[int, int, int, int]


def padded(x: Array, padding: Pair) -> Array:
    """(N, C, H, W) -> (N, H + 2 * padding, W + 2 * padding, C)."""
    pixels = x.transpose(0, 2, 3, 1)
    if padding == (0, 0):
        return pixels
    n, h, w, c = pixels.shape
    ph, pw = padding
    out = np.zeros((n, h + 2 * ph, w + 2 * pw, c), np.float32)
    out[:, ph : ph + h, pw : pw + w] = pixels
    return out


def tap(image: Array, r: int, s: int, out: Pair, stride: Pair) -> Array:
    """The pixels that tap (r, s) meets, a view (N, I, J, C)."""
    i, j = out
    return image[:, r : r + stride[0] * i : stride[0], s : s + stride[1] * j : stride[1]]


def out_size(x: Shape4, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Height and width of what comes out."""
    return (
        (x[2] + 2 * padding[0] - kernel[0]) // stride[0] + 1,
        (x[3] + 2 * padding[1] - kernel[1]) // stride[1] + 1,
    )


def im2col(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """One row of taps and channels per output pixel: (N * I * J, R * S * C)."""
    n, c, _, _ = x.shape
    out = out_size(x.shape, kernel, stride, padding)
    image = padded(x, padding)
    if kernel == (1, 1):
        return np.ascontiguousarray(tap(image, 0, 0, out, stride)).reshape(-1, c)
    columns = np.empty((n, *out, *kernel, c), np.float32)
    for r in range(kernel[0]):
        for s in range(kernel[1]):
            columns[:, :, :, r, s] = tap(image, r, s, out, stride)
    return columns.reshape(n * out[0] * out[1], -1)


def col2im(columns: Array, x: Shape4, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """The gradient of `im2col`."""
    n, c, h, w = x
    out = out_size(x, kernel, stride, padding)
    ph, pw = padding
    image = np.zeros((n, h + 2 * ph, w + 2 * pw, c), np.float32)
    taps = columns.reshape(n, *out, *kernel, c)
    for r in range(kernel[0]):
        for s in range(kernel[1]):
            tap(image, r, s, out, stride)[...] += taps[:, :, :, r, s]
    return image[:, ph : ph + h, pw : pw + w].transpose(0, 3, 1, 2)


def matrix(weight: Array) -> Array:
    """(K, C, R, S) -> (R * S * C, K)."""
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(-1, weight.shape[0])


def pixels(y: Array) -> Array:
    """(N, K, I, J) -> (N * I * J, K), a view."""
    return y.transpose(0, 2, 3, 1).reshape(-1, y.shape[1])


def images(rows: Array, n: int, out: Pair) -> Array:
    """(N * I * J, K) -> (N, K, I, J), a view."""
    return rows.reshape(n, *out, -1).transpose(0, 3, 1, 2)


def conv2d(
    x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Pair, groups: int = 1
) -> Array:
    """im2col and one product, or one pass for each tap of a depthwise convolution."""
    kernel: Any = weight.shape[2:]
    out = out_size(x.shape, kernel, stride, padding)
    if groups == 1:
        y = im2col(x, kernel, stride, padding) @ matrix(weight)
        if bias is not None:
            y += bias
        return images(y, x.shape[0], out)
    image, y = padded(x, padding), np.zeros((x.shape[0], *out, x.shape[1]), np.float32)
    for r in range(kernel[0]):
        for s in range(kernel[1]):
            y += tap(image, r, s, out, stride) * weight[:, 0, r, s]
    return y.transpose(0, 3, 1, 2)


def conv2d_grad_input(
    dy: Array, weight: Array, x: Shape4, stride: Pair, padding: Pair, groups: int = 1
) -> Array:
    """One product and `col2im`."""
    kernel: Any = weight.shape[2:]
    if groups == 1:
        return col2im(pixels(dy) @ matrix(weight).T, x, kernel, stride, padding)
    n, c, h, w = x
    ph, pw = padding
    out = out_size(x, kernel, stride, padding)
    image = np.zeros((n, h + 2 * ph, w + 2 * pw, c), np.float32)
    grad = dy.transpose(0, 2, 3, 1)
    for r in range(kernel[0]):
        for s in range(kernel[1]):
            tap(image, r, s, out, stride)[...] += grad * weight[:, 0, r, s]
    return image[:, ph : ph + h, pw : pw + w].transpose(0, 3, 1, 2)


def conv2d_grad_weight(
    dy: Array, x: Array, weight: Shape4, stride: Pair, padding: Pair, groups: int = 1
) -> Array:
    """im2col again, transposed."""
    k, c, r, s = weight
    if groups == 1:
        dw = im2col(x, (r, s), stride, padding).T @ pixels(dy)
        return dw.reshape(r, s, c, k).transpose(3, 2, 0, 1)
    image, dw = padded(x, padding), np.empty(weight, np.float32)
    grad = dy.transpose(0, 2, 3, 1)
    out = dy.shape[2], dy.shape[3]
    for i in range(r):
        for j in range(s):
            dw[:, 0, i, j] = np.einsum("nijc,nijc->c", tap(image, i, j, out, stride), grad)
    return dw


def framed(x: Array, padding: int) -> Array:
    """Minus infinity around the images: (N, C, H, W) -> (N, C, H + 2 * padding, W + 2 * padding)."""
    if padding == 0:
        return x
    n, c, h, w = x.shape
    out = np.full((n, h + 2 * padding, w + 2 * padding, c), -np.inf, np.float32)
    out[:, padding : padding + h, padding : padding + w] = x.transpose(0, 2, 3, 1)
    return out.transpose(0, 3, 1, 2)


def max_pool2d(
    x: Array, kernel: int, stride: int, padding: int = 0
) -> tuple[Array, npt.NDArray[np.uint8]]:
    """The largest value of each window, and its place in it."""
    x = framed(x, padding)
    image = x.transpose(0, 2, 3, 1)
    out = out_size(x.shape, (kernel, kernel), (stride, stride), (0, 0))
    y = tap(image, 0, 0, out, (stride, stride)).copy()
    indices = np.zeros(y.shape, np.uint8)
    for t in range(1, kernel * kernel):
        other = tap(image, *divmod(t, kernel), out, (stride, stride))
        larger = other > y
        np.copyto(y, other, where=larger)
        np.copyto(indices, np.uint8(t), where=larger)
    return y.transpose(0, 3, 1, 2), indices.transpose(0, 3, 1, 2)


def max_pool2d_grad(
    dy: Array, indices: npt.NDArray[Any], x: Shape4, kernel: int, stride: int, padding: int = 0
) -> Array:
    """The gradient of `max_pool2d` by its input of shape `x`."""
    n, c, h, w = x
    image = np.zeros((n, h + 2 * padding, w + 2 * padding, c), np.float32)
    grad, won = dy.transpose(0, 2, 3, 1), indices.transpose(0, 2, 3, 1)
    out = dy.shape[2], dy.shape[3]
    for t in range(kernel * kernel):
        tap(image, *divmod(t, kernel), out, (stride, stride))[...] += grad * (won == t)
    inside = image[:, padding : padding + h, padding : padding + w]
    return inside.transpose(0, 3, 1, 2)


def avg_pool2d(x: Array, kernel: int, stride: int) -> Array:
    """The mean of each window."""
    image = x.transpose(0, 2, 3, 1)
    out = out_size(x.shape, (kernel, kernel), (stride, stride), (0, 0))
    y = tap(image, 0, 0, out, (stride, stride)).copy()
    for t in range(1, kernel * kernel):
        y += tap(image, *divmod(t, kernel), out, (stride, stride))
    y *= np.float32(1 / (kernel * kernel))
    return y.transpose(0, 3, 1, 2)


def avg_pool2d_grad(dy: Array, x: Shape4, kernel: int, stride: int) -> Array:
    """Its gradient."""
    n, c, h, w = x
    image = np.zeros((n, h, w, c), np.float32)
    grad = dy.transpose(0, 2, 3, 1) * np.float32(1 / (kernel * kernel))
    out = dy.shape[2], dy.shape[3]
    for t in range(kernel * kernel):
        tap(image, *divmod(t, kernel), out, (stride, stride))[...] += grad
    return image.transpose(0, 3, 1, 2)


def per_channel(values: Array) -> Array:
    """(C,) -> (C, 1, 1), which broadcasts over images."""
    return values[:, np.newaxis, np.newaxis]


def batch_norm_relu(x: Array, weight: Array | None = None, bias: Array | None = None) -> Array:
    """Batch normalisation by the batch's statistics, and ReLU."""
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    scale = 1 / np.sqrt(variance + np.float32(1e-5))
    if weight is not None:
        scale *= weight
    shift = -mean * scale if bias is None else bias - mean * scale
    y = x * per_channel(scale)
    y += per_channel(shift)
    np.maximum(y, 0, out=y)
    return y


def batch_norm_relu_grad(
    dy: Array, x: Array, y: Array, mean: Array, variance: Array, weight: Array | None = None
) -> tuple[Array, Array, Array]:
    """Its gradients by input, weight and bias."""
    scale = 1 / np.sqrt(variance + np.float32(1e-5))
    hat = (x - per_channel(mean)) * per_channel(scale)
    dz = dy * (y > 0)
    dweight, dbias = (dz * hat).sum((0, 2, 3)), dz.sum((0, 2, 3))
    count = np.float32(x.size / x.shape[1])
    dz -= per_channel(dbias / count)
    dz -= hat * per_channel(dweight / count)
    dz *= per_channel(scale if weight is None else scale * weight)
    return dz, dweight, dbias


def linear(x: Array, weight: Array, bias: Array) -> Array:
    """Rows times the weight, and the bias."""
    y = x @ weight.T
    y += bias
    return y


def softmax_cross_entropy(logits: Array, labels: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Losses and probabilities."""
    shifted = logits - logits.max(1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(1, keepdims=True)
    losses = np.log(sums[:, 0]) - np.take_along_axis(shifted, labels[:, None], 1)[:, 0]
    return losses, exponentials / sums


def softmax_cross_entropy_grad(
    probabilities: Array, labels: npt.NDArray[np.int64], dlosses: Array
) -> Array:
    """The gradient by the logits."""
    grad = probabilities * dlosses[:, None]
    grad[np.arange(len(labels)), labels] -= dlosses
    return grad

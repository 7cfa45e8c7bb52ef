from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

KINDS: dict[str, int]

def transform(
    pictures: npt.NDArray[np.uint8]
    | npt.NDArray[np.float32]
    | Sequence[npt.NDArray[np.uint8] | npt.NDArray[np.float32]],
    indices: npt.ArrayLike,
    steps: Sequence[tuple[str, Sequence[float]]],
    *,
    seed: int = 0,
    epoch: int = 0,
    num_threads: int = 1,
) -> npt.NDArray[np.float32]: ...
def draw(
    indices: npt.ArrayLike,
    *,
    stream: int,
    count: int,
    alpha: float = 0.0,
    seed: int = 0,
    epoch: int = 0,
) -> npt.NDArray[np.float64]: ...
def mix(
    images: npt.NDArray[np.float32],
    partners: npt.ArrayLike,
    shares: npt.ArrayLike,
    boxes: npt.ArrayLike,
    *,
    num_threads: int = 1,
) -> npt.NDArray[np.float32]: ...

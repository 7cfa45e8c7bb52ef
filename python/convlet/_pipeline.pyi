from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

def gather(
    images: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    indices: npt.ArrayLike,
    scale: npt.ArrayLike,
    offset: npt.ArrayLike,
    *,
    shift: int = 0,
    flip: bool = False,
    seed: int = 0,
    epoch: int = 0,
    num_threads: int = 1,
) -> npt.NDArray[np.float32]: ...
def philox(counter: tuple[int, int, int, int], key: Sequence[int]) -> tuple[int, int, int, int]: ...

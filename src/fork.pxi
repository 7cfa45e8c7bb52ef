# The OpenMP threads of a parent do not exist in a forked child: a parallel region would wait for them.

import os

cdef bint forked = False


def _after_fork_in_child():
    global forked
    forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

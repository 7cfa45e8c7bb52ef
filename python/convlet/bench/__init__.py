"""convlet beside other libraries: what both compute, and who is sooner."""

__all__: list[str] = []

"""A short name for the contents of a table: equal tables have equal fingerprints, whatever file they came from."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from ambidex.data.table import Table


def table_fingerprint(table: Table) -> str:
    """BLAKE2b over column names and values, 128 bits in hexadecimal."""
    digest = blake2b(digest_size=16)
    for name, values in table.columns().items():
        digest.update(f"\x1e{name}\x1f{len(values)}\x1f".encode())
        if isinstance(values, np.ndarray) and values.dtype.kind in "iufbM":
            digest.update(values.dtype.str.encode() + np.ascontiguousarray(values).tobytes())
        else:
            digest.update("\x1f".join(map(str, values)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()

"""What `pip install ambidex` brings: a fresh environment, this source installed plainly, every file counted.

    python -m benchmarks.serving.installed_size

Counted are the bytes of all files in the environment's site-packages, without pip and setuptools, which come with the
environment, and without bytecode, which Python writes itself. Ends with 1 above 200 MiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_MIB = 200
NOT_OURS = ("pip", "setuptools", "_distutils_hack", "pkg_resources")
ROOT = Path(__file__).parents[2]


def sizes_mib(packages: Path) -> dict[str, float]:
    """Each entry of the folder with its size, the largest first."""
    found: dict[str, int] = {}
    for path in packages.rglob("*"):
        name = path.relative_to(packages).parts[0]
        is_ours = not name.startswith(NOT_OURS) and path.suffix != ".pyc"
        if is_ours and path.is_file() and not path.is_symlink():
            found[name] = found.get(name, 0) + path.stat().st_size
    return {name: round(size / 2**20, 2) for name, size in sorted(found.items(), key=lambda entry: -entry[1])}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        python = environment / "bin" / "python"
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
        (packages,) = environment.glob("lib/python3*/site-packages")
        sizes = sizes_mib(packages)
    total = round(sum(sizes.values()), 1)
    print(json.dumps({"total_mib": total, "limit_mib": LIMIT_MIB, "parts_mib": sizes}, indent=1))
    return int(total > LIMIT_MIB)


if __name__ == "__main__":
    sys.exit(main())

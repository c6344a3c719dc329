# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the packages of the image smaller while it is built. Usage: shrink.py SITE_PACKAGES

What goes is nothing that a program uses: symbols of extension modules that only a debugger reads, copies of a library
that were symbolic links before they were put into a wheel, and the examples of `aws help`. The service models of the
AWS CLI are compressed, as botocore's own are. Each extension module has to load afterwards, or the build fails.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Libraries that a wheel carries for its extension modules were moved by its makers; they stay as they are.
OF_OTHERS = (".libs", "vendor")
# Smaller copies are not worth a link.
LARGE = 100_000


def extension_modules(packages: Path) -> Iterator[Path]:
    """Yield the extension modules, without the libraries that wheels carry for them."""
    for path in sorted(packages.rglob("*.so")):
        folders = path.relative_to(packages).parts[:-1]
        if not any(folder.endswith(OF_OTHERS) for folder in folders):
            yield path


def strip(modules: list[Path]) -> None:
    """Take out of extension modules what only a debugger reads."""
    subprocess.run(["strip", "--strip-unneeded", *map(str, modules)], check=True)


def load(modules: list[Path]) -> None:
    """Load every extension module, each in a process without the libraries of the others, or fail."""
    for module in modules:
        subprocess.run([sys.executable, "-IS", "-c", f"import ctypes; ctypes.CDLL({str(module)!r})"], check=True)


def link_copies(packages: Path) -> None:
    """Replace equal libraries of one folder by symbolic links to the one with the shortest name."""
    known: dict[tuple[Path, bytes], Path] = {}
    libraries = [path for path in packages.rglob("*.so*") if not path.is_symlink() and path.stat().st_size > LARGE]
    for path in sorted(libraries, key=lambda path: (len(path.name), path.name)):
        first = known.setdefault((path.parent, path.read_bytes()), path)
        if first is not path:
            path.unlink()
            path.symlink_to(first.name)


def compress_models(cli: Path) -> None:
    """Compress the service models of the AWS CLI, which reads them so too, and delete the examples of its help."""
    for path in cli.glob("botocore/data/**/*.json"):
        # Without a name and a time the same file gives the same bytes.
        path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
    shutil.rmtree(cli / "examples")


if __name__ == "__main__":
    site_packages = Path(sys.argv[1])
    extensions = list(extension_modules(site_packages))
    strip(extensions)
    load(extensions)
    link_copies(site_packages)
    compress_models(site_packages / "awscli")

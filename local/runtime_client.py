"""Lambda's runtime client beside an unzipped bundle, which does not bring it along.

On Lambda the managed runtime has ``awslambdaric`` outside the zip. A bundle runs here on a Python
without packages, so the client's own files, and no others, are put into a folder for its path.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

DISTRIBUTIONS = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""The client and what it imports."""


def runtime_client(directory: Path) -> Path:
    """Link the installed client into a directory; return the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in DISTRIBUTIONS:
        installed = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in installed.files or ()}:
            _link(directory / top, Path(str(installed.locate_file(top))))
    return directory


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(target)

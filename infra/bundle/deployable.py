"""What a deployment asks of a zip before it uploads it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.bundle.archive import Archive, opened
from infra.bundle.errors import NotDeployable
from infra.bundle.manifest import Manifest, NoManifest, read_manifest
from infra.bundle.recipe import OWN_PACKAGES
from infra.bundle.targets import LAMBDA_NAME

REMEDY: Final = "run `make bundle` first"


def require_deployable(
    path: Path, checkout: Path, *, runtime: str, architecture: str, handler: str
) -> None:
    """Raise :class:`NotDeployable` unless a zip is built for a function declared like this.

    A zip for another machine, or of other code than the checkout's, would deploy without a word
    and fail, or answer from yesterday's catalog, afterwards.
    """
    manifest = _manifest(path)
    if manifest.target != LAMBDA_NAME:
        raise NotDeployable(
            f"{path.name} is built for this machine ({manifest.target}), not for Lambda: {REMEDY}"
        )
    declared, built = (runtime, architecture, handler), _shape(manifest)
    if declared != built:
        raise NotDeployable(
            f"{path.name} is built for {', '.join(built)}; the function is declared with "
            f"{', '.join(declared)}: {REMEDY}"
        )
    with opened(path) as archive:
        if changed := _changed(archive, checkout):
            raise NotDeployable(f"{path.name} was built before {_told(changed)} changed: {REMEDY}")


def _manifest(path: Path) -> Manifest:
    if not path.exists():
        raise NotDeployable(f"there is no {path.parent.name}/{path.name}: {REMEDY}")
    try:
        return read_manifest(path)
    except NoManifest as error:
        raise NotDeployable(f"{error}: {REMEDY}") from error


def _shape(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.runtime, manifest.architecture, manifest.handler


def _changed(archive: Archive, checkout: Path) -> list[str]:
    ours = [name for name in archive.names if name.split("/")[0] in OWN_PACKAGES]
    return [
        name
        for name in ours
        if not name.endswith(".pyc") and not _same(checkout / name, archive.read(name))
    ]


def _told(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more files" if names[1:] else "")


def _same(file: Path, content: bytes) -> bool:
    return file.is_file() and file.read_bytes() == content

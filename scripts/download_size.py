"""Say how much scripts/setup is about to load: ``download_size.py INDEX TORCH_INDEX [EXTRA…]``.

Counts the pins of constraints.txt that this environment lacks, with the sizes that the indexes
give for its platform (PEP 503, 691 and 700). It only informs: whatever an index does not tell is
named and not counted.
"""

from __future__ import annotations

import gzip
import html
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

# A new environment has nothing but pip, which has what chooses the file for a platform.
from pip._vendor.packaging.specifiers import Specifier
from pip._vendor.packaging.tags import sys_tags
from pip._vendor.packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"
TIMEOUT_S = 10
NAMES_SAID = 6
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


@dataclass(frozen=True)
class Pin:
    """A line ``name==version`` of constraints.txt; ``part`` is the extra that alone needs it."""

    name: str
    version: str
    part: str = ""


@dataclass(frozen=True)
class File:
    """What an index offers; ``size`` in bytes, if its page gives one."""

    url: str
    size: int | None

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.url).path.rpartition("/")[2])


def read_pins(text: str) -> list[Pin]:
    """The pins of a constraints file."""
    found = re.findall(r"^([\w.-]+)==(\S+)(?:[ ]+# (\w+))?$", text, re.M)
    return [Pin(canonicalize_name(name), version, part) for name, version, part in found]


def is_installed(pin: Pin) -> bool:
    """Whether this environment has the pinned version, or a local build of it."""
    try:
        return Specifier(f"=={pin.version}").contains(metadata.version(pin.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


class Platform:
    """Chooses among files as pip does for the running Python."""

    @cached_property
    def ranks(self) -> dict[Any, int]:
        """The rank of each tag that a wheel may have here, the best first."""
        return {tag: rank for rank, tag in enumerate(sys_tags())}

    def best(self, files: Sequence[File], pin: Pin) -> File | None:
        """The file that would be installed, if any is for this platform."""
        rated = [(rating, file) for file in files if (rating := self._rate(file, pin))]
        return max(rated, key=lambda pair: pair[0])[1] if rated else None

    def _rate(self, file: File, pin: Pin) -> tuple[Any, int] | None:
        try:
            if file.name.endswith(".whl"):
                name, version, _, tags = parse_wheel_filename(file.name)
                ranks = [self.ranks[tag] for tag in tags if tag in self.ranks]
            else:
                name, version = parse_sdist_filename(file.name)
                ranks = [len(self.ranks)]
        except (InvalidWheelFilename, InvalidSdistFilename):
            return None
        fits = name == pin.name and Specifier(f"=={pin.version}").contains(version, True)
        return (version, -min(ranks)) if fits and ranks else None


class Index:
    """A package index. After a request that gets no connection it is asked no more."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.reachable = bool(url)

    def size(self, pin: Pin, platform: Platform) -> int | None:
        """Bytes to load for ``pin``, or None if that can't be told."""
        if not self.reachable:
            return None
        try:
            file = platform.best(list(self._files(pin.name)), pin)
            return file and (file.size or self._length(file.url))
        except (urllib.error.HTTPError, ValueError, LookupError):
            return None  # no such page, or one that is none
        except OSError:
            self.reachable = False
            return None

    def _files(self, name: str) -> Iterator[File]:
        page = f"{self.url}/{name}/"
        headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip"}
        with _open(urllib.request.Request(page, headers=headers)) as reply:  # noqa: S310
            body, page = reply.read(), reply.url
            if reply.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if "json" in reply.headers.get("Content-Type", ""):
                for file in json.loads(body)["files"]:
                    yield File(urljoin(page, file["url"]), file.get("size"))
                return
        for link in re.findall(r"""<a\s[^>]*?href=["']([^"']+)""", body.decode("utf-8", "replace")):
            yield File(urljoin(page, html.unescape(link)), None)

    def _length(self, url: str) -> int | None:
        with _open(urllib.request.Request(url, method="HEAD")) as reply:  # noqa: S310
            length = reply.headers.get("Content-Length")
            return int(length) if length else None


def _open(request: urllib.request.Request) -> Any:
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310


def describe(sizes: dict[str, int | None]) -> str:
    """One sentence on sizes in bytes by package name. What pip's cache holds is not loaded, nor is
    what another platform needs, so it is a bound."""
    known = {name: size for name, size in sizes.items() if size is not None}
    unknown = sorted(sizes.keys() - known.keys())
    if not sizes:
        return "nothing is to be loaded"
    if not known:
        return "how much will be loaded can't be told: the index gives no sizes"
    said = f"at most {_megabytes(sum(known.values()))} to load"
    if "torch" in known:
        said += f" (PyTorch: {_megabytes(known['torch'])})"
    return said + (f"; not counted, size unknown: {_some(unknown)}" if unknown else "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SAID} more" if len(names) > NAMES_SAID else ""
    return ", ".join(names[:NAMES_SAID]) + more


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def main(index_url: str, torch_index_url: str, *extras: str) -> None:
    """Print the sentence. On Linux without an index of its own PyTorch stays uncounted: the size
    of its file is not that of the GPU libraries that may come with it."""
    index = Index(index_url)
    own = Index(torch_index_url) if torch_index_url or sys.platform == "linux" else index
    platform = Platform()
    parts = {"", *extras}
    pins = [pin for pin in read_pins(CONSTRAINTS.read_text("utf-8")) if pin.part in parts]
    wanted = [pin for pin in pins if not is_installed(pin)]

    def size(pin: Pin) -> int | None:
        return (own if pin.name == "torch" else index).size(pin, platform)

    with ThreadPoolExecutor(8) as pool:
        sizes = pool.map(size, wanted)
        print(describe({pin.name: size for pin, size in zip(wanted, sizes, strict=True)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

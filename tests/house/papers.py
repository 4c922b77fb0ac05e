# SPDX-License-Identifier: MIT
"""The papers of the house: links that lead somewhere, and configurations that can be copied."""

import pathlib
import re
from collections.abc import Iterator
from urllib.parse import unquote

LINK = re.compile(
    r"""!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|\b(?:src|href)="([^"]+)\"""")
FENCE = re.compile(r"^(```|~~~)[^\n]*\n.*?^\1\s*$", re.MULTILINE | re.DOTALL)
CONFIGURATION = re.compile(r"^```jsonc?\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def pages(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md")) + sorted(
        (root / "examples").rglob("*.md"))


def anchors(text: str) -> set[str]:
    """The names that headings get in a rendered page."""
    names: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "]", heading).lower())
        name = words.replace(" ", "-")
        count = 0
        while (name if count == 0 else f"{name}-{count}") in names:
            count += 1
        names.add(name if count == 0 else f"{name}-{count}")
    return names


def blank(match: re.Match[str]) -> str:
    return "\n" * match.group(0).count("\n")


def broken_links(root: pathlib.Path) -> Iterator[str]:
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        # What stands in a block or span of code is shown, not followed.
        prose = re.sub(r"`[^`\n]*`", "", FENCE.sub(blank, text))
        for match in LINK.finditer(prose):
            target = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            where = f"{page.relative_to(root)}:{prose.count(chr(10), 0, match.start()) + 1}"
            path, _, anchor = unquote(target).partition("#")
            other = (page.parent / path).resolve() if path else page
            if not other.exists():
                yield f"{where}: {target} leads nowhere"
            elif root.resolve() not in (other, *other.parents):
                yield f"{where}: {target} leads out of the repository"
            elif anchor and other.suffix == ".md" and anchor not in anchors(
                    other.read_text(encoding="utf-8")):
                yield f"{where}: {target}: no such heading"


def missing_pages(root: pathlib.Path) -> Iterator[str]:
    """Pages that the sources send their readers to, and that nobody has written."""
    for folder in ("src", "fuzz", "bench"):
        for source in sorted((root / folder).rglob("*.[ch]pp")):
            for line, words in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
                for page in re.findall(r"\bdocs/[\w/-]+\.md\b", words):
                    if not (root / page).is_file():
                        yield f"{source.relative_to(root)}:{line}: there is no {page}"


def configurations(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Each whole configuration shown in a page: where it stands, and its text."""
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for match in CONFIGURATION.finditer(text):
            if '"scripts"' in match.group(1):
                line = text.count("\n", 0, match.start()) + 2
                yield f"{page.relative_to(root)}:{line}", match.group(1)

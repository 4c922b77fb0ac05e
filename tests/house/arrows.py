# SPDX-License-Identifier: MIT
"""The shape of src/: which folder may include what, and who may ask for the time.

docs/architecture.md has the same table with its reasons. Here it is a value that a test compares
with the sources, so that a wrong arrow is a failed test and not a matter of review.
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterator

MOST_LINES = 500


@dataclasses.dataclass(frozen=True)
class Row:
    """What one folder may include besides itself, the standard library and the kernel."""

    folders: frozenset[str] = frozenset()
    libraries: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()  # single files of folders that are closed otherwise


def row(folders: str = "", libraries: str = "", files: tuple[str, ...] = ()) -> Row:
    return Row(frozenset(folders.split()), frozenset(libraries.split()), files)


ROWS = {
    "core": row("", "fmt date json expected"),
    "engine": row("core", "asio fmt expected"),
    # The wire is the one thing that both ends of the keeper's socket share: what is said, how it is
    # packed, and the handles that travel with it.
    "os": row("engine core", "asio fmt expected",
              ("keeper/protocol", "keeper/start_spec", "keeper/packet_socket",
               "keeper/sealed_memory", "keeper/unique_fd")),
    "keeper": row(),
    "store": row("engine core", "asio fmt expected sqlite", ("keeper/unique_fd",)),
    "cluster": row("store engine core", "asio fmt expected"),
    "notify": row("engine core", "asio fmt expected curl"),
    "http": row("engine core", "asio beast fmt json expected openssl"),
    "web": row(),
    "import": row("core", "fmt json expected"),
    "cli": row("core import", "asio beast fmt date json cli11 expected"),
    "app": row("core engine os keeper store cluster notify http web import cli",
               "asio beast fmt spdlog date json cli11 expected openssl sqlite"),
}

# The first match counts, hence beast before the rest of Boost.
LIBRARIES = (
    ("boost/beast", "beast"),
    ("boost/", "asio"),
    ("fmt/", "fmt"),
    ("spdlog/", "spdlog"),
    ("date/", "date"),
    ("nlohmann/", "json"),
    ("tl/", "expected"),
    ("CLI/", "cli11"),
    ("openssl/", "openssl"),
    ("sqlite3.h", "sqlite"),
    ("curl/", "curl"),
)

# core/ is pure rules: what it is told is all that it knows.
CLOSED_TO_CORE = frozenset(
    "thread mutex condition_variable future fstream iostream unistd.h fcntl.h poll.h signal.h "
    "csignal sys/epoll.h sys/socket.h sys/stat.h sys/time.h sys/wait.h".split())

# A zone is a value, but it comes from the files of the system's database, which the date library
# opens as well; it is read once and shared between threads.
OPEN_TO = {"core/time_zone.cpp": frozenset({"fstream", "mutex"})}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.MULTILINE)
# A name for what only its own folder may see.
PRIVATE = re.compile(r"(^|/)(detail|internal)/|_(detail|internal)\.hpp$")

CLOCKS = re.compile(
    r"\b(?:system|steady|high_resolution|utc|tai|gps|file)_clock\s*::\s*now\b"
    r"|(?<![\w.>])(?:std\s*)?::\s*time\s*\("
    r"|\bclock_gettime\b[^;]*"
    r"|\b(?:gettimeofday|timespec_get)\b")

# Comments and literals, so that a sentence about a clock is not taken for a use of one.
NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/"""
    r"""|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w'])'(?:\\.|[^'\\\n])*'""",
    re.DOTALL)

# Targets that are no folder of src/.
HELPER_TARGETS = frozenset({"language", "warnings", "asio"})


def findings(root: pathlib.Path) -> Iterator[str]:
    """Every breach of the rules below `root`/src, as "file:line: what; what to do"."""
    source = root / "src"
    for path in sorted(source.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(source).as_posix()
        folder = name.split("/")[0]
        if path.suffix in (".hpp", ".cpp"):
            if folder not in ROWS:
                yield (f"src/{name}:1: no row for folder {folder}/; add it to arrows.py and "
                       "docs/architecture.md")
                continue
            text = path.read_text(encoding="utf-8")
            yield from anatomy(name, text)
            yield from arrows(source, folder, name, text)
            yield from clocks(folder, name, text)
            if path.suffix == ".cpp":
                yield from listed(source, folder, name)
        elif path.name == "CMakeLists.txt" and folder in ROWS:
            yield from links(folder, name, path.read_text(encoding="utf-8"))


def anatomy(name: str, text: str) -> Iterator[str]:
    if not text.startswith("// SPDX-License-Identifier: MIT\n"):
        yield f"src/{name}:1: the first line is not the license line"
    if name.endswith(".hpp") and not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield f"src/{name}:1: a header without #pragma once"
    lines = text.count("\n")
    if lines > MOST_LINES:
        yield f"src/{name}:{MOST_LINES}: {lines} lines; a file this long hides a second one"


def arrows(source: pathlib.Path, folder: str, name: str, text: str) -> Iterator[str]:
    allowed = ROWS[folder]
    for match in INCLUDE.finditer(text):
        where = f"src/{name}:{text.count(chr(10), 0, match.start(1)) + 1}"
        quoted, target = match.group(1) == '"', match.group(2)
        if quoted:
            if not (source / target).is_file():
                yield f'{where}: "{target}" is no file of src/; write the path from src/'
                continue
            other = target.split("/")[0]
            if other == folder:
                continue
            single = any(target.startswith(start) for start in allowed.files)
            if other not in allowed.folders and not single:
                yield f"{where}: {folder}/ may not include {other}/ ({target})"
            elif PRIVATE.search(target):
                yield f"{where}: {target} is private to {other}/"
            continue
        if target.split("/")[0] in ROWS and (source / target).is_file():
            yield f"{where}: <{target}> is ours; include it in quotes"
        library = next((lib for start, lib in LIBRARIES if target.startswith(start)), None)
        if library is not None and library not in allowed.libraries:
            yield f"{where}: {folder}/ may not use {library} (<{target}>)"
        if folder == "core" and target in CLOSED_TO_CORE - OPEN_TO.get(name, frozenset()):
            yield f"{where}: core/ has no clock, file, thread or process (<{target}>)"


def clocks(folder: str, name: str, text: str) -> Iterator[str]:
    if folder == "os":
        return
    # Keeps the line numbers.
    code = NOT_CODE.sub(lambda match: "\n" * match.group(0).count("\n"), text)
    for match in CLOCKS.finditer(code):
        found = match.group(0)
        if folder == "keeper" and "CLOCK_BOOTTIME" in found:
            continue
        line = code.count("\n", 0, match.start()) + 1
        yield (f"src/{name}:{line}: {found.split('(')[0].strip()}: only os/ asks for the time; "
               "take a Clock")


def listed(source: pathlib.Path, folder: str, name: str) -> Iterator[str]:
    """A source that no CMakeLists.txt names is built by nobody and tested by nobody."""
    # A folder within a folder may keep a list of its own.
    place = pathlib.PurePosixPath(name)
    lists = [(source / folder, name.split("/", 1)[1]), (source / place.parent, place.name)]
    for directory, below in lists:
        file = directory / "CMakeLists.txt"
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        words = re.sub(r"#[^\n]*", "", text).split()
        if any(word.strip('()"') == below for word in words):
            return
    yield f"src/{name}:1: not in src/{folder}/CMakeLists.txt"


def links(folder: str, name: str, text: str) -> Iterator[str]:
    allowed = ROWS[folder]
    targets = allowed.folders | {folder, "protocol"} | HELPER_TARGETS
    # os/ links the keeper's library for its protocol; the includes say that it takes no more.
    targets |= {file.split("/")[0] for file in allowed.files}
    for line, words in enumerate(text.splitlines(), 1):
        for target in re.findall(r"\bbansuri::(\w+)", words.split("#")[0]):
            root = target.split("_")[0]
            if target not in targets and root not in targets:
                yield f"src/{name}:{line}: {folder}/ may not link bansuri::{target}"

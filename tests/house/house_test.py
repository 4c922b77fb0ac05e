# SPDX-License-Identifier: MIT
"""The house keeps its own rules, and the rules would notice if it did not."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import arrows
import papers

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENSE = "// SPDX-License-Identifier: MIT\n"


class Tree:
    """A small src/ made for one test, sound until something is planted in it."""

    def __init__(self, test: unittest.TestCase):
        directory = tempfile.TemporaryDirectory()
        test.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        for folder in ("core", "engine", "os", "keeper", "cli"):
            self.write(f"src/{folder}/thing.hpp", LICENSE + "#pragma once\n")
        self.write("src/keeper/protocol.hpp", LICENSE + "#pragma once\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def source(self, name: str, text: str) -> None:
        """A source that its folder's CMakeLists.txt names."""
        folder, below = name.split("/", 1)
        self.write(f"src/{name}", LICENSE + text)
        self.write(f"src/{folder}/CMakeLists.txt", f"bansuri_library({folder} SOURCES {below})\n")

    def findings(self) -> list[str]:
        return list(arrows.findings(self.root))


class TheHouse(unittest.TestCase):
    maxDiff = None

    def test_arrows(self):
        self.assertEqual(list(arrows.findings(ROOT)), [])

    def test_links(self):
        self.assertEqual(list(papers.broken_links(ROOT)), [])

    def test_pages_named_in_the_sources(self):
        self.assertEqual(list(papers.missing_pages(ROOT)), [])

    def test_every_folder_has_its_row_in_the_architecture_page(self):
        page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
        folders = [path.name for path in (ROOT / "src").iterdir() if path.is_dir()]
        self.assertEqual([name for name in folders if f"`src/{name}/`" not in page], [])

    @unittest.skipUnless("BANSURI" in os.environ, "no bansuri to ask; ctest hands it over")
    def test_configurations_in_the_papers(self):
        for where, text in papers.configurations(ROOT):
            with self.subTest(where), tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(text)
                file.flush()
                result = subprocess.run([os.environ["BANSURI"], "check", "--config", file.name],
                                        stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                        timeout=30, check=False)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


class ThePlantedFault(unittest.TestCase):
    """Each row plants one fault; the message must name it, so that no other rule answers for it."""

    def expect(self, name: str, text: str, message: str):
        with self.subTest(text.strip()):
            tree = Tree(self)
            tree.source(name, text)
            found = tree.findings()
            self.assertEqual(len(found), 1, found)
            self.assertIn(message, found[0])

    def expect_fine(self, name: str, text: str):
        with self.subTest(text.strip()):
            tree = Tree(self)
            tree.source(name, text)
            self.assertEqual(tree.findings(), [])

    def test_a_sound_tree_has_no_findings(self):
        self.assertEqual(Tree(self).findings(), [])

    def test_wrong_arrows(self):
        self.expect("core/a.cpp", '#include "engine/thing.hpp"\n', "core/ may not include engine/")
        self.expect("core/a.cpp", '  # include "os/thing.hpp"\n', "src/core/a.cpp:2: core/ may not")
        self.expect("engine/a.cpp", '#include "os/thing.hpp"\n', "engine/ may not include os/")
        self.expect("keeper/a.cpp", '#include "core/thing.hpp"\n', "keeper/ may not include core/")
        self.expect("os/a.cpp", '#include "keeper/thing.hpp"\n', "os/ may not include keeper/")
        self.expect("cli/a.cpp", '#include "engine/thing.hpp"\n', "cli/ may not include engine/")
        self.expect("core/a.cpp", '#include "thing.hpp"\n', "no file of src/")
        self.expect("engine/a.cpp", "#include <core/thing.hpp>\n", "include it in quotes")
        self.expect("attic/a.cpp", "", "no row for folder attic/")

    def test_right_arrows(self):
        self.expect_fine("os/a.cpp", '#include "keeper/protocol.hpp"\n#include <sys/wait.h>\n')
        self.expect_fine("engine/a.cpp", '#include "core/thing.hpp"\n#include <boost/asio.hpp>\n')
        self.expect_fine("app/a.cpp", '#include "keeper/thing.hpp"\n#include <CLI/CLI.hpp>\n')

    def test_private_headers(self):
        tree = Tree(self)
        tree.write("src/core/detail/table.hpp", LICENSE + "#pragma once\n")
        tree.source("engine/a.cpp", '#include "core/detail/table.hpp"\n')
        tree.source("core/a.cpp", '#include "core/detail/table.hpp"\n')
        self.assertEqual(tree.findings(),
                         ["src/engine/a.cpp:2: core/detail/table.hpp is private to core/"])

    def test_libraries(self):
        self.expect("core/a.cpp", "#include <boost/asio.hpp>\n", "core/ may not use asio")
        self.expect("keeper/a.cpp", "#include <boost/asio.hpp>\n", "keeper/ may not use asio")
        self.expect("keeper/a.cpp", "#include <fmt/format.h>\n", "keeper/ may not use fmt")
        self.expect("engine/a.cpp", "#include <nlohmann/json.hpp>\n", "engine/ may not use json")
        self.expect("core/a.cpp", "#include <thread>\n", "core/ has no clock, file, thread")

    def test_clocks(self):
        for call in ("std::chrono::system_clock::now()", "steady_clock::now()", "::time(nullptr)",
                     "std::time(0)", "::clock_gettime(CLOCK_MONOTONIC, &t)", "gettimeofday(&t, 0)"):
            self.expect("engine/a.cpp", f"auto f() {{ return {call}; }}\n", "only os/ asks")
        self.expect("keeper/a.cpp", "int x = clock_gettime(CLOCK_REALTIME, &t);\n", "only os/ asks")
        self.expect_fine("keeper/a.cpp", "auto x = ::clock_gettime(CLOCK_BOOTTIME, &t);\n")
        self.expect_fine("os/a.cpp", "auto x = std::chrono::system_clock::now();\n")
        self.expect_fine("core/a.cpp", "// not system_clock::now()\nauto x = run_time(3);\n")
        self.expect_fine("core/a.cpp", 'auto x = "steady_clock::now()";\nint run::time_of(int);\n')

    def test_anatomy(self):
        tree = Tree(self)
        tree.write("src/core/thing.hpp", "// MIT\n")
        self.assertEqual(tree.findings(), [
            "src/core/thing.hpp:1: the first line is not the license line",
            "src/core/thing.hpp:1: a header without #pragma once"])
        self.expect("core/a.cpp", "\n" * arrows.MOST_LINES, "501 lines")
        self.expect_fine("core/a.cpp", "\n" * (arrows.MOST_LINES - 1))

    def test_cmake_lists(self):
        tree = Tree(self)
        tree.write("src/core/forgotten.cpp", LICENSE)
        tree.write("src/core/CMakeLists.txt", "# forgotten.cpp\nbansuri_library(core SOURCES\n"
                   "    LINK bansuri::engine)\n")
        self.assertEqual(tree.findings(), [
            "src/core/CMakeLists.txt:3: core/ may not link bansuri::engine",
            "src/core/forgotten.cpp:1: not in src/core/CMakeLists.txt"])

    def test_papers(self):
        tree = Tree(self)
        tree.write("docs/b.md", "# Two words, `code`\n")
        tree.write("README.md",
                   "[a](docs/none.md) [b](docs/b.md#two-words-code) [c](docs/b.md#no)\n"
                   "```\n[shown](nowhere)\n```\n[d](https://example.org/none) [e](../x)\n")
        tree.source("core/a.cpp", "// docs/b.md tells, and docs/none.md does not.\n")
        self.assertEqual(list(papers.missing_pages(tree.root)),
                         ["src/core/a.cpp:2: there is no docs/none.md"])
        self.assertEqual(list(papers.broken_links(tree.root)), [
            "README.md:1: docs/none.md leads nowhere",
            "README.md:1: docs/b.md#no: no such heading",
            "README.md:5: ../x leads nowhere"])


if __name__ == "__main__":
    unittest.main()

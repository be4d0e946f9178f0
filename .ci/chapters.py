#!/usr/bin/env python3
"""Holds the chapters of each crate: a file may import only what lies below it.

`chapters.toml` lists each crate's chapters from the ground up. A chapter is a file or a folder in the
crate's `src/`, and may import the chapters before it. Besides, the files of a crate may not import
each other in a circle, except for the circles that `chapters.toml` names with a reason. With
`inside = "free"`, the files of one chapter may import each other as they like.

    chapters.py [--show] [CRATE…]

Prints one line per violation, and exits 1 if there is any. `--show` also prints what each chapter
imports. Without names it checks every crate of `chapters.toml`.
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 500
# A comment, a string or a character, whichever begins first.
NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\[^u]|\\u\{\w+\}|\\x\w\w)'""",
    re.S,
)


def main():
    table = tomllib.loads((ROOT / ".ci" / "chapters.toml").read_text())
    show = "--show" in sys.argv[1:]
    names = [name for name in sys.argv[1:] if name != "--show"] or list(table)
    violations = []
    for name in names:
        violations += check(name, table[name], show)
    for violation in violations:
        print(violation)
    if violations:
        return 1
    print(f"chapters of {', '.join(names)}: every import points down")
    return 0


def check(name, rules, show):
    crate = Crate(ROOT / rules.get("folder", name) / "src")
    order = {chapter: place for place, chapter in enumerate(rules["chapters"])}
    arrows = crate.arrows()
    violations = []
    for file in sorted(crate.files):
        if file.name not in ("lib.rs", "main.rs") and chapter_of(file) not in order:
            violations.append(f"{name}: {file}: chapter `{chapter_of(file)}` isn't in chapters.toml")
        lines = len((crate.source / file).read_text().splitlines())
        if lines > MAX_LINES:
            violations.append(f"{name}: {file}: {lines} lines, more than {MAX_LINES}")
    for chapter in order:
        if not any(chapter_of(file) == chapter for file in crate.files):
            violations.append(f"{name}: chapter `{chapter}` has no file")

    between = defaultdict(set)
    for (file, target), names in sorted(arrows.items()):
        above, below = chapter_of(file), chapter_of(target)
        if above not in order or below not in order or above == below:
            continue
        between[above].add(below)
        if order[below] > order[above]:
            violations.append(
                f"{name}: {file} (chapter {above}) imports {', '.join(sorted(names))} "
                f"from {target} (chapter {below}), which is above it"
            )
    if show:
        for chapter in order:
            print(f"{name}: {chapter} -> {', '.join(sorted(between[chapter], key=order.get)) or '-'}")

    if rules.get("inside") == "free":
        arrows = {
            (file, target): names
            for (file, target), names in arrows.items()
            if chapter_of(file) != chapter_of(target)
        }
    allowed = {frozenset(circle["files"]) for circle in rules.get("circles", [])}
    for circle in circles(crate.files, arrows):
        if frozenset(map(str, circle)) in allowed:
            continue
        ties = [
            f"{file} -> {target}: {', '.join(sorted(names))}"
            for (file, target), names in sorted(arrows.items())
            if file in circle and target in circle
        ]
        violations.append(
            f"{name}: {len(circle)} files import each other in a circle:\n    " + "\n    ".join(ties)
        )
    return violations


def chapter_of(file):
    return file.parts[0].removesuffix(".rs")


class Crate:
    """The modules of a crate and what they import, read as text without the tests."""

    def __init__(self, source):
        self.source = source
        self.files = {
            file.relative_to(source): code_of(file)
            for file in source.rglob("*.rs")
            if "tests" not in file.relative_to(source).parts and not file.name.endswith("tests.rs")
        }
        self.modules = {module_of(file): file for file in self.files}
        self.uses = {file: list(self.uses_of(file)) for file in self.files}

    def arrows(self):
        """(file, imported file) -> the names taken."""
        arrows = defaultdict(set)
        for file, uses in self.uses.items():
            for path, _ in uses:
                target, name = self.resolve(path)
                if target is not None and target != file:
                    arrows[file, target].add(name)
        return arrows

    def uses_of(self, file):
        """Each path that the file names, from the crate's root, and the alias if it is re-exported."""
        code = self.files[file]
        here = module_of(file)
        for match in re.finditer(r"(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);", code):
            for path, alias in leaves(match[2]):
                absolute = self.absolute(path, here)
                if absolute is not None:
                    yield absolute, alias if match[1] else None
        rest = re.sub(r"\buse\s+[^;]+;", "", code)
        for match in re.finditer(r"\b(?:crate|super|self)(?:\s*::\s*\w+)+", rest):
            absolute = self.absolute(re.split(r"\s*::\s*", match[0]), here)
            if absolute is not None:
                yield absolute, None
        for match in re.finditer(r"(?<![\w:])([a-z_]\w*)\s*::\s*(\w+)", rest):
            if here + (match[1],) in self.modules:
                yield here + (match[1], match[2]), None

    def absolute(self, path, here):
        if path[0] == "crate":
            return tuple(path[1:])
        if path[0] in ("self", "super"):
            base = list(here)
            while path and path[0] in ("self", "super"):
                if path[0] == "super" and base:
                    base.pop()
                path = path[1:]
            return tuple(base + list(path))
        return here + tuple(path) if here + (path[0],) in self.modules else None

    def resolve(self, path, seen=()):
        """The file in which a path's item is defined, through re-exports."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.modules:
                break
        file = self.modules.get(path[:length])
        if file is None or (file, path) in seen:
            return None, ""
        if length == len(path):
            return file, path[-1] if path else "*"
        name = path[length]
        for target, alias in self.uses.get(file, ()):
            if alias == name and target != path:
                found = self.resolve(target + path[length + 1 :], (*seen, (file, path)))
                return found if found[0] is not None else (file, name)
        return file, name


def module_of(file):
    parts = (*file.parts[:-1], file.stem)
    return () if parts in (("lib",), ("main",)) else parts


def code_of(file):
    """A file's code without comments, strings and modules of tests."""
    text = file.read_text()
    text = NOT_CODE.sub(lambda found: '""' if found[0].endswith(('"', "#")) else " ", text)
    while (match := re.search(r"#\[cfg\(test\)\]\s*(?:mod|use|impl|fn|pub)[^{;]*([{;])", text)):
        end = match.end() if match[1] == ";" else closing(text, match.end())
        text = text[: match.start()] + text[end:]
    return text


def closing(text, start):
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def leaves(tree):
    """The paths of a `use` tree, each with the name that it binds."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        path = [part.strip() for part in path.split("::")]
        name = alias.strip() or path[-1]
        if path[-1] == "self":
            path = path[:-1]
            name = alias.strip() or (path[-1] if path else "")
        yield path, name
        return
    head = [part.strip() for part in tree[:brace].split("::") if part.strip()]
    depth, start = 0, brace + 1
    for place in range(brace + 1, len(tree)):
        if tree[place] == "{":
            depth += 1
        elif tree[place] == "}" and depth > 0:
            depth -= 1
        elif tree[place] in ",}" and depth == 0:
            if tree[start:place].strip():
                for path, name in leaves(tree[start:place]):
                    yield head + path, name or head[-1]
            start = place + 1


def circles(files, arrows):
    """The strongly connected components of more than one file, by Tarjan's algorithm."""
    following = defaultdict(list)
    for file, target in arrows:
        following[file].append(target)
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(file):
        index[file] = low[file] = len(index)
        stack.append(file)
        on_stack.add(file)
        for target in following[file]:
            if target not in index:
                visit(target)
                low[file] = min(low[file], low[target])
            elif target in on_stack:
                low[file] = min(low[file], index[target])
        if low[file] == index[file]:
            component = set()
            while file not in component:
                last = stack.pop()
                on_stack.remove(last)
                component.add(last)
            if len(component) > 1:
                found.append(component)

    for file in sorted(files):
        if file not in index:
            visit(file)
    return found


if __name__ == "__main__":
    sys.exit(main())

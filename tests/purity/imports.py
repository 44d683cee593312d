#!/usr/bin/env python3
"""Reports the pairs of files of one crate that import each other.

Two such files are one idea in two places, or have a third one between them. A file and its own submodules are one, and
what stands under `#[cfg(test)]` does not count. A name that is handed on by another file (`pub use`) is that of the file
that defines it.
"""

import re
import sys
from pathlib import Path

CRATES = Path(__file__).resolve().parents[2] / "crates"


def main():
    pairs = [pair for crate in sorted(CRATES.iterdir()) if (crate / "src").is_dir() for pair in Crate(crate).pairs()]
    for pair in pairs:
        print("purity:", pair)
    return 1 if pairs else 0


class Crate:
    def __init__(self, crate):
        self.name = crate.name
        root = crate / "src" / ("lib.rs" if (crate / "src/lib.rs").exists() else "main.rs")
        self.modules = {}
        self.read((), root, root.parent)

    def read(self, path, file, folder):
        """Reads a module, and those that it declares."""
        text = plain(file.read_text())
        submodules = re.findall(r"^(?:pub(?:\([^)]*\))? )?mod (\w+);", text, re.M)
        self.modules[path] = Module(path, file, text)
        for name in submodules:
            below = [(folder / f"{name}.rs", folder / name), (folder / name / "mod.rs", folder / name)]
            for file, inner in below:
                if file.exists():
                    self.read((*path, name), file, inner)

    def pairs(self):
        """The pairs, each with what one has of the other."""
        imports = {path: self.imports_of(module) for path, module in self.modules.items()}
        for path, found in imports.items():
            for other, names in found.items():
                back = imports[other].get(path)
                if path < other and back and not is_within(path, other):
                    here, there = (self.modules[at].file.relative_to(CRATES) for at in (path, other))
                    yield f"{here} has {listed(names)} of {there}, which has {listed(back)} of it"

    def imports_of(self, module):
        """The other modules whose names `module` uses, and the names."""
        found = {}
        for used in module.paths():
            if origin := self.origin(module, used):
                at, name = origin
                if at != module.path:
                    found.setdefault(at, set()).add(name)
        return found

    def origin(self, module, path, depth=0):
        """Where what `path` names in `module` is defined: the module, and the name in it."""
        start = {"crate": (), "self": module.path, "super": module.path[:-1]}.get(path[0])
        if start is None:
            start = (*module.path, path[0])
            if start not in self.modules:
                return None
        at, rest = start, list(path[1:])
        while rest and rest[0] == "super":
            at, rest = at[:-1], rest[1:]
        while rest and (*at, rest[0]) in self.modules:
            at, rest = (*at, rest[0]), rest[1:]
        if not rest:
            return at, "itself"
        target = self.modules.get(at)
        if target and depth < 8:
            handed_on = target.handed_on.get(rest[0])
            if handed_on and handed_on != tuple(path):
                return self.origin(target, handed_on, depth + 1) or (at, rest[0])
        return at, rest[0]


class Module:
    def __init__(self, path, file, text):
        self.path, self.file = path, file
        self.code = text
        self.uses = []
        self.handed_on = {}
        for is_public, tree in re.findall(r"^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]+);", text, re.M):
            for path, name in branches(tree):
                self.uses.append(path)
                if is_public:
                    self.handed_on[name] = path

    def paths(self):
        """What it uses: its imports, and what it names by a path in the middle of its code."""
        without = re.sub(r"^[ \t]*(?:pub(?:\([^)]*\))? )?use [^;]+;", "", self.code, flags=re.M)
        inline = [tuple(path.split("::")) for path in re.findall(r"\b(?:crate|super)(?:::\w+)+", without)]
        handed_on = set(self.handed_on.values())
        return [path for path in self.uses if path not in handed_on] + inline


def branches(tree, before=()):
    """The paths of a `use` tree, each with the name it gets."""
    tree = tree.strip()
    head, brace, inner = tree.partition("{")
    path = before + tuple(part for part in head.strip().split("::") if part)
    if brace:
        for branch in split(inner.rsplit("}", 1)[0]):
            yield from branches(branch, path)
        return
    *way, last = path
    last, _, alias = last.partition(" as ")
    path = tuple(way) if last == "self" and way else (*way, last)
    yield path, (alias or path[-1]).strip()


def split(inner):
    """The parts between the commas that are in no braces."""
    depth, part = 0, ""
    for letter in inner:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            yield part
            part = ""
        else:
            part += letter
    if part.strip():
        yield part


def plain(text):
    """The code without comments and without what is only there for tests."""
    text = re.sub(r"//.*", "", text)
    attribute = r"^( *)#\[cfg\((?:test|all\(test[^\]]*)\)\]\n(?: *#\[[^\n]*\]\n)*"
    text = re.sub(attribute + r" *(?:pub(?:\([^)]*\))? )?(?:mod|fn|impl|use|struct|const)[^\n]*\{\n(?:.*\n)*?\1\}\n", "", text, flags=re.M)
    return re.sub(attribute + r"[^\n{]*;\n", "", text, flags=re.M)


def is_within(path, other):
    return other[: len(path)] == path


def listed(names):
    return ", ".join(sorted(names))


if __name__ == "__main__":
    sys.exit(main())

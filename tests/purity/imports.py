#!/usr/bin/env python3
"""Reports the files of one crate that import each other, directly or around a circle.

Such files can only be read together: they are one idea in several places, or have another one between them. A file and its own submodules are one, and
what stands under `#[cfg(test)]` does not count. A name that is handed on by another file (`pub use`) is that of the file
that defines it.
"""

import re
import sys
from pathlib import Path

CRATES = Path(__file__).resolve().parents[2] / "crates"


def main():
    circles = [circle for crate in sorted(CRATES.iterdir()) if (crate / "src").is_dir() for circle in Crate(crate).circles()]
    for circle in circles:
        print("purity: in a circle:", circle)
    return 1 if circles else 0


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

    def circles(self):
        """Each set of files that reach each other, with what each has of the others."""
        imports = {path: self.imports_of(module) for path, module in self.modules.items()}
        reached = {path: reach(imports, path) for path in imports}
        seen = set()
        for path in imports:
            circle = sorted(other for other in reached[path] if path in reached[other])
            if circle and path not in seen:
                seen.update(circle)
                yield "; ".join(
                    f"{self.name_of(at)} has {listed(names)} of {self.name_of(other)}"
                    for at in circle
                    for other, names in sorted(imports[at].items())
                    if other in circle
                )

    def name_of(self, path):
        return self.modules[path].file.relative_to(CRATES)

    def imports_of(self, module):
        """The other modules whose names `module` uses, and the names."""
        found = {}
        for used in module.paths():
            if origin := self.origin(module, used):
                at, name = origin
                if not is_within(at, module.path) and not is_within(module.path, at):
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


def reach(imports, start):
    """What is imported from there, directly or not."""
    reached, todo = set(), [start]
    while todo:
        new = set(imports.get(todo.pop(), ())) - reached
        reached |= new
        todo.extend(new)
    return reached


def is_within(path, other):
    return other[: len(path)] == path


def listed(names):
    return ", ".join(sorted(names))


if __name__ == "__main__":
    sys.exit(main())

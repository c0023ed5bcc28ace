#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""budgets.py FILE...: complains about files and functions (C, shell, Python) that are longer than the house allows."""

import ast
import re
import sys

FILE_GOAL, FILE_LIMIT, FUNCTION_LIMIT = 450, 600, 60


def c_functions(lines):
    """A function starts with a line at the left edge and ends with the next brace there; initialisers are none."""
    start = None
    for number, line in enumerate(lines):
        if re.match(r"[A-Za-z_]", line):
            start = number
        if line.startswith("}") and start is not None:
            head = " ".join(lines[start:number])
            if re.match(r"[^={;]*\)\s*\{", head):
                yield head.split("(")[0].split()[-1].lstrip("*"), number - start + 1
            start = None


def shell_functions(lines):
    for number, line in enumerate(lines):
        match = re.match(r"([a-z_]+)\(\) \{$", line)
        if match:
            yield match[1], lines.index("}", number) - number + 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def functions_of(path, text):
    lines = text.split("\n")
    first = lines[0]
    if path.endswith((".c", ".h")):
        return c_functions(lines)
    if path.endswith(".py") or (first.startswith("#!") and "python" in first):
        return python_functions(text)
    if first.startswith("#!") and first.split("/")[-1].split()[0] in ("sh", "bash"):
        return shell_functions(lines)
    return None


def complaints(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        return
    functions = functions_of(path, text)
    if functions is None:
        return
    length = text.count("\n")
    if length > FILE_GOAL:
        yield length > FILE_LIMIT, f"{path}: {length} lines (goal {FILE_GOAL}, limit {FILE_LIMIT})"
    for name, length in functions:
        if length > FUNCTION_LIMIT:
            yield True, f"{path}: {name} has {length} lines (limit {FUNCTION_LIMIT})"


def main():
    failed = False
    for path in sys.argv[1:]:
        for fatal, text in complaints(path):
            print(("" if fatal else "note: ") + text)
            failed = failed or fatal
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

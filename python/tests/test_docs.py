"""The examples of the guide and of the README run, in order, and give what stands behind their arrows."""

import ast
import pathlib
import re

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("networkx")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(page):
    """(line, text) of each example of a page."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S):
        yield text.count("\n", 0, found.start(1)), found.group(1)


def run(block, line, names, where):
    """Run the statements of an example; how many expectations it had."""
    lines = block.splitlines()
    count = 0
    for statement in ast.parse(block).body:
        source = "\n" * (line + statement.lineno - 1) + ast.get_source_segment(block, statement)
        expected = re.search(r"# → (.*)$", lines[statement.end_lineno - 1])
        if expected is None:
            exec(compile(source, where, "exec"), names)
            continue
        value = eval(compile(source.lstrip("\n"), where, "eval"), names)
        assert repr(value) == expected.group(1), f"{where}:{line + statement.lineno}"
        count += 1
    return count


@pytest.mark.parametrize("page", ["docs/PYTHON.md", "python/README.md", "README.md"])
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    examples = list(blocks(ROOT / page))
    assert examples
    expectations = sum(run(text, line, names, page) for line, text in examples)
    assert page != "docs/PYTHON.md" or expectations > 30


def test_every_class_of_errors_is_told():
    from sombra import errors

    text = (ROOT / "docs/PYTHON.md").read_text(encoding="utf-8")
    for cls in errors.CLASSES.values():
        assert f"`{cls.__name__}`" in text

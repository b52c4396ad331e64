"""The package as a whole: its types, its names, what it says of itself, and that what it needs is told."""

import importlib.metadata
import importlib.util
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import sombra

HERE = pathlib.Path(__file__).parent


def test_names():
    assert len(sombra.__all__) == len(set(sombra.__all__))
    for name in sombra.__all__:
        assert getattr(sombra, name) is not None
    assert sombra.__version__.count(".") == 2


def test_one_version():
    text = (HERE.parent / "pyproject.toml").read_text()
    assert f'\nversion = "{sombra.__version__}"\n' in text


def test_the_wheel_names_its_licenses():
    """Its own, and that of each library that was copied into it, as files that the metadata name."""
    try:
        wheel = importlib.metadata.distribution("sombra")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is no installed wheel")
    files = [str(file) for file in wheel.files or ()]
    named = wheel.metadata.get_all("License-File") or []
    assert "LICENSE" in named and sorted(named) == sorted(each.rpartition("/licenses/")[2] for each in files if "/licenses/" in each)
    for library in (each.partition("/")[2].partition(".so")[0].rpartition("-")[0] for each in files if each.startswith("sombra.libs/")):
        assert any(name.startswith(library) for name in named), library
    assert "Tag: cp39-abi3-" in (wheel.read_text("WHEEL") or "")


def test_everything_public_is_documented():
    for name in sombra.__all__:
        thing = getattr(sombra, name)
        assert thing.__doc__, name
        if isinstance(thing, type) and thing.__module__.startswith("sombra."):
            for attribute, value in vars(thing).items():
                if not attribute.startswith("_") and (callable(value) or isinstance(value, property)) and thing not in (sombra.Time, sombra.DateTime, sombra.Zone, sombra.WideDate, sombra.WideDateTime):
                    assert value.__doc__, f"{name}.{attribute}"


def test_stubs_name_what_the_extension_has():
    """Each class and method of the extension's stubs is there, and the other way round."""
    import ast

    tree = ast.parse((pathlib.Path(sombra.__file__).parent / "_sombra.pyi").read_text())
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            assert callable(getattr(sombra._sombra, statement.name))
        if not isinstance(statement, ast.ClassDef):
            continue
        cls = getattr(sombra._sombra, statement.name)
        stubbed = {each.name for each in statement.body if isinstance(each, ast.FunctionDef)}
        for name in stubbed:
            assert hasattr(cls, name) or name == "__getattr__", f"{statement.name}.{name}"
        for name in vars(cls):
            assert name.startswith("__") or name in stubbed, f"{statement.name}.{name} has no stub"


def test_mypy(tmp_path):
    """The package, and a program that uses it, by mypy --strict."""
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    if "asan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("types are the same under sanitizers")
    (tmp_path / "program.py").write_text(
        textwrap.dedent(
            """
            import sombra
            from sombra import aio, dbapi

            with sombra.open("g", durability="off") as db:
                rows: list[sombra.Row] = db.execute("RETURN $x", x=1).fetchall()
                node: sombra.Node | None = db.node(1)
                path: sombra.Path | None = db.shortest_path(1, 2)
                names: tuple[str, ...] = db.prepare("RETURN 1").columns
                with db.transaction() as tx:
                    tx.execute("CREATE (:N)")
                try:
                    db.close()
                except sombra.Error as error:
                    print(error.code + 1, error.line)
            cursor: dbapi.Cursor = dbapi.connect("g").cursor()

            async def main() -> None:
                async with await aio.open("g") as other:
                    async for row in await other.execute("RETURN 1"):
                        print(row[0])
            """
        )
    )
    package = pathlib.Path(sombra.__file__).parent
    config = HERE.parent / "pyproject.toml"
    # mypy finds what is installed by itself, and refuses to be told. Types of pandas and networkx are packages of their own, which may be missing.
    environment = dict(os.environ)
    if package.parent.name != "site-packages":
        environment["MYPYPATH"] = str(package.parent)
    command = [sys.executable, "-m", "mypy", "--strict", "--disable-error-code=import-untyped", "--python-version", "3.10", "--config-file", str(config), "--cache-dir", str(tmp_path)]
    for target in (["-p", "sombra"], [str(tmp_path / "program.py")]):
        done = subprocess.run([*command, *target], capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_missing_package_is_named(db, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        db.execute("RETURN 1").to_arrow()
    with pytest.raises(ImportError, match="pip install pyarrow"):
        db.create_nodes({"x": [1]}, "T")
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match="pip install networkx"):
        db.execute("RETURN 1").to_networkx()


def test_nothing_else_is_imported():
    """import sombra takes the standard library alone."""
    script = "import sys, sombra; print([m for m in ('numpy', 'pandas', 'pyarrow', 'polars', 'asyncio', 'IPython') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr

"""Packages that sombra works with and does without."""

from __future__ import annotations

import importlib
from typing import Any


def need(name: str, caller: str) -> Any:
    """The module of that name; an ImportError that says what to do when it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{caller} needs the package {name}: pip install {name}") from error

"""The directory that a test of the command works in: the current one, which CTest makes for it (build/<preset>/tests/scratch/<name>)."""
import os
import shutil
import sys


def clear():
    """Removes all that is in it; in no other directory, whoever may have started the test there."""
    if os.path.basename(os.path.dirname(os.getcwd())) != "scratch":
        sys.exit(f"{os.getcwd()} is no scratch directory: run the test through ctest, or in an empty directory below one of that name")
    for name in os.listdir("."):
        if os.path.isdir(name) and not os.path.islink(name):
            shutil.rmtree(name)
        else:
            os.remove(name)

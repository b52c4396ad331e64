"""tools/profiling-overhead with a compiler, valgrind and benchmark that only pretend: what it makes of times and counts, and when it fails."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The load alone: the k-th one of a build and switch takes the k-th of these milliseconds, over and over.
BENCH = """#!/bin/sh
[ "$1" = --once ] && [ "$3" = --graph ] || exit 2
preset=$(basename "$(dirname "$0")")
calls=$(dirname "$0")/calls.$2
echo >>"$calls"
set -- $(grep "^$preset $2 " "$TIMES" | cut -d' ' -f3-) $(wc -l <"$calls")
count=$(($# - 1))
for last; do :; done
shift $(((last - 1) % count))
[ "$1" = none ] || echo "load of a graph; $1 ms"
"""
VALGRIND = """#!/bin/sh
for word; do
    case $word in
        --callgrind-out-file=*) out=${word#*=} ;;
        */sombra-bench) preset=$(basename "$(dirname "$word")") ;;
    esac
done
switch=${out##*.}
echo "summary: $(sed -n "s/^$preset $switch //p" "$COUNTS")" >"$out"
"""


class ProfilingOverhead(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=os.getcwd(), prefix="overhead-"))
        self.addCleanup(lambda: subprocess.run(["rm", "-r", str(self.dir)], check=True))
        (self.dir / "bin").mkdir()
        self.program("bin/cmake", '#!/bin/sh\necho "$*" >>"$CALLS"\n')
        self.program("bin/valgrind", VALGRIND)
        for preset in ("release", "noprofile"):
            (self.dir / preset).mkdir()
            self.program(f"{preset}/sombra-bench", BENCH)

    def program(self, name, text):
        (self.dir / name).write_text(text)
        (self.dir / name).chmod(0o755)

    def run_tool(self, counts, times=("10 30 20", "20 40 90", "40 60 80"), pairs=3, path=None):
        names = ("noprofile off", "release off", "release on")
        (self.dir / "counts").write_text("".join(f"{name} {count}\n" for name, count in zip(names, counts)))
        (self.dir / "times").write_text("".join(f"{name} {ms}\n" for name, ms in zip(names, times)))
        env = {"PATH": path or f"{self.dir}/bin:{os.environ['PATH']}", "BUILD": str(self.dir), "PAIRS": str(pairs),
               "COUNTS": f"{self.dir}/counts", "TIMES": f"{self.dir}/times", "CALLS": f"{self.dir}/calls"}
        done = subprocess.run(["sh", ROOT / "tools" / "profiling-overhead", "s1k"], env=env, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def test_medians_and_ratios(self):
        code, out, err = self.run_tool((1000, 1005, 1200))
        self.assertEqual((code, err), (0, ""))
        self.assertIn("one load of s1k, medians of 3 rounds: compiled out 20 ms, off 40 ms, on 60 ms\n", out)
        # of the rounds: 20, 40, 60 : 10, 30, 20; and 90/40 would be another round's
        self.assertIn("off : compiled out 2.000, on : compiled out 4.000, on : off 1.500\n", out)
        self.assertIn("compiled out 1000, off 1005, on 1200\noff : compiled out 1.0050, on : compiled out 1.2000", out)
        self.assertIn("--preset noprofile", (self.dir / "calls").read_text())

    def test_an_even_number_of_rounds(self):
        code, out, _ = self.run_tool((1000, 1000, 1000), ("10 20", "10 20", "10 20"), pairs=2)
        self.assertEqual(code, 0)
        self.assertIn("compiled out 15 ms, off 15 ms, on 15 ms", out)

    def test_what_fails(self):
        for counts, times, message in (((1000, 1011, 1000), None, "1.0110"), (("", "", ""), None, "nothing was counted"),
                                       ((1000, 1000, 1000), ("10", "none", "10"), "a load told no time")):
            with self.subTest(message=message):
                code, out, err = self.run_tool(counts, *([times] if times else []))
                self.assertEqual(code, 1)
                self.assertIn(message, out + err)

    def test_without_valgrind(self):
        (self.dir / "bin" / "valgrind").unlink()
        for name in ("sh", "dirname", "nproc"):
            (self.dir / "bin" / name).symlink_to(subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip())
        code, _, err = self.run_tool((1, 1, 1), path=f"{self.dir}/bin")
        self.assertEqual((code, err), (1, "profiling-overhead: valgrind is not installed\n"))


if __name__ == "__main__":
    unittest.main()

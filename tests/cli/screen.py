"""screen.py — a program at a pseudo-terminal, and what a person would see there.

Screen understands what the shell sends: characters (wide and combining ones too), line ends, cursor moves, erasing, and skips the rest. Anything
else that it does not know is an error, so that a test can not pass on a picture that no terminal shows.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

SEQUENCE = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])|\x1b\]1337;[^\a]*\a|\x1b_G[^\x1b]*\x1b\\")
WAIT = float(os.environ.get("SOMBRA_TEST_WAIT", "60"))  # seconds; a machine under load is slow, not wrong


def columns(character):
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Row(list):
    """The cells of a row. wrapped: it was full, and no line end began the next one."""
    wrapped = False


class Screen:
    """wraps: what is on it is wrapped anew when it becomes narrower, or wider again, as most terminals do it; else it is cut off."""

    def __init__(self, rows, width, wraps=True):
        self.width, self.height, self.wraps = width, rows, wraps
        self.lines, self.y, self.x = [Row()], 0, 0
        self.styles, self.style = {}, "0"  # (row, column) → how a character is drawn: the numbers of the last ESC [ … m
        self.raw = ""  # everything that was sent
        self.rest = ""  # a sequence that is not whole yet

    def feed(self, text):
        self.raw += text
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            c = text[at]
            if c == "\x1b":
                match = SEQUENCE.match(text, at)
                if not match:
                    self.rest = text[at:]
                    assert len(self.rest) < 2_000_000, f"unknown sequence {self.rest[:20]!r}"
                    return
                if match.group(3):
                    self.control(*match.groups())
                at = match.end()
                continue
            at += 1
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.down()
            elif c == "\t":
                self.x = min(self.x // 8 * 8 + 8, self.width - 1)
            elif ord(c) >= 0x20:
                self.put(c)

    def resize(self, rows, width):
        self.height, self.width, old = rows, width, self.width
        if width == old:
            return
        self.styles = {}
        if not self.wraps:
            for line in self.lines:
                del line[width:]
            self.x = min(self.x, width - 1)
            return
        lines, self.lines, cells, cursor, place = self.lines, [], Row(), None, (self.y, self.x)
        for y, line in enumerate(lines):
            if y == place[0]:
                cursor = len(cells) + place[1]
            cells += line
            if line.wrapped and y + 1 < len(lines):
                continue
            first = len(self.lines)
            self.lines.append(Row())
            for at, cell in enumerate(cells):
                wide = 1 + (cells[at + 1:at + 2] == [""])
                if cell != "" and len(self.lines[-1]) + wide > max(width, wide):
                    self.lines[-1].wrapped = True
                    self.lines.append(Row())
                if at == cursor:
                    self.place(len(self.lines[-1]))
                self.lines[-1].append(cell)
            if cursor is not None and cursor >= len(cells) and first < len(self.lines):
                self.place(len(self.lines[-1]) + cursor - len(cells))
            cells, cursor = Row(), None

    def place(self, x):
        """The cursor into the last row so far."""
        self.y, self.x = len(self.lines) - 1, min(x, self.width)

    def down(self):
        self.y += 1
        while len(self.lines) <= self.y:
            self.lines.append(Row())

    def put(self, c):
        wide = columns(c)
        line = self.lines[self.y]
        if wide == 0:
            if self.x > 0 and self.x <= len(line):
                line[self.x - 1] += c
            return
        if self.x + wide > self.width:  # the row was full: the character begins the next one
            self.x = 0
            line.wrapped = True
            self.down()
            line = self.lines[self.y]
        while len(line) < self.x + wide:
            line.append(" ")
        line[self.x] = c
        self.styles[self.y, self.x] = self.style
        if wide == 2:
            line[self.x + 1] = ""
        self.x += wide

    def control(self, private, numbers, letter):
        number = int(numbers.split(";")[0] or 0) if numbers else 0
        if private:
            return
        if letter == "m":
            self.style = numbers or "0"
            return
        if letter == "A":
            top = max(0, len(self.lines) - self.height)
            self.y = max(top, self.y - max(1, number))
        elif letter == "C":
            self.x = min(self.width - 1, self.x + max(1, number))
        elif letter == "J" and number == 0:
            del self.lines[self.y][self.x:]
            self.lines[self.y].wrapped = False
            del self.lines[self.y + 1:]
        elif letter == "K" and number == 0:
            del self.lines[self.y][self.x:]
        elif letter == "J" and number == 2:
            self.lines = [Row()]
        elif letter == "H":
            self.y = self.x = 0
        else:
            raise AssertionError(f"unknown control {numbers}{letter}")

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)


class Session:
    """The command at a terminal: type keys, wait for what they bring."""

    def __init__(self, command, rows=24, width=80, **environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for name in ("NO_COLOR", "XTERM_VERSION", "STY", "TMUX", "KITTY_WINDOW_ID", "TERM_PROGRAM", "LC_TERMINAL"):
                os.environ.pop(name, None)
            # a key's bytes may come far from each other while the machine is busy
            os.environ.update({"TERM": "xterm-256color", "SOMBRA_HISTORY": "", "ESCDELAY": "2000", **environment})
            os.execv(command[0], command)
        self.screen = Screen(rows, width, "XTERM_VERSION" not in environment)
        self.resize(rows, width, tell=False)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.status = None

    def resize(self, rows, width, tell=True):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, width, 0, 0))
        if tell:
            self.screen.resize(rows, width)
            os.kill(self.pid, signal.SIGWINCH)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.screen.feed(self.decoder.decode(data))
        return bool(data)

    def wait(self, condition, what):
        end = time.monotonic() + WAIT
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}; the screen:\n{self.screen.text()}")
            if not self.read(0.2) and self.ended():
                if condition():
                    return
                raise AssertionError(f"ended before {what}; the screen:\n{self.screen.text()}")

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def type(self, keys):
        os.write(self.fd, keys.encode() if isinstance(keys, str) else keys)

    def see(self, *texts):
        """Wait until the screen shows all texts."""
        for text in texts:
            self.wait(lambda: text in self.screen.text(), repr(text))

    def prompt(self, text="sombra> "):
        """Wait for an empty prompt at the bottom."""
        self.wait(lambda: self.screen.text().rstrip("\n").split("\n")[-1].strip() == text.strip(), "the prompt")

    def run(self, statement):
        """Type a line, wait for the next prompt, give what came between."""
        self.prompt()
        before = len(self.screen.lines)
        self.type(statement + "\r")
        self.wait(lambda: len(self.screen.lines) > before and
                  self.screen.text().rstrip("\n").split("\n")[-1].strip() == "sombra>", f"the end of {statement}")
        return "\n".join(self.screen.text().split("\n")[before:-1])

    def end(self):
        """Wait for its end; the exit code."""
        end = time.monotonic() + WAIT
        while not self.ended():
            self.read(0.1)
            if time.monotonic() > end:
                self.kill()
                raise AssertionError(f"does not end; the screen:\n{self.screen.text()}")
        while self.read(0):
            pass
        os.close(self.fd)
        return self.status

    def kill(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)
            self.status = -9

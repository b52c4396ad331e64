"""The engine under test: sombra-tck, asked by lines of JSON."""
import json
import os
import re
import subprocess

from .temporal import datetime_of, duration_of
from .values import Date, LocalDateTime, Node, Path, Point, Rel


class EngineGone(Exception):
    pass


def tagged(v):
    """A parameter as the engine reads it."""
    if isinstance(v, float):
        return {'$float': repr(v).replace('nan', 'NaN')}
    if isinstance(v, dict):
        return {'$map': {key: tagged(x) for key, x in v.items()}}
    return [tagged(x) for x in v] if isinstance(v, list) else v


def plain(v):
    """A value of the engine's answer."""
    if isinstance(v, list):
        return [plain(x) for x in v]
    if not isinstance(v, dict):
        return v
    (tag, content), = v.items()
    if tag == '$node':
        return Node(content['id'])
    if tag == '$rel':
        return Rel(content['id'])
    if tag == '$path':
        return Path(tuple(plain(x) for x in content))
    if tag == '$float':
        return float(content)
    if tag == '$map':
        return {key: plain(x) for key, x in content.items()}
    if tag == '$date':
        return Date(content)
    if tag == '$localdatetime':
        return LocalDateTime(content)
    if tag == '$datetime':
        return datetime_of(content)
    if tag == '$duration':
        return duration_of(content)
    if tag == '$point':
        return Point(*(float(x) for x in re.findall(r'[xy]: ([^,}]+)', content)))
    raise ValueError(tag)


PIPE_BYTES = 65536  # what a pipe holds
# Memory goes back and forth with each small query: the C library shall keep it instead of asking the system each time.
KEEP_MEMORY = {'MALLOC_MMAP_THRESHOLD_': str(1 << 30), 'MALLOC_TRIM_THRESHOLD_': str(1 << 30), 'MALLOC_TOP_PAD_': str(1 << 24)}


class Engine:
    def __init__(self, command):
        self.command = command
        self.executions = 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        encoding='utf-8', env={**os.environ, **KEEP_MEMORY})
        self.ask({'op': 'reset'})

    def send(self, requests):
        """The engine works them off while we do something else; receive() waits for the answers."""
        self.asked = requests
        self.waiting = self.in_pipe(requests)
        self.sent = next(self.waiting)
        self.write(self.sent)

    def receive(self):
        """Answers of what was sent."""
        lines = []
        while self.sent:
            lines += [self.process.stdout.readline() for _ in self.sent]
            if not lines[-1]:
                raise EngineGone(f'the engine ended with status {self.process.wait()}')
            self.sent = next(self.waiting, [])
            self.write(self.sent)
        self.executions += sum(len(request.get('plans', ' ')) for request in self.asked)
        self.asked = []
        return [json.loads(line) for line in lines]

    def write(self, lines):
        try:
            self.process.stdin.write(''.join(lines))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # who reads sees it

    def ask_all(self, requests):
        self.send(requests)
        return self.receive()

    @staticmethod
    def in_pipe(requests):
        """As lines, and no more of them at once than a pipe holds: neither side must wait for the other to read."""
        some, size = [], 0
        for request in requests:
            line = json.dumps(request) + '\n'
            if size + len(line) > PIPE_BYTES and some:
                yield some
                some, size = [], 0
            some.append(line)
            size += len(line)
        yield some

    def ask(self, request):
        return self.ask_all([request])[0]

    @staticmethod
    def request(query, params=None, plan=None):
        return {'op': 'run', 'query': query, 'plan': plan or {},
                'params': {name: tagged(v) for name, v in (params or {}).items()}}

    @staticmethod
    def trial(query, params, plans, ordered=False, undo=False):
        """Several plans in one request: the engine answers in full by the first one, and where another one says something else."""
        return {'op': 'try', 'query': query, 'plans': plans, 'ordered': ordered, 'undo': undo,
                'params': {name: tagged(v) for name, v in params.items()}}

    def run(self, query, params=None, plan=None):
        return self.ask(self.request(query, params, plan))

    def must(self, query):
        answer = self.run(query)
        if 'error' in answer:
            raise RuntimeError(f'{query}: {answer["error"]}')
        return answer['rows']

    def close(self):
        self.process.communicate()

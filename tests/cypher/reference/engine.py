"""The engine under test: sombra-tck, asked by lines of JSON."""
import json
import subprocess

from .values import Node, Path, Rel


class EngineGone(Exception):
    pass


def tagged(v):
    """A parameter as the engine reads it."""
    if isinstance(v, float):
        return {'$float': repr(v).replace('nan', 'NaN')}
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
    raise ValueError(tag)


class Engine:
    def __init__(self, command):
        self.command = command
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        encoding='utf-8')
        self.ask({'op': 'reset'})

    def ask_all(self, requests):
        """Answers of several requests, which the engine works off without waiting for us."""
        try:
            self.process.stdin.write(''.join(json.dumps(request) + '\n' for request in requests))
            self.process.stdin.flush()
            lines = [self.process.stdout.readline() for _ in requests]
        except BrokenPipeError:
            lines = ['']
        if not lines[-1]:
            raise EngineGone(f'the engine ended with status {self.process.wait()}')
        return [json.loads(line) for line in lines]

    def ask(self, request):
        return self.ask_all([request])[0]

    @staticmethod
    def request(query, params=None, plan=None):
        return {'op': 'run', 'query': query, 'plan': plan or {},
                'params': {name: tagged(v) for name, v in (params or {}).items()}}

    def run(self, query, params=None, plan=None):
        return self.ask(self.request(query, params, plan))

    def must(self, query):
        answer = self.run(query)
        if 'error' in answer:
            raise RuntimeError(f'{query}: {answer["error"]}')
        return answer['rows']

    def close(self):
        self.process.communicate()

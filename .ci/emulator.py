"""A served emulator, orders to it, and what its answers are held against: what the checks with boto3
have in common."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import model

BIN = Path(__file__).resolve().parent.parent / "target" / "debug"


@contextmanager
def served(*arguments):
    """Serves an emulator while the block runs, and yields the variables that it prints. Every answer
    is held against botocore's models afterwards."""
    folder = tempfile.TemporaryDirectory()
    answers = Path(folder.name, "answers.jsonl")
    server = subprocess.Popen(
        [BIN / "serve", *arguments], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LOCAL_AWS_ANSWERS": str(answers)},
    )
    try:
        variables = {}
        while len(variables) < 5:
            line = server.stdout.readline()
            if not line:
                sys.exit("the emulator ended before it listened")
            if match := re.fullmatch(r"export (\w+)=(\S+)\n", line):
                variables[match[1]] = match[2]
        yield variables
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    model.main([answers])
    folder.cleanup()


def order(variables, what):
    """Gives the emulator an order."""
    request = urllib.request.Request(
        variables["AWS_ENDPOINT_URL"] + "/_local-aws",
        json.dumps(what).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    urllib.request.urlopen(request).close()

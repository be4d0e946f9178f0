"""A served emulator, and orders to it: what the checks with boto3 have in common."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

BIN = Path(__file__).resolve().parent.parent / "target" / "debug"


@contextmanager
def served(*arguments):
    """Serves an emulator while the block runs, and yields the variables that it prints."""
    server = subprocess.Popen([BIN / "serve", *arguments], stdout=subprocess.PIPE, text=True)
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


def order(variables, what):
    """Gives the emulator an order."""
    request = urllib.request.Request(
        variables["AWS_ENDPOINT_URL"] + "/_local-aws", json.dumps(what).encode(), method="POST"
    )
    urllib.request.urlopen(request).close()

"""A served moto, an implementation of AWS that nobody here wrote: what the checks on it share."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys


@contextlib.contextmanager
def moto(**settings):
    """The environment that points AWS's clients at a moto server, on a free port. `settings` are
    variables for moto itself."""
    server = subprocess.Popen(
        [pathlib.Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", "0"],
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in server.stderr:
            if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise RuntimeError("moto did not start")
        yield {
            "AWS_ENDPOINT_URL": found[1],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
    finally:
        # Its log would fill the pipe otherwise, and nobody reads it.
        server.kill()
        server.communicate()

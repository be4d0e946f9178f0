"""What is pushed to: a fresh server for each run, so that nothing is there already."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

CREDENTIALS = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIALOCALAWSEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Server:
    """A server that runs: its process, where it listens, and by which certificate it is trusted."""

    def __init__(self, process, url, certificate=None):
        self.process, self.url, self.certificate = process, url, certificate
        self.host = url.partition("://")[2]
        self.environment = {"AWS_ENDPOINT_URL": url, **CREDENTIALS}
        if certificate:
            self.environment["SSL_CERT_FILE"] = str(certificate)

    def cpu(self):
        """User and system seconds so far, of the server's process."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextlib.contextmanager
def running(command, url_of_line=None, url=None, certificate=None):
    """Runs a server until the block ends. Its first line says where it listens, or `url` does."""
    output = subprocess.PIPE if url_of_line else subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, text=True)
    try:
        if url_of_line:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{command[0]} ended before it listened")
            url = url_of_line(line.strip())
        else:
            wait_for(process, url)
        yield Server(process, url, certificate)
    finally:
        process.terminate()
        process.wait()


def sink(programs):
    """Reads and drops, checks nothing: what is measured is the client."""
    return running([programs / "sink"], lambda line: line)


@contextlib.contextmanager
def sink_by_tls(programs):
    """The same by TLS, with a certificate that is made for the run."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-days", "2", "-subj", "/CN=sink",
             "-addext", "subjectAltName=IP:127.0.0.1",
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        command = [programs / "sink", "--certificate", certificate, "--key", key]
        with running(command, lambda line: line, certificate=certificate) as server:
            yield server


def emulator(programs):
    """local-aws, which decodes, hashes and checks what it gets, and doesn't keep it."""
    command = [programs / "serve", "--blobs", "count"]
    return running(command, lambda line: line.removeprefix("export AWS_ENDPOINT_URL="))


@contextlib.contextmanager
def docker_registry(_):
    """docker-registry, where it is installed: it stores what it gets, in a temporary folder."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        with open(f"{folder}/config.yml", "w", encoding="ascii") as file:
            file.write(
                "version: 0.1\nlog: {level: error}\n"
                f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
                f"http: {{addr: '{address}'}}\n"
            )
        command = ["docker-registry", "serve", f"{folder}/config.yml"]
        with running(command, url=f"http://{address}") as server:
            yield server


def missing(names):
    """Those of the servers that lack a program, and which."""
    needs = {"sink-tls": "openssl", "docker-registry": "docker-registry"}
    return {name: needs[name] for name in names
            if name in needs and shutil.which(needs[name]) is None}


def wait_for(process, url):
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"the server at {url} ended before it listened")
        try:
            urllib.request.urlopen(f"{url}/v2/", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens at {url}")

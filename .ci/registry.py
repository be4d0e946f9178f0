"""Pushes images to Debian's docker-registry, a registry that nobody here wrote, by the registry's own
protocol, and reads every byte of them back."""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from debian import install
from emulator import BIN

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# One that goes with the request that completes it, one in one request, one in two.
SIZES = [1000, 6 * 1024 * 1024, 51 * 1024 * 1024]


@contextlib.contextmanager
def registry(folder):
    """The address of a docker-registry that keeps what it gets in `folder`."""
    server = install("docker-registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = pathlib.Path(folder, "registry.yml")
    storage = {"filesystem": {"rootdirectory": f"{folder}/store"}}
    # JSON is YAML.
    settings.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    with open(f"{folder}/log", "w") as log:
        running = subprocess.Popen([server, "serve", settings], stdout=log, stderr=log)
    try:
        url = f"http://{address}"
        for _ in range(100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/v2/").close()
                break
            time.sleep(0.1)
        else:
            sys.exit("docker-registry did not start: " + pathlib.Path(folder, "log").read_text())
        yield url
    finally:
        running.terminate()
        running.wait()


class Layout:
    """An OCI layout that is written."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.blobs = {}
        (self.folder / "blobs" / "sha256").mkdir(parents=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def add(self, media_type, content):
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(content)
        self.blobs[f"sha256:{digest}"] = (media_type, content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def manifest(self, architecture, layers):
        config = {"architecture": architecture, "os": "linux"}
        config = self.add(CONFIG, json.dumps(config).encode())
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        platform = {"architecture": architecture, "os": "linux"}
        return {**self.add(MANIFEST, json.dumps(manifest).encode()), "platform": platform}

    def finish(self, *manifests):
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        root = self.add(INDEX, json.dumps(index).encode())
        text = json.dumps({"schemaVersion": 2, "manifests": [root]})
        (self.folder / "index.json").write_text(text)
        return root["digest"]


def push(url, image, name, *arguments):
    """Returns the digest that the image is pushed as, and what was told on the way."""
    # No region: nothing of AWS is called, and the credentials are none.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    credentials = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    command = [BIN / "push", "--aws", "--transport", "registry", "--registry-endpoint", url]
    run = subprocess.run(
        [*command, "--anonymous", "--tag", "1.0", *arguments, image, f"{HOST}/{name}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | credentials,
    )
    print(run.stderr, flush=True)
    assert run.returncode == 0, run
    uri, digest = run.stdout.strip().split("@")
    assert uri == f"{HOST}/{name}", uri
    return digest, run.stderr


def get(url, media_type):
    request = urllib.request.Request(url, headers={"Accept": media_type})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def look(url, name, layout, root):
    """To the byte."""
    for digest, (media_type, content) in layout.blobs.items():
        kind = "manifests" if media_type in (INDEX, MANIFEST) else "blobs"
        assert get(f"{url}/v2/{name}/{kind}/{digest}", media_type) == content, digest
    tagged = get(f"{url}/v2/{name}/manifests/1.0", INDEX)
    assert "sha256:" + hashlib.sha256(tagged).hexdigest() == root, tagged


def main():
    with tempfile.TemporaryDirectory() as folder, registry(folder) as url:
        chance = random.Random(7)
        layout = Layout(f"{folder}/image")
        layers = [layout.add(LAYER, chance.randbytes(size)) for size in SIZES]
        root = layout.finish(
            layout.manifest("amd64", layers), layout.manifest("arm64", layers[:1])
        )

        digest, told = push(url, layout.folder, "demo/web")
        assert digest == root, digest
        assert "  5 of 5 layers to upload to " in told, told
        look(url, "demo/web", layout, root)

        _, again = push(url, layout.folder, "demo/web")
        assert "  0 of 5 layers to upload to " in again, again
        assert "  manifest " not in again, again

        source = ("--mount-from", f"{HOST}/demo/web")
        _, mounted = push(url, layout.folder, "demo/other", *source)
        assert mounted.count(": mounted") == 5, mounted
        look(url, "demo/other", layout, root)
    print("docker-registry has the images")


if __name__ == "__main__":
    main()

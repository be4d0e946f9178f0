"""Makes images with skopeo and buildah in every form that they write, pushes each to a served emulator
by both protocols, pulls it back with skopeo, and compares what it contains."""

import gzip
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

import boto3

from debian import install
from emulator import BIN, served

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def output(*command, **more):
    """Runs a program, and returns what it printed."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **more).stdout


def content(layout):
    """The config and the layers of the only image in an OCI image layout, uncompressed."""
    blobs = Path(layout, "blobs", "sha256")
    read = lambda digest: (blobs / digest.removeprefix("sha256:")).read_bytes()
    index = json.loads(Path(layout, "index.json").read_bytes())
    [root] = index["manifests"]
    manifest = json.loads(read(root["digest"]))
    layers = []
    for layer in manifest["layers"]:
        found = read(layer["digest"])
        layers.append(gzip.decompress(found) if found[:2] == b"\x1f\x8b" else found)
    config = json.loads(read(manifest["config"]["digest"]))
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert config["rootfs"]["diff_ids"] == diff_ids, (config["rootfs"], diff_ids)
    return config["architecture"], diff_ids


def blobs(layout):
    """The content of an OCI image layout, by digest."""
    return {file.name: file.read_bytes() for file in Path(layout, "blobs", "sha256").iterdir()}


class Builder:
    """buildah with a store of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.files = 0

    def run(self, *arguments):
        store = ["--root", f"{self.folder}/store", "--runroot", f"{self.folder}/run"]
        return output("buildah", *store, "--storage-driver", "vfs", *arguments).strip()

    def add_layer(self, base, name, *arguments):
        """Makes an image of another one and a new layer."""
        self.files += 1
        file = Path(self.folder, f"file-{self.files}")
        file.write_bytes(os.urandom(1000) * 1000)
        container = self.run("from", *arguments, base)
        self.run("copy", container, file, "/")
        self.run("commit", "--format", "oci", container, name)

    def one(self):
        """An image of two layers, as an OCI image layout."""
        self.add_layer("scratch", "localhost/base")
        self.add_layer("localhost/base", "localhost/web")
        layout = f"{self.folder}/built"
        self.run("push", "localhost/web", f"oci:{layout}:1.0")
        return layout

    def several(self):
        """An index of two platforms, as an OCI image layout and as a `dir:` folder."""
        self.run("manifest", "create", "all")
        for architecture in ("amd64", "arm64"):
            name = f"localhost/{architecture}"
            self.add_layer("scratch", name, "--arch", architecture)
            self.run("manifest", "add", "all", name)
        layout, folder = f"{self.folder}/several", f"{self.folder}/several-dir"
        self.run("manifest", "push", "--all", "all", f"oci:{layout}:1.0")
        output("skopeo", "--insecure-policy", "copy", "--all", f"oci:{layout}:1.0",
               f"dir:{folder}")
        return layout, folder


def forms(folder, layout):
    """The image in each form, with the arguments that choose it."""
    def copied(transport, *arguments, tag=":1.0"):
        path = f"{folder}/{transport}-{len(arguments)}"
        source = f"oci:{layout}:1.0"
        output("skopeo", "--insecure-policy", "copy", *arguments, source,
               f"{transport}:{path}{tag}")
        return path

    yield layout, []
    yield copied("oci"), ["--name", "1.0"]
    yield copied("oci-archive"), []
    yield copied("docker-archive", tag=":web:1.0"), ["--name", "localhost/web:1.0"]
    yield copied("dir", tag=""), []
    yield copied("dir", "--format", "v2s2", tag=""), []
    shared = f"{folder}/shared"
    yield copied("oci", "--dest-shared-blob-dir", shared, "--dest-compress"), ["--blobs", shared]


def main():
    for program in ("skopeo", "buildah"):
        install(program)
    with served("--pace", "0") as variables, tempfile.TemporaryDirectory() as folder:
        os.environ.update(variables)
        login = json.loads(
            output(BIN / "login", "--aws", "--credential-helper", "get", input=HOST)
        )
        credentials = f"{login['Username']}:{login['Secret']}"
        address = variables["AWS_ENDPOINT_URL"].removeprefix("http://")
        ecr = boto3.client("ecr")
        pushes = 0

        def pushed(image, protocol, *arguments):
            """Pushes into a new repository, pulls all of it, and returns the layout."""
            nonlocal pushes
            pushes += 1
            name = f"images/{pushes}"
            ecr.create_repository(repositoryName=name)
            output(BIN / "push", "--aws", "--tag", "1.0", "--transport", protocol,
                   "--registry-endpoint", variables["AWS_ENDPOINT_URL"], *arguments, image,
                   f"{HOST}/{name}")
            pulled = f"{folder}/pulled-{pushes}"
            output("skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false",
                   "--src-creds", credentials, f"docker://{address}/{name}:1.0",
                   f"oci:{pulled}:1.0")
            return pulled

        builder = Builder(folder)
        layout = builder.one()
        expected = content(layout)
        for image, arguments in forms(folder, layout):
            for protocol in ("api", "registry"):
                assert content(pushed(image, protocol, *arguments)) == expected, (image, protocol)
                print(f"{image} by {protocol}: the same", flush=True)
        layout, as_dir = builder.several()
        for image in (layout, as_dir):
            for protocol in ("api", "registry"):
                assert blobs(pushed(image, protocol)) == blobs(layout), (image, protocol)
                print(f"{image} by {protocol}: the same to the byte", flush=True)


if __name__ == "__main__":
    main()

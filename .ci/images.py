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


def built(folder):
    """An image that buildah made of two layers, as an OCI image layout."""
    store = ["--root", f"{folder}/store", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]

    def buildah(*arguments):
        return output("buildah", *store, *arguments).strip()

    name = "scratch"
    for number in range(2):
        file = Path(folder, f"file-{number}")
        file.write_bytes(os.urandom(1000) * 1000)
        container = buildah("from", name)
        buildah("copy", container, file, "/")
        name = f"localhost/web:{number}"
        buildah("commit", "--format", "oci", container, name)
    layout = f"{folder}/built"
    buildah("push", name, f"oci:{layout}:1.0")
    return layout


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
        layout = built(folder)
        expected = content(layout)
        for number, (image, arguments) in enumerate(forms(folder, layout)):
            for protocol in ("api", "registry"):
                name = f"form-{number}/{protocol}"
                ecr.create_repository(repositoryName=name)
                endpoint = ["--registry-endpoint", variables["AWS_ENDPOINT_URL"]]
                output(BIN / "push", "--aws", "--tag", "1.0", "--transport", protocol, *endpoint,
                       *arguments, image, f"{HOST}/{name}")
                pulled = f"{folder}/pulled-{number}-{protocol}"
                output("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
                       "--src-creds", credentials, f"docker://{address}/{name}:1.0",
                       f"oci:{pulled}:1.0")
                assert content(pulled) == expected, (image, protocol)
                print(f"{image} by {protocol}: the same", flush=True)


if __name__ == "__main__":
    main()

"""Pushes an image to moto, an implementation of ECR that nobody here wrote, and reads it back."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

import boto3

from emulator import BIN
from served_moto import moto

NAME = "demo/web"
URI = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{NAME}"


def push(image, *tags):
    """Returns the digest that the image is pushed as, and what was told on the way."""
    arguments = [argument for tag in tags for argument in ("--tag", tag)]
    run = subprocess.run(
        [BIN / "push", "--aws", *arguments, image, URI],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    print(run.stderr, flush=True)
    assert run.returncode == 0, run
    uri, digest = run.stdout.strip().split("@")
    assert uri == URI, uri
    return digest, run.stderr


def blob(image, digest):
    return pathlib.Path(image, "blobs", *digest.split(":")).read_bytes()


def main():
    with moto() as variables, tempfile.TemporaryDirectory() as folder:
        os.environ.update(variables)
        image = f"{folder}/image"
        definitions = f"{folder}/imagedefinitions.json"
        environment = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
        subprocess.run(
            [BIN / "pipeline", "--keep-image", image, "--definitions", definitions],
            stdout=subprocess.DEVNULL,
            env=environment,
            check=True,
        )
        ecr = boto3.client("ecr")
        ecr.create_repository(repositoryName=NAME)
        digest, _ = push(image, "1.0", "latest")
        look(ecr, image, digest)
        _, again = push(image, "1.0", "latest")
        assert "  0 of 3 layers to upload to " in again, again
        assert "  manifest " not in again, again
    print("moto has the image")


def look(ecr, image, digest):
    """To the byte, as far as moto keeps any."""
    for tag in ("1.0", "latest"):
        got = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])
        assert got["failures"] == [], got
        [found] = got["images"]
        assert found["imageId"]["imageDigest"] == digest, found
        assert found["imageManifest"].encode() == blob(image, digest), found
    manifest = json.loads(blob(image, digest))
    layers = [manifest["config"], *manifest["layers"]]
    for layer in layers:
        content = blob(image, layer["digest"])
        assert "sha256:" + hashlib.sha256(content).hexdigest() == layer["digest"], layer
    checked = ecr.batch_check_layer_availability(
        repositoryName=NAME, layerDigests=[layer["digest"] for layer in layers]
    )
    assert checked["failures"] == [], checked
    states = {layer["layerAvailability"] for layer in checked["layers"]}
    assert states == {"AVAILABLE"}, checked


if __name__ == "__main__":
    main()

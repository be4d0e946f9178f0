"""skopeo pulls from a served emulator what `push` pushed by ECR's API, and pushes it once more by
the registry: each blob and manifest stays what it is, to the byte."""

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

import boto3

from debian import install
from emulator import BIN, order, served

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def output(*command, **more):
    """Runs a program, and returns what it printed."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **more).stdout


def blobs(layout):
    """The content of an OCI image layout, by digest."""
    return {file.name: file.read_bytes() for file in Path(layout, "blobs", "sha256").iterdir()}


def main():
    install("skopeo")
    with served("--pace", "0") as variables, tempfile.TemporaryDirectory() as folder:
        os.environ.update(variables)
        layout, pulled = f"{folder}/image", f"{folder}/pulled"
        output(BIN / "pipeline", "--keep-image", layout,
               "--definitions", f"{folder}/imagedefinitions.json")
        uri = output(BIN / "push", "--aws", "--tag", "1.0", layout, f"{HOST}/demo/web").split()[-1]
        digest = uri.split("@")[1]

        login = json.loads(
            output(BIN / "login", "--aws", "--credential-helper", "get", input=HOST)
        )
        credentials = f"{login['Username']}:{login['Secret']}"
        address = variables["AWS_ENDPOINT_URL"].removeprefix("http://")
        repository = f"docker://{address}/demo/web"

        def copy(source, destination, *arguments):
            output("skopeo", "--insecure-policy", "copy", "--preserve-digests", *arguments,
                   source, destination)

        copy(f"{repository}:1.0", f"oci:{pulled}:1.0", "--src-tls-verify=false",
             "--src-creds", credentials)
        there = blobs(pulled)
        assert there == blobs(layout), (sorted(there), sorted(blobs(layout)))
        assert digest.removeprefix("sha256:") in there, digest

        ecr = boto3.client("ecr")
        # With a foreign layer, whose content is elsewhere: skopeo leaves that there.
        image = json.loads(there[digest.removeprefix("sha256:")])
        foreign = hashlib.sha256(b"foreign").hexdigest()
        image["layers"].insert(0, {
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": f"sha256:{foreign}", "size": 7, "urls": ["http://127.0.0.1:9/layer"],
        })
        manifest = json.dumps(image)
        ecr.put_image(repositoryName="demo/web", imageManifest=manifest, imageTag="foreign")
        copy(f"{repository}:foreign", f"oci:{folder}/foreign:1.0", "--src-tls-verify=false",
             "--src-creds", credentials)
        own = {name for name in there if name != digest.removeprefix("sha256:")}
        pulled_foreign = blobs(f"{folder}/foreign")
        assert set(pulled_foreign) == own | {hashlib.sha256(manifest.encode()).hexdigest()}, (
            sorted(pulled_foreign))

        # Into an empty repository, so that skopeo has something to upload.
        ecr.create_repository(repositoryName="pushed")
        copy(f"oci:{pulled}:1.0", f"docker://{address}/pushed:2.0", "--dest-tls-verify=false",
             "--dest-creds", credentials)
        found = ecr.describe_images(repositoryName="pushed")["imageDetails"]
        assert [(it["imageDigest"], it["imageTags"]) for it in found] == [(digest, ["2.0"])], found

        # Without a permission, skopeo gets to see which one, and whose.
        order(variables, {"policy": {"principal": "arn:aws:iam::123456789012:user/local", "policy": {
            "Version": "2012-10-17", "Statement": []}}})
        refused = subprocess.run(
            ["skopeo", "inspect", "--tls-verify=false", "--creds", credentials,
             f"{repository}:1.0"],
            stderr=subprocess.PIPE, text=True,
        )
        assert refused.returncode != 0
        expected = "user/local is not authorized to perform: ecr:BatchGetImage on resource: "
        assert expected in refused.stderr, refused.stderr
    print(f"skopeo pulled {len(there)} blobs as they were pushed, and pushed them back")


if __name__ == "__main__":
    main()

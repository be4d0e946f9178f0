"""A push by boto3, and every refusal of ECR: a client that nobody here wrote parses the answers."""

import base64
import hashlib
import json
import os
import time
import urllib.request
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import order, served

MIB = 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Push:
    """The calls of a push into one repository."""

    def __init__(self, ecr, repository="app"):
        self.ecr = ecr
        self.repository = repository

    def start(self):
        return self.ecr.initiate_layer_upload(repositoryName=self.repository)["uploadId"]

    def part(self, upload, first, content, last=None):
        last = first + len(content) - 1 if last is None else last
        return self.ecr.upload_layer_part(
            repositoryName=self.repository, uploadId=upload, partFirstByte=first, partLastByte=last,
            layerPartBlob=content,
        )

    def complete(self, upload, of):
        return self.ecr.complete_layer_upload(
            repositoryName=self.repository, uploadId=upload, layerDigests=[of]
        )

    def layer(self, content, part_size=10 * MIB):
        upload = self.start()
        for first in range(0, len(content), part_size):
            self.part(upload, first, content[first : first + part_size])
        assert self.complete(upload, digest(content))["layerDigest"] == digest(content)
        return {"digest": digest(content), "size": len(content)}

    def manifest(self, layers):
        config = self.layer(json.dumps({"layers": layers}).encode())
        return json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}
                       for layer in layers],
        })

    def put(self, manifest, **more):
        return self.ecr.put_image(repositoryName=self.repository, imageManifest=manifest, **more)["image"]


def refused(code, act, **members):
    """Asserts that `act` is refused with `code`, and that the error has these members."""
    try:
        act()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert error.response["Error"]["Message"], error.response
        for name, value in members.items():
            assert error.response[name] == value, error.response
    else:
        raise AssertionError(f"{code} was expected")


def complete_push(push):
    ecr = push.ecr
    content = bytes(range(256)) * (23 * MIB // 256)
    layer = push.layer(content)
    check = ecr.batch_check_layer_availability(
        repositoryName="app", layerDigests=[layer["digest"], digest(b"absent"), "sha256:00"]
    )
    availability = {it["layerDigest"]: it["layerAvailability"] for it in check["layers"]}
    assert availability[layer["digest"]] == "AVAILABLE", check
    assert availability[digest(b"absent")] == "UNAVAILABLE", check
    assert check["failures"][0]["failureCode"] == "InvalidLayerDigest", check

    manifest = push.manifest([layer])
    of_image = digest(manifest.encode())
    assert push.put(manifest, imageTag="1.0")["imageId"]["imageDigest"] == of_image
    got = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "1.0"}])
    assert got["images"][0]["imageManifest"] == manifest, got
    described = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert described[0]["imageTags"] == ["1.0"], described
    assert isinstance(described[0]["imagePushedAt"], datetime), described

    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=layer["digest"])
    with urllib.request.urlopen(url["downloadUrl"]) as served_layer:
        assert served_layer.read() == content

    index = json.dumps({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [{"mediaType": MANIFEST, "digest": of_image, "size": len(manifest)}],
    })
    push.put(index, imageTag="multi", imageDigest=digest(index.encode()))
    token = ecr.get_authorization_token()["authorizationData"][0]
    assert base64.b64decode(token["authorizationToken"]).startswith(b"AWS:"), token
    left = token["expiresAt"] - datetime.now(timezone.utc)
    assert timedelta(hours=11) < left <= timedelta(hours=12), left
    return manifest


def refusals_of_uploads(push):
    upload = push.start()
    refused("EmptyUploadException", lambda: push.complete(upload, digest(b"")))
    push.part(upload, 0, b"x" * MIB)
    refused(
        "InvalidLayerPartException", lambda: push.part(upload, 0, b"y"),
        lastValidByteReceived=MIB - 1, uploadId=upload, repositoryName="app",
    )
    refused("InvalidLayerPartException", lambda: push.part(upload, MIB, b"y", last=2 * MIB))
    refused("InvalidLayerException", lambda: push.complete(upload, digest(b"other")))
    push.part(upload, MIB, b"y")
    refused(
        "LayerPartTooSmallException",
        lambda: push.complete(upload, digest(b"x" * MIB + b"y")),
    )
    refused("UploadNotFoundException", lambda: push.part(upload[:-4] + "ffff", 0, b"x"))
    push.layer(b"twice")
    refused("LayerAlreadyExistsException", lambda: push.layer(b"twice"))
    refused(
        "InvalidParameterException",
        lambda: push.part(push.start(), 0, b"x" * (20 * MIB + 1)),
    )


def refusals_of_manifests(push):
    """What ECR is reported to refuse after all layers were sent, and what may be absent."""
    image = json.loads(push.manifest([push.layer(b"of a manifest")]))
    parameter = "application/vnd.dev.sigstore.bundle+json;version=0.2"

    def refused_for(constraint, **members):
        text = json.dumps({**image, **members})
        try:
            push.put(text)
        except ClientError as error:
            expected = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: "
            assert error.response["Error"] == {
                "Code": "InvalidParameterException", "Message": f"{expected}'{constraint}'",
            }, error.response
        else:
            raise AssertionError(f"{text} was taken")

    config, layer = image["config"], image["layers"][0]
    subject = {"mediaType": MANIFEST, "digest": digest(b"subject"), "size": 7}
    platform = {"os": "linux", "architecture": "amd64"}
    for members in [
        {"config": {**config, "platform": platform}},
        {"config": {**config, "annotations": {"a": "b"}}},
        {"subject": {**subject, "platform": platform}},
        {"artifactType": parameter},
        {"layers": [{**layer, "mediaType": parameter}]},
    ]:
        refused_for("Invalid JSON syntax", **members)
    refused_for("Image has to have at least 1 layer", layers=[])
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": digest(b"foreign"), "size": 7, "urls": ["https://example.com/layer"],
    }
    text = json.dumps({**image, "layers": [foreign, layer]})
    assert push.put(text, imageTag="foreign")["imageManifest"] == text


def middleboxes(variables, push):
    """A client that nobody here wrote makes of HTML what it makes of HTML."""
    for middlebox, status in [("Forbidden", 403), ("GatewayTimeout", 504), ("TooLarge", 413)]:
        order(variables, {"inject": {
            "operation": "ListTagsForResource", "fault": {"Middlebox": middlebox}, "seconds": 0.2}})
        try:
            push.ecr.list_tags_for_resource(
                resourceArn="arn:aws:ecr:us-east-1:123456789012:repository/app")
        except ClientError as error:
            assert error.response["Error"]["Code"] == str(status), error.response
        else:
            raise AssertionError(f"{middlebox} was taken for an answer")
        time.sleep(0.3)


def refusals_of_images(push, manifest):
    refused("ImageAlreadyExistsException", lambda: push.put(manifest, imageTag="1.0"))
    refused("InvalidParameterException", lambda: push.put("{"))
    untyped = {k: v for k, v in json.loads(manifest).items() if k != "mediaType"}
    refused("InvalidParameterException", lambda: push.put(json.dumps(untyped)))
    missing = json.loads(manifest)
    missing["layers"][0]["digest"] = digest(b"absent")
    refused("LayersNotFoundException", lambda: push.put(json.dumps(missing)))
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": digest(b"absent"), "size": 6}]}
    refused("ReferencedImagesNotFoundException", lambda: push.put(json.dumps(index)))
    refused(
        "ImageDigestDoesNotMatchException",
        lambda: push.put(manifest, imageTag="2.0", imageDigest=digest(b"other")),
    )
    push.ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
    fixed = Push(push.ecr, "fixed")
    first = fixed.manifest([fixed.layer(b"one")])
    second = fixed.manifest([fixed.layer(b"other")])
    fixed.put(first, imageTag="1.0")
    refused("ImageTagAlreadyExistsException", lambda: fixed.put(second, imageTag="1.0"))


def refusals_of_what_is_scripted(variables, push, manifest):
    ecr = push.ecr
    order(variables, {"kmsError": {"repository": "app", "kmsError": "DisabledException"}})
    refused("KmsException", push.start, kmsError="DisabledException")
    order(variables, {"kmsError": {"repository": "app", "kmsError": None}})
    order(variables, {"layersPerImage": 1})
    two = push.manifest([push.layer(b"one of two"), push.layer(b"two of two")])
    refused("InvalidParameterException", lambda: push.put(two))
    order(variables, {"missingLayers": "Failure"})
    check = ecr.batch_check_layer_availability(
        repositoryName="app", layerDigests=[digest(b"absent")]
    )
    assert check["failures"][0]["failureCode"] == "MissingLayerDigest", check
    # Its layers are in use by the index alone from now on.
    order(variables, {"archiveImage": {"repository": "app", "image": "1.0"}})
    layer = json.loads(manifest)["layers"][0]["digest"]
    refused(
        "LayerInaccessibleException",
        lambda: ecr.get_download_url_for_layer(repositoryName="app", layerDigest=layer),
    )
    plain = push.manifest([push.layer(b"plain")])
    # As many tags as an image may have.
    for number in range(1000):
        push.put(plain, imageTag=f"t{number}")
    refused("LimitExceededException", lambda: push.put(plain, imageTag="over"))


def refusals_of_everything(variables, push):
    ecr = push.ecr
    refused("RepositoryNotFoundException", lambda: ecr.list_images(repositoryName="none"))
    refused("RepositoryAlreadyExistsException", lambda: ecr.create_repository(repositoryName="app"))
    refused("InvalidParameterException", lambda: ecr.list_images(repositoryName="UPPER"))
    refused("RepositoryNotEmptyException", lambda: ecr.delete_repository(repositoryName="app"))
    refused("ImageNotFoundException", lambda: ecr.describe_images(
        repositoryName="app", imageIds=[{"imageTag": "none"}]))
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    refused("TooManyTagsException", lambda: ecr.create_repository(repositoryName="b1", tags=tags))
    long = [{"Key": "k" * 129, "Value": "v"}]
    refused(
        "InvalidTagParameterException",
        lambda: ecr.create_repository(repositoryName="b2", tags=long),
    )
    for fault, code in [
        ("Throttle", "ThrottlingException"),
        ("ServerError", "ServerException"),
        ("Unavailable", "ServiceUnavailable"),
    ]:
        order(variables, {"inject": {"operation": "ListImages", "seconds": 0.2, "fault": fault}})
        refused(code, lambda: ecr.list_images(repositoryName="app"))
        while True:
            try:
                ecr.list_images(repositoryName="app")
                break
            except ClientError:
                pass
    upload = push.start()
    order(variables, {"inject": {"operation": "CompleteLayerUpload", "fault": "ExpireUploads"}})
    refused("UploadNotFoundException", lambda: push.complete(upload, digest(b"")))
    order(variables, {"policy": {
        "principal": "arn:aws:iam::123456789012:user/local",
        "policy": {"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:*", "Resource": "*"}},
    }})
    refused("AccessDeniedException", lambda: ecr.list_images(repositoryName="app"))
    sts = boto3.client("sts")
    role = sts.assume_role(
        RoleArn="arn:aws:iam::210987654321:role/push", RoleSessionName="check"
    )["Credentials"]
    there = boto3.client(
        "ecr", aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"], aws_session_token=role["SessionToken"],
    )
    assert there.describe_repositories()["repositories"] == []


def main():
    with served() as variables:
        os.environ.update(variables)
        push = Push(boto3.client("ecr", config=Config(retries={"total_max_attempts": 1})))
        push.ecr.create_repository(repositoryName="app")
        manifest = complete_push(push)
        refusals_of_uploads(push)
        refusals_of_images(push, manifest)
        refusals_of_manifests(push)
        middleboxes(variables, push)
        refusals_of_what_is_scripted(variables, push, manifest)
        refusals_of_everything(variables, push)
    print("boto3 pushes, and parses every refusal of ECR")


if __name__ == "__main__":
    main()

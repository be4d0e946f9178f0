"""Runs the pipeline twice in one served emulator, and looks at what it left with boto3."""

import os
import subprocess
import tempfile

import boto3

from emulator import BIN, served

URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web"


def pipeline(*arguments):
    """Runs the pipeline, and returns its summary by the first word of each line."""
    run = subprocess.run(
        [BIN / "pipeline", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    print(run.stdout, flush=True)
    return dict(line.split(maxsplit=1) for line in run.stdout.splitlines()[-5:])


def main():
    with served("--pace", "0.01") as variables, tempfile.TemporaryDirectory() as folder:
        # boto3 and the SDK read them alike.
        os.environ.update(variables)
        image = f"{folder}/image"
        definitions = ["--definitions", f"{folder}/imagedefinitions.json"]
        pipeline("--keep-image", image, *definitions)
        on_this = ["--aws", "--image", image, "--repository", URI, "--cluster", "demo",
                   "--service", "web", "--container", "web", "--tag", "1.0", *definitions]
        first = pipeline(*on_this)
        second = pipeline(*on_this)
        assert first["layers"].startswith("3 uploaded"), first
        assert second["layers"] == "0 uploaded with 0 B, 3 already exist", second
        assert second["revision"] == first["revision"] + " (unchanged)", second
        look(first)
    print("boto3 sees the image and the revision")


def look(summary):
    uri, digest = summary["image"].split("@")
    assert uri == URI, uri
    ecr = boto3.client("ecr")
    described = ecr.describe_images(repositoryName="demo/web")["imageDetails"]
    assert [image["imageDigest"] for image in described] == [digest], described
    assert described[0]["imageTags"] == ["1.0"], described
    got = ecr.batch_get_image(repositoryName="demo/web", imageIds=[{"imageTag": "1.0"}])
    assert got["failures"] == [], got
    assert got["images"][0]["imageId"]["imageDigest"] == digest, got

    ecs = boto3.client("ecs")
    service = ecs.describe_services(cluster="demo", services=["web"])["services"][0]
    assert service["taskDefinition"] == summary["revision"], service
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"], service
    revisions = ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"]
    assert len(revisions) == 2, revisions
    definition = ecs.describe_task_definition(taskDefinition=summary["revision"])
    containers = definition["taskDefinition"]["containerDefinitions"]
    images = {container["name"]: container["image"] for container in containers}
    assert images["web"] == summary["image"], images

    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012", identity


if __name__ == "__main__":
    main()

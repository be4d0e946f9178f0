"""The checks of the set-ups, in the environment of pipelines.py."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import boto3

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from checkout import BIN, EXAMPLES, ROOT, Checkout
from emulator import served
from served_moto import moto
from templates import Template, actions, permissions
from workflows import COMMIT, blocks, run_buildspec, run_workflow

PIPELINES = EXAMPLES / "pipelines"
REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web"
SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/demo/web"
REVISION = "arn:aws:ecs:us-east-1:123456789012:task-definition/web"
RULE = ["--tag", "v*", "--containers", EXAMPLES / "service" / "containers.json"]


def main():
    lint()
    policies()
    with moto() as cloud, served("--pace", "0.001") as emulator:
        variables = {
            **emulator,
            "AWS_ENDPOINT_URL_S3": cloud["AWS_ENDPOINT_URL"],
            "AWS_ENDPOINT_URL_EVENTBRIDGE": cloud["AWS_ENDPOINT_URL"],
            "AWS_ENDPOINT_URL_SQS": cloud["AWS_ENDPOINT_URL"],
        }
        os.environ.update(variables)
        buckets()
        github_actions(variables)
        github_codepipeline(variables)
        codebuild(variables)
        ecr_codepipeline(variables)
        readmes(variables)
        rules()
    bucket_policy()
    guide()
    print("the set-ups work")


def program(name, *arguments, **settings):
    run = subprocess.run(
        [BIN / name, *arguments], stdout=subprocess.PIPE, text=True, check=True, **settings
    )
    return run.stdout


def step(name):
    print(f"\n--- {name}", flush=True)


def lint():
    step("the templates are valid")
    templates = sorted(PIPELINES.glob("*/*.yaml"))
    assert len(templates) == 4, templates
    subprocess.run(["cfn-lint", *templates], check=True)


def policies():
    step("the roles of the templates have the actions that `policy` prints")
    role = "arn:aws:iam::123456789012:role/demo-web"
    function = Template(PIPELINES / "ecr-lambda" / "template.yaml", TaskRoles=role)
    deployment = ["--service", SERVICE, "--family", "web", "--role", role]
    printed = program("policy", "--for", "lambda", "--for", "tags", *deployment)
    # The queue for failed events belongs to the template.
    assert function.actions("Role") == actions(printed) | {"sqs:SendMessage"}, printed
    on_ecs = lambda document: {it for it in permissions(document) if it[0][:5] != "logs:"}
    assert on_ecs(function.document("Role")) - {("sqs:SendMessage", "Failures.Arn")} == on_ecs(
        printed
    ), printed

    build = Template(PIPELINES / "codebuild" / "pipeline.yaml").actions("BuildRole")
    arguments = ["--project", "demo-web", "--bucket", "artifacts", REPOSITORY]
    printed = program("policy", "--for", "codebuild", *arguments)
    # The bucket with the programs belongs to the template, too.
    assert build == actions(printed) | {"s3:ListBucket"}, build ^ actions(printed)

    publish = Template(PIPELINES / "github-codepipeline" / "pipeline.yaml")
    printed = program("policy", "--for", "github-oidc", "--bucket", "source", REPOSITORY)
    assert publish.actions("GitHubRole") == actions(printed), printed
    pipeline = "arn:aws:codepipeline:us-east-1:123456789012:deploy"
    printed = program("policy", "--for", "event-target", "--pipeline", pipeline)
    for template in (publish, Template(PIPELINES / "ecr-codepipeline" / "template.yaml")):
        assert template.actions("RuleRole") == actions(printed), template.path


def buckets():
    s3 = boto3.client("s3")
    for name in ("example-pipeline-source", "example-programs"):
        s3.create_bucket(Bucket=name)
    # CodePipeline's S3 source needs versions.
    versions = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="example-pipeline-source", VersioningConfiguration=versions)
    for name in ("codebuild", "definitions", "doctor"):
        s3.upload_file(str(BIN / name), "example-programs", f"x86_64/{name}")


def github_actions(variables):
    step("GitHub Actions builds, pushes and deploys")
    workflow = PIPELINES / "github-actions" / "workflow.yml"
    for ref, tags in (("refs/heads/main", [COMMIT]), ("refs/tags/v1.4.2", [COMMIT, "v1.4.2"])):
        with Checkout(variables) as checkout:
            run_workflow(workflow, checkout, ref)
            runs(pushed(*tags))


def github_codepipeline(variables):
    step("GitHub Actions pushes, CodePipeline deploys")
    folder = PIPELINES / "github-codepipeline"
    template = Template(folder / "pipeline.yaml")
    with Checkout(variables) as checkout:
        run_workflow(folder / "workflow.yml", checkout, "refs/heads/main")
    artifact = pathlib.Path(tempfile.mkdtemp()) / "source.zip"
    s3 = boto3.client("s3")
    head = s3.head_object(Bucket="example-pipeline-source", Key=template.values["Key"])
    assert head["VersionId"] != "null", head
    s3.download_file("example-pipeline-source", template.values["Key"], str(artifact))
    ecs_action(template, artifact)
    runs(pushed(COMMIT))
    shutil.rmtree(artifact.parent)


def codebuild(variables):
    step("CodeBuild builds and pushes, CodePipeline deploys")
    folder = PIPELINES / "codebuild"
    template = Template(folder / "pipeline.yaml")
    [pipeline] = template.of_type("AWS::CodePipeline::Pipeline").values()
    [trigger] = pipeline["Triggers"]
    assert trigger["GitConfiguration"]["Push"] == [{"Tags": {"Includes": ["v*"]}}], trigger
    with Checkout(variables) as checkout:
        artifact = run_buildspec(folder / "buildspec.yml", checkout)
        ecs_action(template, artifact)
        runs(pushed(COMMIT))
    step("the same with another file name")
    renamed = Template(folder / "pipeline.yaml", FileName="images.json")
    arguments = ["--containers", "containers.json", "--definitions", "images.json"]
    with Checkout(variables) as checkout:
        buildspec = checkout.folder / "buildspec.yml"
        printed = program("codebuild", "--buildspec", *arguments, "image.tar", "demo/web")
        buildspec.write_text(printed)
        ecs_action(renamed, run_buildspec(buildspec, checkout))
        runs(pushed(COMMIT))


def ecr_codepipeline(variables):
    step("an ECR push starts a pipeline")
    template = Template(PIPELINES / "ecr-codepipeline" / "template.yaml")
    [pipeline] = template.of_type("AWS::CodePipeline::Pipeline").values()
    [stage] = [it for it in pipeline["Stages"] if it["Name"] == "Definitions"]
    [action] = stage["Actions"]
    digest = pushed(COMMIT)
    with Checkout(variables) as checkout:
        source = checkout.folder.parent / "Image"
        source.mkdir()
        detail = {"ImageURI": f"{REPOSITORY}@{digest}", "ImageTags": ["v1"], "Version": "1.0"}
        (source / "imageDetail.json").write_text(json.dumps(detail))
        script = "\n".join(template.resolve(action["Commands"]))
        checkout.run(script, CODEBUILD_SRC_DIR_Image=str(source))
        [output] = action["OutputArtifacts"]
        artifact = source / "artifact.zip"
        with zipfile.ZipFile(artifact, "w") as zipped:
            for name in output["Files"]:
                zipped.write(checkout.folder / name, name)
        ecs_action(template, artifact)
    runs(digest)


def ecs_action(template, artifact):
    """Does what CodePipeline's ECS action does: takes the file out of the artifact and deploys it."""
    configuration = template.ecs_action()
    name = configuration.get("FileName", "imagedefinitions.json")
    program("doctor", "--file-name", name, artifact)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(artifact) as zipped:
        file = zipped.extract(name, folder)
        service = ["--cluster", configuration["ClusterName"], "--service", configuration["ServiceName"]]
        program("deploy", "--aws", *service, "--definitions", file)


def pushed(*tags):
    """The digest that all these tags have."""
    images = [{"imageTag": tag} for tag in tags]
    found = boto3.client("ecr").describe_images(repositoryName="demo/web", imageIds=images)
    [digest] = {image["imageDigest"] for image in found["imageDetails"]}
    return digest


def runs(digest):
    """Checks that the service runs this image."""
    ecs = boto3.client("ecs")
    [service] = ecs.describe_services(cluster="demo", services=["web"])["services"]
    revision = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
    [image] = [
        container["image"]
        for container in revision["taskDefinition"]["containerDefinitions"]
        if container["name"] == "web"
    ]
    assert image == f"{REPOSITORY}@{digest}", image


def readmes(variables):
    files = sorted(PIPELINES.glob("*/README.md"))
    assert len(files) == 6, files
    for file in files:
        step(f"the commands of {file.relative_to(ROOT)}")
        lines = [line for line in file.read_text().splitlines() if line]
        assert len(lines) <= 24, f"{file}: {len(lines)} lines"
        with Checkout(variables) as checkout:
            for block in blocks(file):
                checkout.with_programs().run(block)


def rules():
    step("EventBridge makes the decisions of the program")
    events = boto3.client("events")
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    pattern = json.loads(program("ecr_event", *RULE, "--show-pattern"))
    for name in ("ecr-lambda", "ecr-codepipeline"):
        template = Template(PIPELINES / name / "template.yaml")
        [rule] = template.of_type("AWS::Events::Rule").values()
        assert rule["EventPattern"] == pattern, rule
    transformer = rule["Targets"][0]["InputTransformer"]
    show = ["--show-transformer", "--source-action", "Image"]
    assert transformer == json.loads(program("ecr_event", *RULE, *show)), transformer

    events.put_rule(Name="push", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
    events.put_targets(Rule="push", Targets=[target])
    sample = json.loads((PIPELINES / "ecr-lambda" / "event.json").read_text())
    digest = pushed(COMMIT)
    for detail, expected in decisions(digest):
        event = {**sample, "detail": {**sample["detail"], "image-digest": digest, **detail}}
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps({key: it for key, it in event["detail"].items() if it is not None}),
        }
        events.put_events(Entries=[entry])
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        assert len(received) == expected, (detail, received)
        event["detail"] = json.loads(entry["Detail"])
        service = ["--cluster", "demo", "--service", "web"]
        deployed = program("ecr_event", "--aws", *RULE, *service, input=json.dumps(event))
        assert bool(deployed) == expected, (detail, deployed)


def decisions(digest):
    """Changes of the sample event, and whether it is deployed."""
    signature = digest.replace(":", "-") + ".sig"
    config = "application/vnd.oci.image.config.v1+json"
    manifest = "application/vnd.oci.image.manifest.v1+json"
    chart = "application/vnd.cncf.helm.config.v1+json"
    return [
        ({}, True),
        ({"image-tag": "v2", "manifest-media-type": manifest, "artifact-media-type": config}, True),
        ({"image-tag": "latest"}, False),
        ({"image-tag": ""}, False),
        ({"image-tag": None}, False),
        ({"image-tag": signature, "artifact-media-type": config}, False),
        ({"artifact-media-type": chart}, False),
        ({"action-type": "DELETE"}, False),
        ({"result": "FAILURE"}, False),
        ({"repository-name": "demo/other"}, False),
    ]


def bucket_policy():
    step("the writer of the artifact can write nothing else")
    arguments = ["--bucket", "source", "--key", "web.zip", REPOSITORY]
    document = program("policy", "--for", "artifact-bucket", *arguments)
    # moto checks policies after this number of actions.
    with moto(INITIAL_NO_AUTH_ACTION_COUNT="4") as variables:
        as_admin = {
            "aws_access_key_id": "admin", "aws_secret_access_key": "x", "region_name": "us-east-1",
            "endpoint_url": variables["AWS_ENDPOINT_URL"],
        }
        boto3.client("s3", **as_admin).create_bucket(Bucket="source")
        iam = boto3.client("iam", **as_admin)
        iam.create_user(UserName="writer")
        iam.put_user_policy(UserName="writer", PolicyName="artifact", PolicyDocument=document)
        key = iam.create_access_key(UserName="writer")["AccessKey"]
        as_writer = {
            **as_admin,
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        s3 = boto3.client("s3", **as_writer)
        s3.put_object(Bucket="source", Key="web.zip", Body=b"zip")
        for denied in (
            lambda: s3.put_object(Bucket="source", Key="other.zip", Body=b"zip"),
            lambda: s3.get_object(Bucket="source", Key="web.zip"),
        ):
            try:
                denied()
            except s3.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDenied", error
            else:
                raise AssertionError("moto allowed more than the policy")


def guide():
    step("the ten steps of the guide")
    script = "\n".join(blocks(EXAMPLES / "README.md", "Ten steps"))
    clean = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    guide = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p)' EXIT\n{script}"],
        cwd=ROOT, env=clean, text=True, stdout=subprocess.PIPE,
    )
    print(guide.stdout, flush=True)
    assert guide.returncode == 0, guide.returncode
    assert f"{REVISION}:2\n" in guide.stdout, "the guide deployed nothing"


if __name__ == "__main__":
    main()

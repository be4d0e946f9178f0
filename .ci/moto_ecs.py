"""Deploys to a service of moto, an implementation of ECS that nobody here wrote.

moto plays no rollout: its UpdateService changes what the service is to run, and leaves its only
deployment with what it ran before, or, where a deployment is forced, gives that a new id. So a
forced deployment of the same revision can be seen through, and one of a new revision can't: that is
refused as an answer that makes no sense, after the revision has been registered without loss.
"""

import os
import subprocess
import tempfile

import boto3

from emulator import BIN
from served_moto import moto

SERVICE = ["--cluster", "prod", "--service", "web"]
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/web@sha256:" + "0123456789abcdef" * 4
REVISION = "arn:aws:ecs:us-east-1:123456789012:task-definition/web"
# With members that a careless copy drops or fills in: what is empty, zero, false or rare.
DEFINITION = {
    "family": "web",
    "taskRoleArn": "arn:aws:iam::123456789012:role/web",
    "executionRoleArn": "arn:aws:iam::123456789012:role/web-execution",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "pidMode": "task",
    "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    "ephemeralStorage": {"sizeInGiB": 21},
    "placementConstraints": [],
    "inferenceAccelerators": [{"deviceName": "device", "deviceType": "eia2.medium"}],
    "proxyConfiguration": {
        "type": "APPMESH",
        "containerName": "web",
        "properties": [{"name": "IgnoredUID", "value": "1337"}, {"name": "EgressIgnoredIPs"}],
    },
    "volumes": [
        {"name": "empty", "host": {}},
        {
            "name": "files",
            "efsVolumeConfiguration": {
                "fileSystemId": "fs-0123456789abcdef0",
                "rootDirectory": "/",
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"iam": "ENABLED"},
            },
        },
    ],
    "containerDefinitions": [
        {
            "name": "web",
            "image": "web:1",
            "essential": True,
            "command": [],
            "entryPoint": ["/bin/sh", "-c", ""],
            "environment": [
                {"name": "EMPTY", "value": ""},
                {"name": "ÜMLAUT \"x\"", "value": "ß\n"},
            ],
            "environmentFiles": [{"value": "arn:aws:s3:::env/web.env", "type": "s3"}],
            "secrets": [
                {"name": "T", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/t"},
            ],
            "portMappings": [
                {"name": "http", "containerPort": 8080, "appProtocol": "http2"},
                {"containerPortRange": "9000-9010", "protocol": "udp"},
            ],
            "mountPoints": [{"sourceVolume": "files", "containerPath": "/f", "readOnly": False}],
            "linuxParameters": {
                "capabilities": {"add": ["SYS_PTRACE"], "drop": []},
                "initProcessEnabled": False,
                "sharedMemorySize": 0,
                "tmpfs": [],
            },
            "restartPolicy": {"enabled": True, "ignoredExitCodes": [0], "restartAttemptPeriod": 60},
            "versionConsistency": "disabled",
            "credentialSpecs": [],
            "healthCheck": {"command": ["CMD", "true"], "retries": 0},
            "dockerLabels": {"empty": "", "com.example=x": "a=b"},
            "logConfiguration": {"logDriver": "awslogs", "options": {}, "secretOptions": []},
            "stopTimeout": 0,
        },
        {"name": "sidecar", "image": "sidecar", "essential": False, "memory": 64},
    ],
    "tags": [{"key": "team", "value": ""}, {"key": "a=b", "value": "c d"}],
}
NONSENSE = ("\nerror: invalid response to UpdateService: its PRIMARY deployment doesn't "
            "run web:2\n")
# What ECS adds (API reference of TaskDefinition).
ADDED = ["compatibilities", "deleteRequestedAt", "deregisteredAt", "registeredAt", "registeredBy",
         "requiresAttributes", "revision", "status", "taskDefinitionArn"]


WARNING = ("warning: the deployment circuit breaker is off: ECS retries a revision forever if its "
           "tasks fail\n")


def main():
    with moto(MOTO_ECS_SERVICE_RUNNING="2") as variables, tempfile.TemporaryDirectory() as folder:
        os.environ.update(variables)
        ecs = boto3.client("ecs")
        ecs.create_cluster(clusterName="prod")
        ecs.register_task_definition(**DEFINITION)
        # As many run as moto is set to: the service's only deployment is complete at once.
        ecs.create_service(cluster="prod", serviceName="web", taskDefinition="web",
                           desiredCount=2, launchType="FARGATE")
        plan = f"{folder}/plan.json"
        look_first(ecs, plan)
        same_revision(ecs)
        new_revision(ecs)
        once_more(ecs)
        apply(ecs, plan)
    print("moto has the revision, without loss")


def look_first(ecs, plan):
    """The same plan by a dry run and for a file, and nothing is changed."""
    before = describe(ecs)
    dry = deploy(0, *SERVICE, "--image", f"web={IMAGE}", "--dry-run")
    assert dry.stdout == (
        f"prod/web runs web:1\n  containers.web.image\n    - web:1\n    + {IMAGE}\n{WARNING}"
        "calls: DescribeServices, RegisterTaskDefinition, UpdateService\n"
    ), dry
    saved = deploy(0, *SERVICE, "--image", f"web={IMAGE}", "--plan", plan)
    assert saved.stdout == dry.stdout, saved
    same = deploy(0, *SERVICE, "--image", "web=web:1", "--dry-run")
    assert same.stdout == "prod/web runs web:1\nnothing changes\n", same
    assert describe(ecs) == before, before
    assert revisions(ecs) == [1], revisions(ecs)


def same_revision(ecs):
    """What runs already is left alone, and deployed anew where that is asked for."""
    before = describe(ecs)["deployments"][0]
    same = deploy(0, *SERVICE, "--image", "web=web:1")
    assert same.stdout == f"{REVISION}:1\n", same
    assert describe(ecs)["deployments"][0] == before, before
    forced = deploy(0, *SERVICE, "--force")
    assert forced.stdout == f"{REVISION}:1\n", forced
    after = describe(ecs)["deployments"][0]
    assert after["id"] != before["id"], after
    assert f"\n  started {after['id']}\n" in forced.stderr, forced
    assert revisions(ecs) == [1], revisions(ecs)


def new_revision(ecs):
    """Registered without loss; then the answer makes no sense, and is no success."""
    run = deploy(1, *SERVICE, "--image", f"web={IMAGE}")
    assert run.stdout == "", run
    assert run.stderr.endswith(NONSENSE), run
    assert f"\n  registered {REVISION}:2\n" in run.stderr, run
    old, new = definition(ecs, "web:1"), definition(ecs, "web:2")
    assert new["containerDefinitions"][0].pop("image") == IMAGE, new
    assert old["containerDefinitions"][0].pop("image") == "web:1", old
    assert new == old, (old, new)
    service = describe(ecs)
    assert service["taskDefinition"] == f"{REVISION}:2", service
    assert service["deployments"][0]["taskDefinition"] == f"{REVISION}:1", service


def once_more(ecs):
    """The revision is there, and isn't registered again; the answer is no better."""
    run = deploy(1, *SERVICE, "--image", f"web={IMAGE}")
    assert run.stdout == "", run
    assert f"\nno changes to {REVISION}:2\n" in run.stderr, run
    assert run.stderr.endswith(NONSENSE), run
    assert revisions(ecs) == [1, 2], revisions(ecs)


def apply(ecs, plan):
    """To moto, web:1 is what runs still, so that the plan may be applied; it is the same again."""
    run = deploy(1, "--apply", plan)
    assert run.stdout == "", run
    assert run.stderr.endswith(NONSENSE.replace("web:2", "web:3")), run
    assert definition(ecs, "web:3") == definition(ecs, "web:2"), definition(ecs, "web:3")


def deploy(code, *arguments):
    run = subprocess.run(
        [BIN / "deploy", "--aws", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    print(run.stdout + run.stderr, flush=True)
    assert run.returncode == code, run
    return run


def describe(ecs):
    answer = ecs.describe_services(cluster="prod", services=["web"])
    assert answer["failures"] == [], answer
    [service] = answer["services"]
    return service


def definition(ecs, revision):
    """What a revision was registered with, as far as moto keeps it."""
    described = ecs.describe_task_definition(taskDefinition=revision, include=["TAGS"])
    registered = described["taskDefinition"]
    registered["tags"] = described["tags"]
    for member in ADDED:
        registered.pop(member, None)
    return registered


def revisions(ecs):
    """Their numbers."""
    arns = ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"]
    return [int(arn.rsplit(":", 1)[1]) for arn in arns]


if __name__ == "__main__":
    main()

"""Every rule of ECS that the emulator has, driven by boto3 over the wire."""

import copy
import json
import os
import time
from contextlib import contextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import order, served

SERVICE = {"cluster": "demo", "service": "web"}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"
EBS_ROLE = "arn:aws:iam::123456789012:role/ebs"

DEFINITION = {
    "family": "rules",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "volumes": [{"name": "scratch"}],
    "containerDefinitions": [
        {
            "name": "web", "image": "nginx:1", "memory": 256,
            "portMappings": [{"name": "http", "containerPort": 80}],
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/tmp"}],
            "dependsOn": [{"containerName": "log", "condition": "START"}],
        },
        {"name": "log", "image": "fluent-bit:2", "memoryReservation": 64, "essential": False},
    ],
}


def changed(path, value, of=DEFINITION):
    """A task definition with one member replaced, or taken out by `None`."""
    definition = copy.deepcopy(of)
    place = definition
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return definition


def refused(code, message, act):
    try:
        act()
    except ClientError as error:
        answer = error.response["Error"]
        assert (answer["Code"], answer["Message"]) == (code, message), answer
    else:
        raise AssertionError(f"{code}: {message} was expected")


@contextmanager
def body(ecs, operation, change):
    """Changes the JSON of the next calls on their way: boto3 itself would send nothing wrong."""

    def alter(params, **_):
        sent = json.loads(params["body"])
        change(sent)
        params["body"] = json.dumps(sent).encode()

    event = f"before-call.ecs.{operation}"
    ecs.meta.events.register(event, alter)
    try:
        yield
    finally:
        ecs.meta.events.unregister(event, alter)


def types_and_unknown_members(ecs):
    register = lambda: ecs.register_task_definition(**DEFINITION)
    web = lambda sent: sent["containerDefinitions"][0]
    for change, message in [
        (lambda it: web(it).update(memory="256"), "STRING_VALUE cannot be converted to Integer"),
        (lambda it: web(it).update(essential="true"), "STRING_VALUE cannot be converted to Boolean"),
        (lambda it: it.update(cpu=256), "NUMBER_VALUE cannot be converted to String"),
        (lambda it: web(it).update(command="serve"), "Expected list or null"),
        (lambda it: web(it).update(environment=[{"name": "PORT", "value": 80}]),
         "NUMBER_VALUE cannot be converted to String"),
    ]:
        with body(ecs, "RegisterTaskDefinition", change):
            refused("SerializationException", message, register)
    with body(ecs, "RegisterTaskDefinition", lambda it: web(it).update(enviroment=[])):
        # botocore drops what it doesn't know; the witness of the answers would see it.
        register()


def registrations(ecs):
    containers = ("containerDefinitions", 0)
    for path, value, message in [
        ((*containers, "name"), "web.1", "Container.name contains invalid characters."),
        ((*containers, "image"), "<IMAGE1_NAME>", "Container.image contains invalid characters."),
        (("cpu",), "half",
         "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of "
         "the Amazon ECS Developer Guide."),
        (("memory",), "4096",
         "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS "
         "documentation for the valid values."),
        ((*containers, "memory"), 513,
         "The 'memory' setting for container 'web' is greater than for the task."),
        (("taskRoleArn",), "role/web", "Role is not valid"),
        ((*containers, "mountPoints", 0, "sourceVolume"), "cache", "Unknown volume 'cache'."),
        ((*containers, "dependsOn", 0, "containerName"), "logs",
         "Cannot depend on container + 'logs' because it does not exist"),
        (("networkMode",), "bridge", "Fargate only supports network mode ‘awsvpc’."),
        (("containerDefinitions", 1, "portMappings"), [{"name": "http", "containerPort": 81}],
         "Duplicate port mapping name 'http'."),
        ((*containers, "portMappings", 0, "hostPort"), 8080,
         "When networkMode=awsvpc, the host ports and container ports in port mappings must match."),
    ]:
        definition = changed(path, value)
        refused("ClientException", message, lambda: ecs.register_task_definition(**definition))
    waits = changed((*containers, "dependsOn", 0, "condition"), "SUCCESS")
    waits["containerDefinitions"][1]["essential"] = True
    refused(
        "ClientException",
        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        lambda: ecs.register_task_definition(**waits),
    )
    large = changed((*containers, "command"), ["x" * 65_536])
    try:
        ecs.register_task_definition(**large)
    except ClientError as error:
        assert error.response["Error"]["Message"].endswith(
            "Max allowed length is '65536' bytes."), error.response
    else:
        raise AssertionError("a task definition over 64 KiB was taken")


def normal_forms(ecs):
    definition = copy.deepcopy(DEFINITION)
    definition.update(cpu="0.5 vCPU", memory="1 GB ")
    web = definition["containerDefinitions"][0]
    web["portMappings"][0]["hostPort"] = 0
    web["environment"] = [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]
    registered = ecs.register_task_definition(**definition)["taskDefinition"]
    described = ecs.describe_task_definition(
        taskDefinition=registered["taskDefinitionArn"])["taskDefinition"]
    assert described == registered, (described, registered)
    assert (described["cpu"], described["memory"]) == ("512", "1024"), described
    assert described["volumes"] == [
        {"name": "scratch", "host": {}, "configuredAtLaunch": False}], described
    web = described["containerDefinitions"][0]
    assert web["portMappings"][0]["hostPort"] == 80, web
    assert web["environment"] == [{"name": "A", "value": "2"}], web


def requirements(variables, ecs):
    volumes = [*DEFINITION["volumes"], {"name": "data", "configuredAtLaunch": True}]
    definition = changed(("volumes",), volumes)
    register = lambda it: ecs.register_task_definition(**it)["taskDefinition"]["taskDefinitionArn"]
    configured = [{"name": "data", "managedEBSVolume": {"roleArn": EBS_ROLE}}]
    first = register(definition)
    ecs.create_service(
        cluster="demo", serviceName="api", taskDefinition=first, desiredCount=1,
        launchType="FARGATE", networkConfiguration=NETWORK,
        loadBalancers=[
            {"targetGroupArn": TARGET_GROUP, "containerName": "web", "containerPort": 80}],
        serviceConnectConfiguration={"enabled": True, "services": [{"portName": "http"}]},
        volumeConfigurations=configured,
    )
    update = lambda **more: ecs.update_service(cluster="demo", service="api", **more)
    port = ("containerDefinitions", 0, "portMappings", 0)
    for changed_definition, message in [
        (changed(("containerDefinitions", 0, "name"), "app", definition),
         "The container web does not exist in the task definition."),
        (changed((*port, "containerPort"), 81, definition),
         "The container web did not have a container port 80 defined."),
        (changed((*port, "name"), "other", definition),
         "The Service Connect port name 'http' isn't one of the task definition's port mappings."),
        (DEFINITION,
         "Volume configuration provided but no matching configuredAtLaunch volume found in task "
         "definition."),
        (changed(("requiresCompatibilities",), ["EC2"], definition),
         "Task definition does not support launch_type FARGATE."),
    ]:
        arn = register(changed_definition)
        refused("InvalidParameterException", message, lambda: update(taskDefinition=arn))
    service = ecs.describe_services(cluster="demo", services=["api"])["services"][0]
    assert service["deployments"][0]["volumeConfigurations"] == configured, service
    assert service["deployments"][0]["serviceConnectConfiguration"]["enabled"], service
    run = dict(
        cluster="demo", taskDefinition=first, launchType="FARGATE", networkConfiguration=NETWORK)
    refused(
        "InvalidParameterException",
        "The volume 'data' is configured at launch, and no volume configuration is provided for it.",
        lambda: ecs.run_task(**run),
    )
    assert len(ecs.run_task(**run, volumeConfigurations=configured)["tasks"]) == 1

    ecs.deregister_task_definition(taskDefinition=first)
    refused("ClientException", "TaskDefinition is inactive", lambda: update(taskDefinition=first))
    assert update(forceNewDeployment=True)["service"]["taskDefinition"] == first
    order(variables, {"expressMode": {"cluster": "demo", "service": "api", "isExpress": True}})
    refused(
        "InvalidParameterException",
        "The service is managed by Amazon ECS. Use UpdateExpressGatewayService to update it.",
        lambda: update(desiredCount=2),
    )


def lasting_tasks(variables, ecs):
    tasks = ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"]
    protected = ecs.update_task_protection(cluster="demo", tasks=tasks, protectionEnabled=True)
    assert [it["protectionEnabled"] for it in protected["protectedTasks"]] == [True] * 2, protected
    ecs.update_service(**SERVICE, forceNewDeployment=True)

    def deployments():
        service = ecs.describe_services(cluster="demo", services=["web"])["services"][0]
        return [(it["rolloutState"], it["runningCount"]) for it in service["deployments"]]

    def until(expected):
        for _ in range(600):
            if deployments() == expected:
                return
            time.sleep(0.05)
        raise AssertionError((deployments(), expected))

    until([("IN_PROGRESS", 2), ("COMPLETED", 2)])
    got = ecs.get_task_protection(cluster="demo", tasks=tasks)
    assert [it["taskArn"] for it in got["protectedTasks"]] == tasks, got
    order(variables, {"draining": {"cluster": "demo", "service": "web", "lasts": 200}})
    ecs.update_task_protection(cluster="demo", tasks=tasks, protectionEnabled=False)
    until([("IN_PROGRESS", 2), ("COMPLETED", 0)])
    until([("COMPLETED", 2)])


def one_off_tasks(variables, ecs):
    ecs.register_task_definition(family="job", containerDefinitions=[
        {"name": "migrate", "image": "job:1", "memory": 64, "essential": False},
        {"name": "proxy", "image": "proxy:1", "memory": 64},
    ])
    run = lambda **more: ecs.run_task(cluster="demo", taskDefinition="job", **more)
    for failure, reason in [
        ("Agent", "AGENT"), ("Cpu", "RESOURCE:CPU"), ("Memory", "RESOURCE:MEMORY"),
        ("Capacity", "Capacity is unavailable at this time. Please try again later or in a different "
                     "availability zone"),
    ]:
        order(variables, {"failRunTask": {"family": "job", "failure": failure, "times": 1}})
        token = f"token-{failure}"
        failed = run(clientToken=token)
        assert failed["failures"][0]["reason"] == reason, failed
        assert run(clientToken=token)["failures"] == failed["failures"]
        assert len(run(clientToken=token + "-again")["tasks"]) == 1
    order(variables, {"scriptContainers": {"family": "job", "exits": [
        {"container": "migrate", "after": 60, "exitCode": 3}]}})
    task = run()["tasks"][0]["taskArn"]
    for _ in range(600):
        described = ecs.describe_tasks(cluster="demo", tasks=[task])["tasks"][0]
        containers = {it["name"]: it for it in described["containers"]}
        if containers["migrate"].get("exitCode") == 3:
            break
        time.sleep(0.05)
    assert containers["migrate"]["lastStatus"] == "STOPPED", described
    assert described["lastStatus"] == containers["proxy"]["lastStatus"] == "RUNNING", described
    long = {"containerOverrides": [{"name": "migrate", "command": ["x" * 8192]}]}
    refused(
        "InvalidParameterException", "Container Overrides length must be at most 8192",
        lambda: run(overrides=long),
    )


def main():
    with served("--pace", "0.01") as variables:
        os.environ.update(variables)
        ecs = boto3.client("ecs", config=Config(retries={"total_max_attempts": 1}))
        types_and_unknown_members(ecs)
        registrations(ecs)
        normal_forms(ecs)
        requirements(variables, ecs)
        lasting_tasks(variables, ecs)
        one_off_tasks(variables, ecs)
    print("boto3 meets every rule of ECS")


if __name__ == "__main__":
    main()

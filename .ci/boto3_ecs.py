"""A rollout that succeeds and one that rolls back, watched by boto3."""

import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import order, served

SERVICE = {"cluster": "demo", "service": "web"}


def describe(ecs):
    answer = ecs.describe_services(cluster="demo", services=["web"], include=["TAGS"])
    assert answer["failures"] == [], answer
    return answer["services"][0]


def register(ecs, image):
    """A new revision of what runs, by a client's own model of it."""
    current = ecs.describe_task_definition(
        taskDefinition=describe(ecs)["taskDefinition"], include=["TAGS"]
    )
    definition = current["taskDefinition"]
    read_only = ["compatibilities", "deregisteredAt", "registeredAt", "registeredBy",
                 "requiresAttributes", "revision", "status", "taskDefinitionArn"]
    for member in read_only:
        definition.pop(member, None)
    definition["containerDefinitions"][0]["image"] = image
    registered = ecs.register_task_definition(**definition, tags=current["tags"])
    return registered["taskDefinition"]["taskDefinitionArn"]


def deploy(ecs, image):
    """Starts a deployment, and waits until no deployment is in progress."""
    revision = register(ecs, image)
    service = ecs.update_service(**SERVICE, taskDefinition=revision)["service"]
    ours = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    assert ours["taskDefinition"] == revision, service
    for _ in range(600):
        service = describe(ecs)
        states = {d["rolloutState"] for d in service["deployments"]}
        if states == {"COMPLETED"} and len(service["deployments"]) == 1:
            return revision, ours["id"], service
        time.sleep(0.05)
    raise AssertionError(service)


def service_deployment(ecs, deployment):
    """The newer view of a deployment, joined by the number at the end of its id."""
    number = deployment.rsplit("/", 1)[1]
    listed = ecs.list_service_deployments(**SERVICE)["serviceDeployments"]
    ours = next(d for d in listed if d["targetServiceRevisionArn"].endswith("/" + number))
    described = ecs.describe_service_deployments(
        serviceDeploymentArns=[ours["serviceDeploymentArn"]]
    )
    assert described["failures"] == [], described
    return described["serviceDeployments"][0]


def success(ecs):
    revision, deployment, service = deploy(ecs, "app@sha256:" + "a1" * 32)
    assert service["taskDefinition"] == revision, service
    assert service["deployments"][0]["id"] == deployment, service
    assert service["runningCount"] == service["desiredCount"] == 2, service
    assert service_deployment(ecs, deployment)["status"] == "SUCCESSFUL"
    tasks = ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"]
    described = ecs.describe_tasks(cluster="demo", tasks=tasks)["tasks"]
    assert [task["lastStatus"] for task in described] == ["RUNNING"] * 2, described
    assert {task["startedBy"] for task in described} == {deployment}, described
    ecs.get_waiter("services_stable").wait(cluster="demo", services=["web"])
    return revision


def roll_back(variables, ecs, before):
    order(variables, {"script": {
        "cluster": "demo", "service": "web", "script": {"Crash": {"exit_code": 17}}}})
    revision, deployment, service = deploy(ecs, "app@sha256:" + "b2" * 32)
    # To the waiter this is a success.
    ecs.get_waiter("services_stable").wait(cluster="demo", services=["web"])
    assert service["taskDefinition"] == before != revision, service
    assert service["deployments"][0]["id"] != deployment, service
    newer = service_deployment(ecs, deployment)
    assert newer["status"] == "ROLLBACK_SUCCESSFUL", newer
    assert newer["deploymentCircuitBreaker"]["status"] == "TRIGGERED", newer
    stopped = ecs.list_tasks(cluster="demo", serviceName="web", desiredStatus="STOPPED")
    tasks = ecs.describe_tasks(cluster="demo", tasks=stopped["taskArns"])["tasks"]
    ours = [task for task in tasks if task["startedBy"] == deployment]
    assert len(ours) >= 3, tasks
    for task in ours:
        assert task["stopCode"] == "EssentialContainerExited", task
        assert 17 in [container.get("exitCode") for container in task["containers"]], task
    assert any("rolling back" in event["message"] for event in service["events"]), service


def refusals(ecs):
    missing = ecs.describe_services(cluster="demo", services=["none"])
    assert missing["failures"][0]["reason"] == "MISSING", missing
    for code, act in [
        ("ClusterNotFoundException",
         lambda: ecs.describe_services(cluster="none", services=["web"])),
        ("ServiceNotFoundException",
         lambda: ecs.update_service(cluster="demo", service="none", desiredCount=1)),
        ("ClientException", lambda: ecs.describe_task_definition(taskDefinition="none")),
        ("InvalidParameterException",
         lambda: ecs.describe_services(cluster="demo", services=["web"] * 11)),
    ]:
        try:
            act()
        except ClientError as error:
            assert error.response["Error"]["Code"] == code, error.response
        else:
            raise AssertionError(f"{code} was expected")


def main():
    with served("--pace", "0.01") as variables:
        os.environ.update(variables)
        ecs = boto3.client("ecs", config=Config(retries={"total_max_attempts": 1}))
        before = success(ecs)
        roll_back(variables, ecs, before)
        refusals(ecs)
    print("boto3 watches a rollout succeed and another roll back")


if __name__ == "__main__":
    main()

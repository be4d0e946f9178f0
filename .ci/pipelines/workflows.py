"""Runs the workflows of GitHub Actions and the buildspec of CodeBuild, as far as the set-ups use
them. An unknown feature is an error."""

import re
import zipfile

import yaml

COMMIT = "55b4b4ea1c3f0a1d6c6d8f0e0c6c7b5c2d5b1e1a"
ACTIONS = {"actions/checkout@v4", "aws-actions/configure-aws-credentials@v4", "docker/setup-buildx-action@v3"}


def run_workflow(path, checkout, ref):
    """Runs the steps of the only job for a push of a branch or a tag."""
    workflow = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the key `on` as true.
    push = workflow[True]["push"]
    assert push == {"branches": ["main"], "tags": ["v*"]}, push
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}, workflow
    kind, name = {"heads": ("branch", ref[11:]), "tags": ("tag", ref[10:])}[ref.split("/")[1]]
    files = {variable: checkout.folder.parent / variable for variable in ("GITHUB_ENV", "GITHUB_PATH")}
    variables = {
        **workflow.get("env", {}),
        "GITHUB_REF": ref,
        "GITHUB_REF_NAME": name,
        "GITHUB_REF_TYPE": kind,
        "GITHUB_SHA": COMMIT,
    }
    [job] = workflow["jobs"].values()
    for step in job["steps"]:
        assert set(step) <= {"name", "run", "uses", "with"}, step
        if "uses" in step:
            assert step["uses"] in ACTIONS, step
            continue
        assert "${{" not in step["run"], step
        for file in files.values():
            file.write_text("")
        checkout.run(step["run"], **variables, **{key: str(file) for key, file in files.items()})
        assert files["GITHUB_ENV"].read_text() == ""
        for folder in files["GITHUB_PATH"].read_text().split():
            checkout.environment["PATH"] = f"{folder}:{checkout.environment['PATH']}"


def run_buildspec(path, checkout, **variables):
    """Runs the phases in one shell, like version 0.2, and zips the artifacts."""
    buildspec = yaml.safe_load(path.read_text())
    assert set(buildspec) == {"version", "env", "phases", "artifacts"}, buildspec
    assert buildspec["version"] == 0.2, buildspec
    phases = ["install", "pre_build", "build", "post_build"]
    assert list(buildspec["phases"]) == phases, buildspec
    commands = [command for phase in phases for command in buildspec["phases"][phase]["commands"]]
    build = {
        **buildspec["env"]["variables"],
        "CODEBUILD_BUILD_ARN": "arn:aws:codebuild:us-east-1:123456789012:build/demo-web:1",
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": COMMIT,
        **variables,
    }
    checkout.run("\n".join(commands), **build)
    artifact = checkout.folder.parent / "artifact.zip"
    with zipfile.ZipFile(artifact, "w") as zipped:
        for name in buildspec["artifacts"]["files"]:
            zipped.write(checkout.folder / name, name)
    return artifact


def blocks(path, heading=None):
    """The shell blocks of a Markdown file, or of one of its chapters."""
    text = path.read_text()
    if heading:
        [_, chapter] = re.split(rf"^## {re.escape(heading)}$", text, flags=re.MULTILINE)
        text = re.split(r"^## ", chapter, flags=re.MULTILINE)[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)

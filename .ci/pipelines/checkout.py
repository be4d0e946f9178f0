"""A checkout of the demonstration's application, in which the commands of a set-up run.

The programs are the ones that cargo built. `cargo` and `docker` are stand-ins: installing would take
minutes, and Docker needs a daemon. They check their arguments, and fail on what they don't know."""

import os
import pathlib
import shutil
import stat
import subprocess
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "target" / "debug"
EXAMPLES = ROOT / "examples"

DOCKER = """#!/usr/bin/env bash
set -euo pipefail
case "$*" in
    "build --tag build ." | "version") test -f Dockerfile ;;
    "save --output image.tar build" | "buildx build --output type=oci,dest=image.tar .")
        test -f Dockerfile && cp "$DEMO_IMAGE" image.tar ;;
    *) echo "docker: unknown arguments: $*" >&2; exit 125 ;;
esac
"""

CARGO = """#!/usr/bin/env bash
set -euo pipefail
case "$1" in
    install) folder=$PWD/programs/bin ;;
    build) folder=$PWD/target/x86_64-unknown-linux-musl/release ;;
    *) echo "cargo: unknown command: $*" >&2; exit 101 ;;
esac
case " $* " in *" --locked "*) ;; *) echo "cargo: not locked: $*" >&2; exit 101 ;; esac
mkdir -p "$folder"
programs=()
while [ $# -gt 0 ]; do
    if [ "$1" = --bin ]; then programs+=("$2"); shift; fi
    if [ "$1" = --bins ]; then programs+=(push definitions); fi
    shift
done
test ${#programs[@]} -gt 0
for program in "${programs[@]}"; do cp "$BIN/$program" "$folder/$program"; done
"""


class Checkout:
    """A temporary folder with the application, and the environment of its commands."""

    def __init__(self, variables):
        self._temporary = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self._temporary.name)
        self.folder = folder / "application"
        shutil.copytree(EXAMPLES / "service", self.folder)
        # The build makes it.
        (self.folder / "imagedefinitions.json").unlink()
        stand_ins = folder / "stand-ins"
        stand_ins.mkdir()
        for name, script in (("cargo", CARGO), ("docker", DOCKER)):
            path = stand_ins / name
            path.write_text(script)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        inherited = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
        self.environment = {
            **inherited,
            **variables,
            "BIN": str(BIN),
            "DEMO_IMAGE": str(demo_image(folder)),
            "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._temporary.cleanup()

    def run(self, script, **variables):
        """Runs a script as GitHub Actions does, and returns its stdout."""
        print(f"$ {script.rstrip()}", flush=True)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        print(done.stdout, end="", flush=True)
        assert done.returncode == 0, f"exit code {done.returncode}: {script}"
        return done.stdout

    def with_programs(self):
        """Puts the programs at the end of the PATH."""
        if not self.environment["PATH"].endswith(str(BIN)):
            self.environment["PATH"] = f"{self.environment['PATH']}{os.pathsep}{BIN}"
        return self


def demo_image(folder):
    """An OCI archive, the output of a build."""
    layout, archive = folder / "image", folder / "image.tar"
    clean = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    definitions = ["--definitions", folder / "unused.json"]
    subprocess.run(
        [BIN / "pipeline", "--keep-image", layout, *definitions],
        env=clean,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    with tarfile.open(archive, "w") as tar:
        for path in sorted(layout.iterdir()):
            tar.add(path, path.name)
    return archive

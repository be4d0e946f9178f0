"""Checks the set-ups in examples/pipelines: lints the templates, runs the commands of the workflows,
the buildspec and the READMEs against the emulator and moto, and compares rules and policies with the
programs that print them. Makes a virtual environment of its own under target/."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "target" / "venv-pipelines"
PACKAGES = ["awscli==1.46.3", "boto3==1.44.5", "cfn-lint==1.58.0", "moto[server]==5.2.5", "PyYAML==6.0.4"]


def main():
    # Another module, since its imports need the environment.
    python = VENV / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    subprocess.run([python, *install], check=True)
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    checks = ROOT / ".ci" / "pipelines" / "checks.py"
    subprocess.run([python, checks], env={**os.environ, "PATH": path}, check=True)


if __name__ == "__main__":
    main()

"""Programs that come as packages of Debian's and Ubuntu's."""

import os
import shutil
import subprocess


def install(package):
    """The path of the package's program of the same name, which is installed where it is missing."""
    if path := shutil.which(package):
        return path
    quietly = {"check": True, "stdout": subprocess.DEVNULL}
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.run([*as_root, "apt-get", "update"], **quietly)
    subprocess.run([*as_root, "apt-get", "install", "-y", package], **quietly)
    return shutil.which(package)

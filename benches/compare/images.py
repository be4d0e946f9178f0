"""The images that are pushed: OCI layouts, the same bytes on every machine."""

import hashlib
import json
import random
import shutil
from pathlib import Path

MIB = 1024 * 1024


class Work:
    """An image by its layers."""

    def __init__(self, name, title, count, size):
        self.name, self.title, self.count, self.size = name, title, count, size


WORKS = [
    Work("1x1g", "1 × 1 GiB", 1, 1024 * MIB),
    Work("10x100m", "10 × 100 MiB", 10, 100 * MIB),
    Work("50x2m", "50 × 2 MiB", 50, 2 * MIB),
]


def layout(work, folder):
    """The image's layout in `folder`, made unless it is there from an earlier run."""
    path = Path(folder) / work.name
    if path.is_dir():
        return path
    # Under another name until it is complete: an interrupted run must not leave half an image.
    making = path.with_suffix(".part")
    shutil.rmtree(making, ignore_errors=True)
    blobs = making / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layers = [random_layer(blobs, seed, work.size) for seed in range(work.count)]
    config = store(blobs, "application/vnd.oci.image.config.v1+json", {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    })
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = store(blobs, kind, {
        "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers,
    })
    write(making / "index.json", {"schemaVersion": 2, "manifests": [manifest]})
    write(making / "oci-layout", {"imageLayoutVersion": "1.0.0"})
    making.rename(path)
    return path


def random_layer(blobs, seed, size):
    """Bytes that no compression makes smaller, whatever the media type says that they are."""
    numbers, digest = random.Random(seed), hashlib.sha256()
    path = blobs / "layer"
    with path.open("wb") as file:
        for _ in range(size // MIB):
            piece = numbers.randbytes(MIB)
            digest.update(piece)
            file.write(piece)
    path.rename(blobs / digest.hexdigest())
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    return {"mediaType": kind, "digest": f"sha256:{digest.hexdigest()}", "size": size}


def store(blobs, kind, content):
    data = json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


def write(path, content):
    path.write_text(json.dumps(content))

"""Pushes the same images by several programs in turns, and compares wall, CPU and peak memory.

    python3 benches/compare

Builds what it needs in release mode, makes the images once, and starts a fresh server for each run.
Linux, and nothing but Python's standard library.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import again
import chart
import clients
import images
import measure
import servers

ROOT = Path(__file__).resolve().parents[2]
# Two builds: in one, cargo would give all of them the features that any of them asks for.
BUILDS = [
    ["--package", "examples", "--bin", "push", "--package", "local-aws", "--bin", "serve"],
    ["--package", "benches", "--features", "peers", "--bins"],
]
SERVERS = {
    "sink": (servers.sink, {"api", "v2"}, "a server that reads and drops"),
    "sink-tls": (servers.sink_by_tls, {"api", "v2"}, "the same by TLS"),
    "emulator": (servers.emulator, {"api"}, "local-aws, which decodes, hashes and checks"),
    "docker-registry": (servers.docker_registry, {"v2"}, "docker-registry, which stores"),
}


def main():
    options = arguments()
    programs = build()
    pushers, missing = clients.clients(programs, options.at_once)
    for what in missing:
        print(f"left out: {what}", file=sys.stderr)
    for name, program in servers.missing(options.servers).items():
        print(f"left out: {program} isn't installed", file=sys.stderr)
        options.servers.remove(name)
    works = [work for work in images.WORKS if work.name in options.works]
    folders = {work.name: images.layout(work, options.images) for work in works}

    charted = []
    for name in options.servers:
        start, protocols, what = SERVERS[name]
        fitting = [pusher for pusher in pushers if pusher.protocol in protocols]
        print(f"\n### To {name}, {what}\n")
        print("| work | who | wall, s | of plain | CPU, s | of plain | peak, MiB | server CPU, s |")
        print("|---|---|---|---|---|---|---|---|")
        for work in works:
            runs = in_turns(fitting, folders[work.name], start, programs, options.runs)
            table(work.title, runs)
            if name == "sink":
                charted.append((work.title, [
                    (who, measure.median(of, "wall"), measure.median(of, "cpu"))
                    for who, of in runs.items()]))
    if "emulator" in options.servers:
        again.compare(pushers, works, folders, programs, options.runs)
    print(f"\nPeaks below {measure.own_peak():.0f} MiB can't be told apart: that is the script's own.")
    if options.svg and charted:
        options.svg.write_text(chart.svg(charted), encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(prog="compare", description=__doc__.splitlines()[0])
    names = [work.name for work in images.WORKS]
    parser.add_argument("--runs", type=int, default=5, help="of each program (default: 5)")
    parser.add_argument("--works", nargs="+", choices=names, default=names, help="which images")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS),
                        help="which servers")
    parser.add_argument("--at-once", type=int, default=4,
                        help="how many layers the plain loop and oci-client send (default: 4)")
    parser.add_argument("--images", type=Path, default=ROOT / "target/compare",
                        help="where the images are kept, 2.1 GiB (default: target/compare)")
    parser.add_argument("--svg", type=Path, help="draw what the sink has got into this file")
    return parser.parse_args()


def build():
    """Builds the programs and returns their folder."""
    for arguments in BUILDS:
        subprocess.run(["cargo", "build", "--release", *arguments], cwd=ROOT, check=True)
    return ROOT / "target/release"


def in_turns(pushers, image, start, programs, count):
    """The runs of each pusher, by its name: all of them once, then all of them again."""
    runs = {pusher.name: [] for pusher in pushers}
    for _ in range(count):
        for pusher in pushers:
            with start(programs) as server:
                runs[pusher.name].append(measure.run(pusher.command(image, server), server))
    return runs


def table(title, runs):
    base = next(iter(runs.values())) if "plain SDK loop" in runs else None
    for who, of in runs.items():
        wall, cpu = measure.median(of, "wall"), measure.median(of, "cpu")
        low, high = measure.spread(of, "wall")
        of_wall = f"{wall / measure.median(base, 'wall'):.2f}" if base else "–"
        of_cpu = f"{cpu / measure.median(base, 'cpu'):.2f}" if base else "–"
        print(f"| {title} | {who} | {wall:.2f} ({low:.2f}–{high:.2f}) | {of_wall} | {cpu:.2f} "
              f"| {of_cpu} | {measure.median(of, 'peak'):.0f} "
              f"| {measure.median(of, 'server_cpu'):.2f} |", flush=True)


main()

"""The same push once more, when all of it is there."""

import collections
import json
import statistics
import urllib.request

import measure
import servers


def compare(pushers, works, folders, programs, count):
    """Prints what a second push takes beyond the start of its process, and which calls it makes."""
    print("\n### The same again, to the emulator\n")
    print("| work | who | wall, ms | beyond the process's start, ms | calls |")
    print("|---|---|---|---|---|")
    for work in works:
        image = folders[work.name]
        for pusher in (pusher for pusher in pushers if pusher.protocol == "api"):
            with servers.emulator(programs) as server:
                command = pusher.command(image, server)
                measure.run(command, server)
                before = calls(server)
                walls, starts = [], []
                for _ in range(count):
                    starts.append(measure.run([command[0], "--help"], server).wall)
                    walls.append(measure.run(command, server).wall)
                made = calls(server) - before
            wall, start = statistics.median(walls) * 1000, statistics.median(starts) * 1000
            said = ", ".join(f"{many // count} × {name}" for name, many in sorted(made.items()))
            print(f"| {work.title} | {pusher.name} | {wall:.0f} | {wall - start:.0f} | {said} |",
                  flush=True)


def calls(server):
    """How often each operation was called so far."""
    with urllib.request.urlopen(f"{server.url}/_local-aws", timeout=10) as answer:
        journal = json.load(answer)
    return collections.Counter(call["operation"] for call in journal)

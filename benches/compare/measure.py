"""One run of a program: wall, CPU and peak memory, as the kernel counts them."""

import os
import resource
import statistics
import tempfile
import time


class Run:
    """What a run took: seconds, seconds, MiB."""

    def __init__(self, wall, cpu, peak, server_cpu):
        self.wall, self.cpu, self.peak, self.server_cpu = wall, cpu, peak, server_cpu


def run(command, server):
    """Runs a pusher to its end, which has to be a good one."""
    environment = {**os.environ, **server.environment}
    server_before = server.cpu()
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        pid = os.posix_spawnp(
            command[0], [os.fspath(word) for word in command], environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), fd) for fd in (1, 2)],
        )
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        if status != 0:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{said}")
    server_cpu = server.cpu() - server_before
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, server_cpu)


def own_peak():
    """What a child has at least by the kernel's count, since it begins as a copy of this script."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def spread(runs, what):
    values = [getattr(run, what) for run in runs]
    return min(values), max(values)

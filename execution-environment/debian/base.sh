#!/bin/sh
# Makes localhost/edgepath-ee-base:bookworm of Debian's packages, by the apt sources given, or those of a plain Debian.
#   base.sh [MIRROR-OR-SOURCES-FILE]
set -eu
suite=bookworm
image=localhost/edgepath-ee-base:$suite
packages=ca-certificates,git,openssh-client,python3,python3-pip,python3-venv,rsync,sshpass
tar=$(mktemp --suffix=.tar)
trap 'rm -f "$tar"' EXIT
mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$tar" "$@"
podman import "$tar" "$image"

#!/bin/sh
# Starts the first process of a worker VM: enters its cgroups, then namespaces of its own.
# usage: boot.sh NAME DISK RESOLVER CGROUP_PROCS...
set -eu
name=$1 disk=$2 resolver=$3
shift 3
for procs; do
  echo $$ >"$procs"
done
exec unshare --mount --net --pid --uts --ipc --cgroup --fork \
  sh "$(dirname "$0")/init.sh" "$name" "$disk" "$resolver"

#!/bin/sh
# PID 1 of a worker VM: gives it a host name, a resolver, its own /proc, /sys and cgroups, and directories
# on its own disk where Kubernetes writes; says "ready", then reaps orphans until it is killed.
# usage: init.sh NAME DISK RESOLVER
set -eu
name=$1 disk=$2 resolver=$3

hostname "$name"
cgroups=$(grep -E '^[^ ]+ [^ ]+ cgroup2? ' /proc/mounts)
umount -R /sys
umount -R -l /proc
mount -t proc proc /proc
mount -t sysfs sysfs /sys

# The hierarchies again, at the same places, now seen from this VM's cgroup as their root.
case $cgroups in
*' /sys/fs/cgroup '*) ;;
*) mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup ;;
esac
echo "$cgroups" | while read -r _ point type options _; do
  mkdir -p "$point"
  if [ "$type" = cgroup ]; then
    mount -t cgroup -o "$options" cgroup "$point"
  else
    mount -t cgroup2 cgroup2 "$point"
    # A v2 group hands controllers to its children only while it holds no process itself.
    mkdir -p "$point/init"
    echo 1 >"$point/init/cgroup.procs"
  fi
done

for path in /run /var/lib /var/log; do
  mkdir -p "$disk$path"
  mount --bind "$disk$path" "$path"
done

# The machine's own may be a link into its /run, which is not to be seen here.
configuration=$(readlink -m /etc/resolv.conf)
mkdir -p "$(dirname "$configuration")"
[ -e "$configuration" ] || : >"$configuration"
echo "nameserver $resolver" >"$disk/resolv.conf"
mount --bind "$disk/resolv.conf" "$configuration"

# The kubelet wants these kernel-wide settings so; it finds them so, and the machine keeps its own.
mkdir -p "$disk/sysctl"
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=$disk/sysctl/$(echo "${setting%=*}" | tr / .)
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done

# As on a machine booted by systemd: volumes with HostToContainer propagation need it.
mount --make-rshared /
ip link set lo up
echo ready
exec >/dev/null
# Every orphan of the VM becomes a child of this shell, and a shell that waits reaps whichever child ends.
while :; do
  sleep infinity &
  wait
done

#!/bin/bash
# Init of a machine that is there for one program: runs it, and ends. The disk is thrown away with the machine.
PATH=/usr/sbin:/usr/bin; export PATH
mount -t proc proc /proc
mount -o remount,rw /
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=0755 run /run
mkdir -p /dev/shm /run/netns
mount -t tmpfs -o mode=1777 shm /dev/shm
ip link set lo up
hostname lab
export HOME=/root
cd /
node --jitless --no-warnings /opt/powernode/bundle/story.mjs
echo "powernode: story ended with $?"
sync
poweroff -f

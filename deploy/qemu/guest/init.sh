#!/bin/sh
# Init of a guest: the child's machine. vda is the system, the same for all and read only; vdb is this child's own.
# Everything of the child is run as one ordinary user; the host is asked for nothing but the payload.
PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=0755 run /run
mkdir -p /dev/shm /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t ext4 -o noatime /dev/vdb /child || { echo 'powernode: progress cannot boot: the disk of the child cannot be mounted'; poweroff -f; }

ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
hostname child
echo '127.0.0.1 localhost child' > /run/hosts

# The payload, where the child's user can read it, and take the token out when it is spent. Root alone sees the firmware's.
from=/sys/firmware/qemu_fw_cfg/by_name/opt/com.powernode
to=/run/powernode/fw_cfg/by_name/opt/com.powernode
mkdir -p "${to%/*}"
cp -rL "$from" "$to"
chmod -R u+w,go= /run/powernode
chown -R powernode:powernode /run/powernode

# The parent is reached through one door of the virtual network, whatever its URL calls it (deploy/child/road.ts).
parent=$(sed -e 's,^https://,,' -e 's,/.*,,' -e 's,:[0-9]*$,,' -e 's,[][],,g' "$to/parent_url/raw" 2>/dev/null)
case "$parent" in
  ''|localhost|127.*) ;;
  *:*) ip addr add "$parent/128" dev lo ;;
  *[!0-9.]*) echo "127.0.0.1 $parent" >> /run/hosts ;;
  *) ip addr add "$parent/32" dev lo ;;
esac
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start

cd /child
. /etc/powernode/environment
bundle=/opt/powernode/bundle
program=$bundle/boot.mjs
# Emulated, code that V8 makes at run time is translated anew each time: three times dearer than its interpreter. And what is loaded
# already (deploy/qemu/snapshot.ts) need not be loaded.
case " $(cat /proc/cmdline) " in *' powernode.emulated '*)
  NODE_FLAGS="$NODE_FLAGS $SNAPSHOT_FLAGS"
  halves=--halves
  program="--snapshot-blob $bundle/machine.blob boot" ;;
esac
/usr/bin/setpriv --reuid=powernode --regid=powernode --clear-groups --no-new-privs -- /usr/bin/node $NODE_FLAGS $program \
  ${halves:-} --dir /child --payload /run/powernode/fw_cfg --cache /tmp --base-port 17400 --door-host 0.0.0.0 --parent-through 10.0.2.100:443 &
boot=$!
# The host asks for the end with the power button's word on the serial line, which needs no daemon for ACPI.
while read -r word; do
  case "$word" in
    poweroff) kill -TERM $boot; break ;;
  esac
done < /dev/ttyS0 &
wait $boot
code=$?
cd /
sync
[ "$code" = 0 ] || echo "powernode: ended with $code"
umount /child
poweroff -f

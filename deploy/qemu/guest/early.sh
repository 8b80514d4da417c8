#!/bin/busybox sh
# The first program of a guest: loads the drivers, then hands over to the system's own init on the disk.
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /lib/modules/order); do /bin/busybox insmod "/lib/modules/$module"; done
/bin/busybox mount -t ext4 -o ro,noatime /dev/vda /system || exec /bin/busybox poweroff -f
/bin/busybox mount --move /dev /system/dev
exec /bin/busybox switch_root /system /sbin/init

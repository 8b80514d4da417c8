/** One guest, as QEMU is told of it. Every path is absolute. */
export type Guest = {
  /** The folder of vmlinuz, initrd.cpio and system.ext4. */
  readonly image: string
  readonly disk: string
  readonly cpus: number
  readonly memoryMib: number
  readonly accel: 'tcg' | 'kvm'
  /** Name and file of what the firmware shows. Files, because everybody on this host can read a command line. */
  readonly firmware: readonly (readonly [name: string, file: string])[]
  readonly consoleSocket: string
  readonly consoleLog: string
  readonly pidFile: string
  /** Where on this host the child's door is. */
  readonly door: { readonly host: string; readonly port: number }
  /** Where on this host the parent's gateway is: all that the guest can reach. Without it, nothing. */
  readonly parent?: { readonly host: string; readonly port: number } | undefined
  readonly busybox: string
}

/**
 * The child's door in a guest, and the one address that leads out (deploy/qemu/guest/init.sh). Ports that no platform has by
 * itself: in the guest the parent's URL leads to a port of the same number as the parent's.
 */
const GUEST_DOOR = '10.0.2.15:17443'
const GUEST_WAY_OUT = '10.0.2.100:443'

/**
 * What the kernel of an emulated guest is told (kernel-parameters.txt).
 *
 * `tsc=reliable`: all processors of QEMU count by one clock, which the kernel does not believe of a processor from AMD; by its next best, the
 * HPET, each look at the time would leave the emulated processor. `highres=off`: timers are as fine as the tick, 4 ms, and a timer that is set
 * leaves the processor as well. `spectre_v2=off`: retpolines are a shape of code that keeps a processor from guessing where a jump leads, and
 * a translator makes another of it, which keeps it from nothing.
 */
const EMULATED = ['powernode.emulated', 'tsc=reliable', 'highres=off', 'spectre_v2=off'] as const

/**
 * The command line of a guest: q35, virtio, a serial console that is a socket and a file, and a network of its own.
 *
 * `restrict=on` cuts the guest off from this host and everything behind it (net/slirp.c); only what is forwarded by name
 * gets through. Of the parent's gateway a process is begun for each connection, as with `-tcp:` the end of a connection
 * never reaches the guest.
 */
export function argumentsOf(guest: Guest): string[] {
  const { image, disk, door, parent, busybox } = guest
  const wayOut = parent ? `,guestfwd=tcp:${GUEST_WAY_OUT}-cmd:${busybox} nc ${parent.host} ${parent.port}` : ''
  const accel = guest.accel === 'tcg' ? 'tcg,thread=multi,tb-size=512' : 'kvm'
  const log = `logfile=${guest.consoleLog},logappend=on`
  const options: readonly (readonly [string, string])[] = [
    ['-display', 'none'],
    ['-pidfile', guest.pidFile],
    ['-accel', accel],
    ['-machine', 'q35'],
    ['-cpu', 'max'],
    ['-m', `${guest.memoryMib}M`],
    ['-smp', String(guest.cpus)],
    ['-kernel', `${image}/vmlinuz`],
    ['-initrd', `${image}/initrd.cpio`],
    ['-append', ['console=ttyS0 quiet panic=-1', ...(guest.accel === 'tcg' ? EMULATED : [])].join(' ')],
    ...guest.firmware.map(([name, file]) => ['-fw_cfg', `name=${name},file=${file}`] as const),
    ['-netdev', `user,id=net,restrict=on,hostfwd=tcp:${door.host}:${door.port}-${GUEST_DOOR}${wayOut}`],
    ['-device', 'virtio-net-pci,netdev=net,romfile='],
    ['-device', 'virtio-rng-pci'],
    ['-drive', `file=${image}/system.ext4,format=raw,if=none,id=system,readonly=on`],
    ['-device', 'virtio-blk-pci,drive=system'],
    ['-drive', `file=${disk},format=raw,if=none,id=child`],
    ['-device', 'virtio-blk-pci,drive=child'],
    ['-chardev', `socket,id=console,path=${guest.consoleSocket},server=on,wait=off,${log}`],
    ['-serial', 'chardev:console'],
  ]
  return ['-nodefaults', '-no-user-config', '-no-reboot', '-daemonize', ...options.flat()]
}

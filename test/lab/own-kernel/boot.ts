import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

/** What a machine has said: facts by name, and all of its console. */
export type Said = { readonly facts: ReadonlyMap<string, unknown>; readonly console: string }

/**
 * Boots a machine of makeMachine, and returns what it said when it has ended. It has no network, and whatever it writes to its disk
 * is thrown away.
 */
export function boot(dir: string, signal: AbortSignal): Promise<Said> {
  const options: readonly (readonly [string, string])[] = [
    ['-display', 'none'],
    ['-accel', 'tcg,tb-size=512'],
    // Its time is what it has done, and nobody's waiting: so its clocks do not run away from it where it gets little of a processor.
    ['-icount', 'shift=2,align=off,sleep=off'],
    ['-rtc', 'clock=vm'],
    ['-machine', 'q35'],
    ['-cpu', 'max'],
    ['-m', '1536M'],
    ['-kernel', join(dir, 'vmlinuz')],
    ['-initrd', join(dir, 'initrd.cpio')],
    ['-append', 'console=ttyS0 quiet panic=-1'],
    ['-device', 'virtio-rng-pci'],
    ['-drive', `file=${join(dir, 'system.ext4')},format=raw,if=none,id=system,snapshot=on`],
    ['-device', 'virtio-blk-pci,drive=system'],
    ['-serial', 'stdio'],
  ]
  const args = ['-nodefaults', '-no-user-config', '-no-reboot', ...options.flat()]
  const machine = spawn('qemu-system-x86_64', args, {
    signal,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const facts = new Map<string, unknown>()
  const lines: string[] = []
  createInterface(machine.stdout).on('line', (line) => {
    lines.push(line)
    const [, fact] = /^fact (\[.*\])\s*$/.exec(line) ?? []
    if (fact !== undefined) facts.set(...(JSON.parse(fact) as [string, unknown])) // as `say` of the story writes it
  })
  createInterface(machine.stderr).on('line', (line) => lines.push(line))
  return new Promise((resolve, reject) => {
    machine.once('error', (cause) =>
      reject(new Error(`the machine did not end: ${lines.slice(-40).join('\n')}`, { cause })),
    )
    machine.once('close', () => resolve({ facts, console: lines.join('\n') }))
  })
}

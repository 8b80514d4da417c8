import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { entriesOf, type Payload } from '@powernode/payload'

/** In memory where there is such a place: what is written there for a moment rests on no disk. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Where the console's socket of a guest lies, and for a moment its payload: a short path, for a socket's is 108 bytes at most. */
export const runDir = (instanceId: string) => join(MEMORY, `powernode-${instanceId}`)

export type Firmware = {
  readonly files: readonly (readonly [name: string, file: string])[]
  /** MUST be called as soon as QEMU has read them. */
  readonly forget: () => void
}

/** The payload as files that QEMU reads once, each readable by us alone. */
export function writeFirmware(instanceId: string, payload: Partial<Payload>): Firmware {
  const dir = join(runDir(instanceId), 'payload')
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const files = entriesOf(payload as Payload).map(([key, value]) => {
    const file = join(dir, key)
    writeFileSync(file, value, { mode: 0o600, flag: 'wx' })
    return [`opt/com.powernode/${key}`, file] as const
  })
  return { files, forget: () => rmSync(dir, { recursive: true, force: true }) }
}

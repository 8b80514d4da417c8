import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { entriesOf, PAYLOAD_KEYS, type Payload, type PayloadKey } from './payload.ts'

/** Where the value of a key lies below a root, as the kernel lays fw_cfg out. */
export const pathOf = (root: string, key: PayloadKey): string =>
  join(root, 'by_name', 'opt', 'com.powernode', key, 'raw')

/**
 * Writes a payload where `readPayload` finds it; in the place of one that was there.
 *
 * Each value is there whole or not at all, readable by its owner only, and parent_url comes last: a machine that looks
 * in the midst of it finds itself nobody's child, and not a child with half a payload.
 */
export async function writePayload(root: string, payload: Payload): Promise<void> {
  const said = new Map(entriesOf(payload))
  await rm(pathOf(root, 'parent_url'), { force: true })
  for (const key of PAYLOAD_KEYS) {
    const path = pathOf(root, key)
    const value = said.get(key)
    if (value === undefined) {
      await rm(dirname(path), { recursive: true, force: true })
      continue
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(`${path}.new`, value, { mode: 0o600, flush: true })
    await rename(`${path}.new`, path)
  }
}

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { PAYLOAD_KEYS, payloadFrom, PayloadBroken, type Payload, type PayloadKey } from './payload.ts'
import { pathOf } from './write-payload.ts'

/** Where the kernel shows what QEMU was given with `-fw_cfg` (CONFIG_FW_CFG_SYSFS). */
export const FW_CFG_ROOT = '/sys/firmware/qemu_fw_cfg'
/** Where a platform that cannot be given fw_cfg (PVE keeps `args` to root@pam) is handed the same. */
export const PAYLOAD_FILE = '/etc/powernode/federation-payload.json'

/** Where a payload may lie. */
export type Places = { readonly fwCfgRoot: string; readonly file: string }

const MOST_BYTES = 64 * 1024

type Said = Partial<Record<PayloadKey, string>>

/**
 * The payload of this machine: of fw_cfg, else of the file. Undefined when neither names a parent: then this machine is
 * nobody's child, and there is nothing to do. Whatever else is wrong is `PayloadBroken`.
 */
export async function readPayload(
  places: Places,
  options: { readonly tokenTaken?: boolean } = {},
): Promise<Payload | undefined> {
  const ofFirmware = await fromFwCfg(places.fwCfgRoot)
  const said = ofFirmware.parent_url ? ofFirmware : await fromFile(places.file)
  return said.parent_url ? payloadFrom(said, options) : undefined
}

async function fromFwCfg(root: string): Promise<Said> {
  const said: Said = {}
  for (const key of PAYLOAD_KEYS) {
    const value = await read(pathOf(root, key), key)
    if (value !== undefined) said[key] = value
  }
  return said
}

async function fromFile(file: string): Promise<Said> {
  const json = await read(file, file)
  if (json === undefined || json === '') return {}
  const parsed = parse(json, file)
  if (typeof parsed !== 'object' || parsed === null) throw new PayloadBroken([`${file} is not a JSON object`])
  return Object.fromEntries(
    PAYLOAD_KEYS.flatMap((key) => {
      const value: unknown = Reflect.get(parsed, key)
      if (value === undefined || value === null) return []
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new PayloadBroken([`${key} is neither a text nor a number`])
      return [[key, String(value).trim()]]
    }),
  )
}

function parse(json: string, file: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // JSON.parse is the library that forces this catch; its message would show a part of what stands there.
    throw new PayloadBroken([`${file} is not whole: it cannot be read as JSON`])
  }
}

/** What a file holds, trimmed; undefined when there is none. No more than what a key may have is ever read. */
async function read(path: string, name: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new PayloadBroken([`${name} cannot be read (${error.code ?? 'unknown'})`])
  })
  if (!file) return undefined
  try {
    const bytes = Buffer.alloc(MOST_BYTES + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, null)
      if (bytesRead === 0) break
      length += bytesRead
      if (length > MOST_BYTES) throw new PayloadBroken([`${name} is longer than 64 KiB`])
    }
    return bytes.toString('utf8', 0, length).trim()
  } finally {
    await file.close()
  }
}

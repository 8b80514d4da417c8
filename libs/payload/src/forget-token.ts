import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { PayloadKey } from './payload.ts'
import type { Places } from './read-payload.ts'
import { pathOf } from './write-payload.ts'

const TOKEN = 'acceptance_token' satisfies PayloadKey

/**
 * Takes the token out of the payload, once the platform holds it sealed. What the firmware shows cannot be taken away:
 * there the machine's own walls, and that the token is spent, have to do. Returns whether none is left.
 */
export async function forgetToken({ fwCfgRoot, file }: Places): Promise<boolean> {
  const ofFirmware = await isGone(rm(pathOf(fwCfgRoot, TOKEN), { force: true }))
  const ofFile = await isGone(cutOut(file))
  return ofFirmware && ofFile
}

async function cutOut(file: string): Promise<void> {
  const said: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (typeof said !== 'object' || said === null || !(TOKEN in said)) return
  const { [TOKEN]: _token, ...rest } = said
  await writeFile(`${file}.new`, JSON.stringify(rest, undefined, 2), { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
}

async function isGone(removing: Promise<void>): Promise<boolean> {
  try {
    await removing
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' // what the file system throws
  }
}

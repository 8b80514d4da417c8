import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PAYLOAD_FILE, readPayload, type Places } from '@powernode/payload'
import { writePrivately } from '../dev/src/secrets.ts'

/** What a machine keeps of its payload for every boot after the first: who it is, and never the token. */
export type Machine = {
  readonly hostname: string
  readonly trustDomain: string
  readonly contact: string
  readonly jurisdiction: string
  readonly parentUrl: string
  readonly instanceId: string
  readonly advertiseUrl?: string | undefined
}

export const placesBelow = (fwCfgRoot: string): Places => ({ fwCfgRoot, file: PAYLOAD_FILE })

/**
 * Who this machine is: what it wrote down at its first boot, else what the payload says. Undefined when there is neither:
 * nobody made it to be a child. A payload that cannot be used is `PayloadBroken`, which names the keys.
 */
export async function readMachine(dir: string, payloadRoot: string): Promise<Machine | undefined> {
  const file = join(dir, 'machine.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  const payload = await readPayload(placesBelow(payloadRoot))
  if (!payload) return undefined
  const machine = {
    hostname: payload.hostname,
    trustDomain: payload.trust_domain,
    contact: payload.contact,
    jurisdiction: payload.jurisdiction,
    parentUrl: payload.parent_url,
    instanceId: payload.instance_id,
    advertiseUrl: payload.advertise_url,
  }
  writePrivately(file, JSON.stringify(machine, undefined, 2))
  return machine
}

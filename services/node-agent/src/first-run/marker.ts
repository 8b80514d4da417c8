import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from './write-durably.ts'

const SUMMARY = z.object({
  accepted_at: z.string(),
  parent_url: z.string(),
  parent_platform_id: z.string(),
  parent_peer_id: z.string(),
  peer_id: z.string(),
  platform_id: z.string(),
  spawn_mode: z.string(),
  contract_version: z.number(),
  instance_id: z.string(),
  node_certificate: z.boolean(),
  inherited_policies: z.number(),
  cluster_member: z.boolean(),
  warnings: z.array(z.string()),
})

/** What came of the first run, for people and programs on this node. Holds no secret. */
export type Summary = Readonly<z.infer<typeof SUMMARY>>

const pathIn = (dir: string): string => join(dir, 'federation-accepted')

/** What came of the first run of this node, once it has been: there is only one. */
export async function readMarker(dir: string): Promise<Summary | undefined> {
  if (!existsSync(pathIn(dir))) return undefined
  return SUMMARY.parse(JSON.parse(await readFile(pathIn(dir), 'utf8')))
}

/** Notes that the first run is over. There whole or not at all, and still there after the power went. */
export async function writeMarker(dir: string, summary: Summary): Promise<void> {
  await writeDurably(pathIn(dir), `${JSON.stringify(summary, undefined, 2)}\n`, 0o644)
}

import { createHash } from 'node:crypto'
import { z } from 'zod'
import { TABLE } from '../checked/nft-script.ts'
import type { Tools } from '../tools.ts'

const NO_TABLE = `table ${TABLE.join(' ')}\ndelete table ${TABLE.join(' ')}\n`

/** What a rule has seen, by its comment: the id of the rule of intent that it comes from. */
export type Counted = {
  readonly ruleId: string
  readonly chain: string
  readonly packets: bigint
  readonly bytes: bigint
}

/** Replaces our table in one transaction: at no moment is there another firewall than the old one or the new. */
export async function applyTable(tools: Tools, script: string): Promise<void> {
  await tools.must('nft', ['-f', '-'], { input: script === '' ? NO_TABLE : script })
}

/** What nft says of a script without loading it; undefined: it would take it. */
export async function problemOfTable(tools: Tools, script: string): Promise<string | undefined> {
  const { code, err } = await tools.run('nft', ['-c', '-f', '-'], { input: script })
  return code === 0 ? undefined : err.trim()
}

const LISTING = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) })

/** Our table as the kernel has it; undefined when it is not there. */
async function list(tools: Tools): Promise<readonly Record<string, unknown>[] | undefined> {
  const { code, out } = await tools.run('nft', ['-j', 'list', 'table', ...TABLE])
  return code === 0 ? LISTING.parse(JSON.parse(out)).nftables : undefined
}

/** A digest of our table without what changes by itself: handles and counters. Empty: it is not there. */
export async function fingerprintOfTable(tools: Tools): Promise<string> {
  const listed = await list(tools)
  if (!listed) return ''
  const lasting = listed.filter((each) => !('metainfo' in each))
  return createHash('sha256').update(JSON.stringify(lasting, withoutPassing)).digest('hex')
}

function withoutPassing(key: string, value: unknown): unknown {
  if (key === 'handle' || key === 'packets' || key === 'bytes') return undefined
  return value
}

const RULE = z.object({ chain: z.string(), comment: z.string(), expr: z.array(z.record(z.string(), z.unknown())) })
const COUNTER = z.object({ packets: z.number(), bytes: z.number() })
const RULE_ID = /^[A-Za-z0-9_:./ -]{1,128}$/

async function countersOfTable(tools: Tools): Promise<readonly Counted[]> {
  return ((await list(tools)) ?? []).flatMap(({ rule }) => {
    const read = RULE.safeParse(rule)
    if (!read.success || !RULE_ID.test(read.data.comment)) return []
    const counter = COUNTER.safeParse(read.data.expr.find((each) => 'counter' in each)?.['counter'])
    if (!counter.success) return []
    const { packets, bytes } = counter.data
    return [{ ruleId: read.data.comment, chain: read.data.chain, packets: BigInt(packets), bytes: BigInt(bytes) }]
  })
}

/** The counters of our table, of several rooms together; a room that is gone has none. */
export async function countedIn(rooms: Iterable<Tools>): Promise<readonly Counted[]> {
  const found: Counted[] = []
  for (const room of rooms) found.push(...(await countersOfTable(room).catch(() => [])))
  return found
}

import { SealingKey } from '@powernode/identity'
import { sql } from 'kysely'
import type { Grant } from '../grant.ts'
import { createGrant } from '../operations/grants/create-grant.ts'
import type { GrantTx } from '../store/tables.ts'
import { CAUSE, NOW, PEER } from '../testing.ts'

export const SEALING = new SealingKey(Buffer.alloc(32, 7))
export const DAY_MS = 86_400_000
export const after = (ms: number): Date => new Date(NOW.getTime() + ms)
/** The nth id of a test. */
export const idOf = (n: number): string => `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

type Said = Parameters<typeof createGrant>[2]

/** A grant to read modules from anywhere, for a month. */
export const WANTED: Said = {
  peerId: PEER,
  remoteSubject: `operator@${PEER}`,
  resourceKind: 'NodeModule',
  resourceId: '',
  scopes: ['read'],
  nodeInstanceIds: [],
  sdwanNetworkIds: [],
  sourceCidrs: [],
  boundIdentities: [],
  ttlMs: 30 * DAY_MS,
  metadata: {},
  deliver: false,
  sealing: SEALING,
  cause: CAUSE,
}

/** Gives it, or what the test changes of it. */
export async function give(tx: GrantTx, change: Partial<Said> = {}, now = NOW): Promise<Grant> {
  return (await createGrant(tx, now, { ...WANTED, ...change })).grant
}

/** Every text and byte that the database holds anywhere, as one string: where a secret would be found. */
export async function everythingKept(tx: GrantTx): Promise<string> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'grant_authz'`.execute(tx)
  const kept: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql<{
      text: string
    }>`select row_to_json(t)::text as text from ${sql.table(name)} as t`.execute(tx)
    kept.push(...rows.map(({ text }) => text))
  }
  // The bodies of events are bytes, shown in hexadecimal.
  return kept.map((text) => text + textsIn(text)).join('\n')
}

const textsIn = (row: string): string =>
  [...row.matchAll(/\\\\x([0-9a-f]+)/g)].map(([, hex = '']) => Buffer.from(hex, 'hex').toString('latin1')).join('\n')

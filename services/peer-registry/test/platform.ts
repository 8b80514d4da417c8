import { SealingKey } from '@powernode/identity'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction, type Tx } from '@powernode/postgres'
import { testDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { DAY_MS } from '../src/invitation.ts'
import { createPlatform } from '../src/operations/create-platform.ts'
import { nameVersion } from '../src/operations/name-version.ts'
import type { Self } from '../src/platform.ts'
import * as platform from '../src/store/platform.ts'
import type { Tables } from '../src/store/tables.ts'
import { usFrom } from '../src/us.ts'

export const SCHEMA = 'peer_registry'
export const MIGRATIONS = new URL('../migrations', import.meta.url)
export const BY = { actor: 'operator/alice' }
/** Its one process, which is told of which version we are. */
export const PROCESS_ID = '019b76da-a800-7000-8000-00000000beef'

/** One platform's registry: its own database, CA and identity, at a moment the test decides. */
export type TestPlatform = Awaited<ReturnType<typeof startPlatform>>

export async function startPlatform(trustDomain: string, { clock = new FakeClock(), ...said }: Said = {}) {
  const database = await testDatabase<Tables>({ schema: SCHEMA, dir: MIGRATIONS })
  const { db } = database
  const sealing = new SealingKey(Buffer.alloc(32, trustDomain))
  const act = <Result>(verb: (tx: Tx<Tables>, now: Date) => Promise<Result>): Promise<Result> =>
    inTransaction(db, (tx) => verb(tx, clock.now()))
  await act((tx, now) => createPlatform(tx, now, { sealing, trustDomain }))
  const row = await act((tx) => platform.read(tx))
  const us = usFrom({ trustDomain, self: { ...selfOf(trustDomain), ...said }, lifetimes: LIFETIMES }, row, sealing)
  await act((tx, now) => nameVersion(tx, now, { processId: PROCESS_ID, version: us.self.disclosure.platformVersion }))
  return { ...database, clock, sealing, us, act, platformId: us.platformId }
}

type Said = Partial<Self> & { readonly clock?: FakeClock }

const LIFETIMES = { serviceMs: 7 * DAY_MS, operatorMs: 90 * DAY_MS, peerMs: 90 * DAY_MS }

const selfOf = (trustDomain: string): Self => ({
  name: `the platform of ${trustDomain}`,
  disclosure: { contact: 'ops@example.org', jurisdiction: 'DE', platformVersion: '1.2.3', releaseTag: 'stable' },
  endpoints: [{ url: `https://${trustDomain}:8443`, scope: 'wan', priority: 0, cidrHint: '' }],
  capabilities: { spawn: true },
  extensionSlugs: [],
  prefixAdvertisement: '',
  dataResidency: '',
  window: { min: 1, max: 1, features: ['receipts'] },
  timers: { heartbeatIntervalMs: 60_000, staleAfterMs: 300_000, staleAfterMostMs: 3_600_000 },
})

/** Every row of every table, to compare before and after what must change nothing. */
export function everything({ act }: Pick<TestPlatform, 'act'>): Promise<Record<string, unknown[]>> {
  return act(async (tx) => {
    const said: Record<string, unknown[]> = {}
    for (const table of TABLES) {
      const { rows } = await sql<{ row: unknown }>`
        select to_jsonb(t) as row from ${sql.table(table)} t order by to_jsonb(t)::text`.execute(tx)
      said[table] = rows.map(({ row }) => row)
    }
    return said
  })
}

const TABLES = [
  'peer', 'invitation', 'errand', 'certificate', 'authority', 'platform', 'rotation', 'trust_holder', 'contract_version',
  'outbox', 'inbox', 'spawned_child', 'parentage', 'notice', 'notice_delivery', 'version_rule',
] as const // prettier-ignore

/** What was announced so far, as `<noun>.<word>`, oldest first. */
export function announced({ act }: Pick<TestPlatform, 'act'>): Promise<string[]> {
  return act(async (tx) => {
    const { rows } = await sql<{ subject: string }>`select subject from outbox order by position`.execute(tx)
    return rows.map(({ subject }) => subject.split('.').slice(1, 3).join('.'))
  })
}

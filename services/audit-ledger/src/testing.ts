import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import type { Happening } from './happening.ts'
import { claim } from './store/logs.ts'
import type { Tables } from './store/tables.ts'

export const NOW = new Date('2026-03-01T12:00:00.000Z')

export const TRUST_DOMAIN = 'a.test'

/** A ledger of a test's own. */
export async function testLedger(): Promise<TestDatabase<Tables>> {
  const dir = new URL('../migrations', import.meta.url)
  const ledger = await testDatabase<Tables>({ schema: 'audit_ledger', dir })
  await inTransaction(ledger.db, (tx) => claim(tx, TRUST_DOMAIN, NOW))
  return ledger
}

/** The nth thing that happens in a test. */
export function happening(n: number, said: Partial<Happening> = {}): Happening {
  return {
    id: `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    kind: 'federation.peer.accepted',
    severity: 'low',
    source: 'peer-registry',
    peerId: '019f0000-0000-7000-8000-00000000beef',
    actor: 'operator/alice',
    at: new Date(NOW.getTime() + n),
    correlationId: `request-${n}`,
    payload: { n },
    ...said,
  }
}

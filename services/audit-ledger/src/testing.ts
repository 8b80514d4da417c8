import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import type { Happening } from './happening.ts'
import type { NewEntry } from './new-entry.ts'
import * as logs from './store/logs.ts'
import type { Tables } from './store/tables.ts'

export const NOW = new Date('2026-03-01T12:00:00.000Z')
export const TRUST_DOMAIN = 'a.test'
export const PEER = '019f0000-0000-7000-8000-00000000beef'

/** A ledger of a test's own: that of the platform a.test. On the tests' server unless another is given. */
export async function testLedger(adminUrl?: string): Promise<TestDatabase<Tables>> {
  const ledger = await testDatabase<Tables>({
    schema: 'audit_ledger',
    dir: new URL('../migrations', import.meta.url),
    adminUrl,
  })
  await inTransaction(ledger.db, (tx) => logs.claim(tx, TRUST_DOMAIN, NOW))
  return ledger
}

export const idOf = (n: number): string => `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

/** The nth thing that happens in a test. */
export function happening(n: number, said: Partial<Happening> = {}): Happening {
  return {
    id: idOf(n),
    kind: 'federation.peer.accepted',
    severity: 'low',
    source: 'peer-registry',
    peerId: PEER,
    actor: 'operator/alice',
    at: new Date(NOW.getTime() + n),
    correlationId: `request-${n}`,
    payload: { n },
    ...said,
  }
}

/** The nth call of a test, as an entry. */
export function call(n: number, said: Partial<NewEntry> = {}): NewEntry {
  return {
    id: idOf(n),
    log: PEER,
    action: 'federation.call.allowed',
    at: new Date(NOW.getTime() + n),
    actor: `peer/${PEER}`,
    direction: 'in',
    decisionId: idOf(n),
    resource: `skill/${n}`,
    payload: Buffer.from(`{"n":${n}}`),
    disclosed: false,
    ...said,
  }
}

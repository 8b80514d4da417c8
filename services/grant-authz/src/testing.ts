import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import type { GrantTx, Tables } from './store/tables.ts'

export const NOW = new Date('2026-03-01T12:00:00.000Z')
export const PEER = '019f0000-0000-7000-8000-00000000beef'
export const CAUSE = { actor: 'operator/alice', correlationId: 'request-1', traceparent: '' }

/** A schema of a test's own. */
export function testGrants(): Promise<TestDatabase<Tables>> {
  return testDatabase<Tables>({ schema: 'grant_authz', dir: new URL('../migrations', import.meta.url) })
}

/** What was announced, in order, as subjects without the ids. */
export async function announced(tx: GrantTx): Promise<string[]> {
  const { rows } = await sql<{ subject: string }>`select subject from outbox order by position`.execute(tx)
  return rows.map(({ subject }) => subject.split('.').slice(1, 3).join('.'))
}

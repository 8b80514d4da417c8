import { policyOf, type PolicyTable } from '@powernode/policy'
import { inTransaction, type Db } from '@powernode/postgres'
import type { PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { kindPart, residencyPart } from '../feed/residency-part.ts'
import type { Kind } from '../kind.ts'
import type { GrantTx, Tables } from '../store/tables.ts'

export const BY = { actor: 'operator/alice', requestId: 'request-1', traceparent: '' }

/** A kind as an inventory would declare it. */
export function aKind(kind: string, said: Partial<Kind> = {}): Kind {
  return {
    kind,
    extension: 'test',
    dependencies: [],
    duplicable: true,
    migratable: false,
    sensitiveFields: [],
    dataClass: 'general',
    region: undefined,
    writable: false,
    ...said,
  }
}

/** What gateways are told of residency and kinds: everything, or what changed after an epoch. */
export async function pagesOf(tx: GrantTx, since?: bigint): Promise<PolicyPage[]> {
  const pages: PolicyPage[] = []
  for (const part of [residencyPart, kindPart]) {
    const read = since === undefined ? part.readAll(tx) : part.readSince(tx, since)
    for await (const page of read) pages.push(page)
  }
  return pages
}

/** The residency in force, as a gateway holds it after a snapshot. */
export async function policyIn(db: Db<Tables>): Promise<PolicyTable> {
  return inTransaction(db, async (tx) => policyOf(await pagesOf(tx)), { isolation: 'repeatable read' })
}

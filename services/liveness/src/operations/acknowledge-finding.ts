import { append } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { findingAcknowledged } from '../events/findings.ts'
import type { Finding } from '../findings/finding.ts'
import * as findings from '../store/findings.ts'
import type { Tables } from '../store/tables.ts'

type Said = { readonly id: string; readonly note: string; readonly by: string }

/**
 * Somebody has seen a finding and says what comes of it. It stays open: it closes when it is so no more.
 *
 * Said again, by anybody, the newer word stands; the ledger has them all.
 */
export async function acknowledgeFinding(tx: Tx<Tables>, now: Date, { id, note, by }: Said): Promise<Finding> {
  const before = await findings.claim(tx, id)
  if (!before) throw new Refusal('FINDING_NOT_FOUND', `no finding has the id ${id}`, { next: 'fedctl finding list' })
  if (before.closedAt)
    throw new Refusal('FINDING_NOT_FOUND', `the finding ${id} has closed by itself at ${before.closedAt.toISOString()}`)
  const after = { ...before, acknowledgedBy: by, acknowledgedAt: now, note }
  await findings.acknowledge(tx, after)
  await append(tx, findingAcknowledged(after, now, by))
  return after
}

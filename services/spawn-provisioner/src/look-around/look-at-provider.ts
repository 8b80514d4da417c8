import { inTransaction } from '@powernode/postgres'
import { noteMissing, noteOrphans } from '../operations/note-orphans.ts'
import type { ProviderRecord } from '../records.ts'
import { limited } from '../saga/limited.ts'
import type { SagaDeps } from '../saga/performer.ts'
import { reasonOf } from '../saga/failure.ts'
import * as instances from '../store/instances.ts'
import * as providers from '../store/providers.ts'

const LIMIT_MS = 60_000

/** Whether a provider is ready, what it runs that nobody needs, and what it does not run that somebody needs. */
export async function lookAtProvider(deps: SagaDeps, record: ProviderRecord, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps
  const status = await statusOf(deps, record, signal)
  await inTransaction(db, (tx) => providers.noteStatus(tx, record.id, status))
  // What should be there is read before and after the list: one that is made, or ended, in between is no orphan.
  const before = await inTransaction(db, (tx) => instances.standingAt(tx, record.id))
  const provider = deps.providers.of(record)
  const listed = await limited({ clock, ms: LIMIT_MS, what: `${record.name}: its list` }, (until) => provider.list(until), signal) // prettier-ignore
  const there = new Set(listed.map(({ instanceId }) => instanceId))
  const gone = before.filter(({ id, providerRef }) => providerRef !== '' && !there.has(id))
  await inTransaction(db, async (tx) => {
    const standing = [...before, ...(await instances.standingAt(tx, record.id))]
    const needed = new Set(standing.map(({ id }) => id))
    const found = listed
      .filter(({ instanceId }) => !needed.has(instanceId))
      .map(({ ref, startedAt }) => ({ kind: 'instance' as const, name: ref, beganAt: startedAt }))
    const missing = gone.map(({ hostname }) => hostname)
    await noteOrphans(tx, clock.now(), { owner: record, kinds: ['instance'], found, about: record.id, missing })
  })
  for (const { childId } of gone) await inTransaction(db, (tx) => noteMissing(tx, clock.now(), childId))
}

/** 'ready', or in a sentence why not. */
async function statusOf(
  { providers: open, clock }: SagaDeps,
  record: ProviderRecord,
  signal: AbortSignal,
): Promise<string> {
  try {
    const ask = (until: AbortSignal) => open.of(record).ready(until)
    return (await limited({ clock, ms: LIMIT_MS, what: 'the answer' }, ask, signal)) ?? 'ready'
  } catch (error) {
    return reasonOf(error)
  }
}

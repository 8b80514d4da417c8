import { appendAll } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { findingClosed, findingOpened } from '../events/findings.ts'
import type { Checked } from '../findings/commitments.ts'
import { difference } from '../findings/difference.ts'
import { SOURCES, type Source } from '../findings/evidence.ts'
import { COMES_BACK_MS, keyOf, type Finding, type Found } from '../findings/finding.ts'
import type { Look } from '../findings/find.ts'
import * as commitments from '../store/commitments.ts'
import * as findings from '../store/findings.ts'
import * as scans from '../store/governance-scan.ts'
import type { Tables } from '../store/tables.ts'

export type Looked = {
  /** When the reading began. */
  readonly asOf: Date
  readonly look: Look
  readonly checked: readonly Checked[]
  readonly peers: number
  readonly contract: { readonly version: number; readonly sha256: string }
  readonly unread: ReadonlySet<Source>
  /** Empty: all were looked at. */
  readonly peerId: string
}

/**
 * What was found becomes what is kept: new findings open, those that are so no more close, the others say what holds now.
 *
 * All in one transaction with the news, and in turn: two that look at once open nothing twice, and whoever began to read
 * earlier writes nothing over what was read later. (A moment that lies ahead of us was written before our clock was set
 * back: it holds up nobody.)
 */
export async function applyFindings(
  tx: Tx<Tables>,
  now: Date,
  { asOf, look, checked, peers, contract, unread, peerId }: Looked,
): Promise<{ readonly opened: number; readonly closed: number }> {
  await findings.lock(tx)
  const last = await scans.last(tx)
  if (last && last.asOf > asOf && last.asOf <= now) return { opened: 0, closed: 0 }

  const change = difference(await findings.open(tx, peerId), look.found, { unread, peerId, unsure: look.unsure, now })
  const opened = await openAll(tx, now, change.opened)
  await findings.update(tx, now, change.updated)
  await findings.miss(tx, now, change.missing.map(({ id }) => id)) // prettier-ignore
  const closed = await findings.close(tx, now, change.closed.map(({ id }) => id)) // prettier-ignore
  await appendAll(tx, [
    ...opened.map((one) => findingOpened(one, now)),
    ...closed.map((one) => findingClosed(one, now)),
  ])

  if (peerId === '') {
    const services = [...new Set([...unread].map((source) => SOURCES[source]))].toSorted()
    await scans.save(tx, {
      asOf,
      scannedAt: now,
      peers,
      unread: services,
      contractVersion: contract.version,
      contractSha256: contract.sha256,
    })
    await commitments.save(tx, now, checked)
  }
  return { opened: opened.length, closed: closed.length }
}

/** What closed within the hour and is found again is the same finding: it opens once more, with what people said of it. */
async function openAll(tx: Tx<Tables>, now: Date, found: readonly Found[]): Promise<readonly Finding[]> {
  if (found.length === 0) return []
  const lately = await findings.closedSince(tx, new Date(now.getTime() - COMES_BACK_MS), found)
  const known = new Map(lately.map((one) => [keyOf(one), one]))
  const again = found.flatMap((one) => {
    const before = known.get(keyOf(one))
    return before ? [[before, one] as const] : []
  })
  const anew = found.filter((one) => !known.has(keyOf(one)))
  return [...(await findings.reopen(tx, now, again)), ...(await findings.add(tx, now, anew))]
}

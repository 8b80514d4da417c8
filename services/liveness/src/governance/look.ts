import { inTransaction } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { check } from '../findings/commitments.ts'
import { SOURCES, type Source } from '../findings/evidence.ts'
import { find } from '../findings/find.ts'
import { applyFindings } from '../operations/apply-findings.ts'
import type { GovernanceDeps } from './governance-deps.ts'
import { readEvidence } from './read-evidence.ts'

/** What a look came to. */
export type Outcome = {
  readonly opened: number
  readonly closed: number
  readonly peers: number
  /** Services that did not answer. */
  readonly unread: readonly string[]
}

/**
 * Looks at all peerings, or one, and writes down what is found: reads, decides, and only then begins a transaction, so that
 * no lock waits for a network.
 *
 * One peer alone is judged by the evidence of all, for its prefix may lie in another's.
 */
export async function lookAtPeers(deps: GovernanceDeps, peerId: string, signal: AbortSignal): Promise<Outcome> {
  const { db, clock } = deps
  const asOf = clock.now()
  const evidence = await readEvidence(deps, signal)
  const { us, peers, unread } = evidence
  if (peerId !== '' && !unread.has('peers') && !peers.some((peer) => peer.peerId === peerId))
    throw new Refusal('PEER_NOT_FOUND', `no peer has the id ${peerId}`, { next: 'fedctl peer list' })
  const now = clock.now()
  const contract = { version: us.contractSha256 === '' ? 0 : us.contractWindow.max, sha256: us.contractSha256 }
  const look = find(evidence, now)
  const checked = check(evidence, { now, found: look.found })
  const said = { asOf, look, checked, contract, peers: peers.length, unread, peerId }
  const changed = await inTransaction(db, (tx) => applyFindings(tx, clock.now(), said))
  return { ...changed, peers: peerId === '' ? peers.length : 1, unread: servicesOf(unread) }
}

const servicesOf = (unread: ReadonlySet<Source>): readonly string[] =>
  [...new Set([...unread].map((source) => SOURCES[source]))].toSorted()

import { appendAll } from '@powernode/events'
import { newId, type Tx } from '@powernode/postgres'
import type { PeerState } from '../announcement.ts'
import { signalClosed, signalOpened } from '../events/remediation.ts'
import { unheard, withPatience, type Freshness } from '../freshness.ts'
import { observe } from '../remediation/observe.ts'
import { quiet, type CertificateEnd, type Evidence, type Quiet } from '../remediation/sense.ts'
import type { Signal } from '../remediation/signal.ts'
import type { Settings } from '../remediation/types.ts'
import * as freshness from '../store/freshness.ts'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'

/** What peer-registry told us of a peer. */
export type KnownPeer = {
  readonly peerId: string
  readonly state: PeerState
  readonly staleAfterMs: number
  readonly certificates: readonly CertificateEnd[]
}

export type Observing = {
  readonly peerIds: readonly string[]
  readonly peers: ReadonlyMap<string, KnownPeer>
  /** Since when peers that were never heard both ways should have been. */
  readonly since: ReadonlyMap<string, Date>
  readonly listeningSince: Date
  readonly settings: Settings
}

/** Who falls silent again within this was not given its time anew. */
const LATELY_MS = 3_600_000

/** A signal that is open, and the peer it is about. */
export type Standing = { readonly signal: Signal; readonly evidence: Evidence; readonly quiet: Quiet }
export type Observation = { readonly open: readonly Standing[]; readonly opened: number; readonly closed: number }

/**
 * What is wrong with these peers now is compared with their open signals: those open that are missing, those close that are over.
 *
 * What came of the last decision about a silence that is over is noted in the diary: beats go both ways again. News and rows
 * share the transaction. Heard by audit-ledger.
 */
export async function observePeers(tx: Tx<Tables>, now: Date, said: Observing): Promise<Observation> {
  const { peerIds, listeningSince, settings } = said
  const known = await freshness.find(tx, peerIds)
  const standing = Map.groupBy(await signals.lockOpen(tx, peerIds), ({ peerId }) => peerId)
  const ground = { now, listeningSince, settings, mint: () => newId(now) }
  const given = await signals.patienceLately(tx, peerIds, new Date(now.getTime() - LATELY_MS))
  const looks = peerIds.map((peerId) => {
    const evidence = evidenceOf(said, peerId, known.get(peerId))
    const patienceUsed = given.get(peerId) ?? 0
    return { evidence, observed: observe(standing.get(peerId) ?? [], evidence, { ...ground, patienceUsed }) }
  })

  const opened = looks.flatMap(({ observed }) => observed.opened)
  const closed = looks.flatMap(({ observed }) => observed.closed)
  const seen = looks.flatMap(({ observed }) => observed.seen)
  // Closed first: the same silence may open under its other name, or a peer have one of the same reason again.
  await signals.write(
    tx,
    closed.map(({ signal, ending }) => ({ ...signal, ending })),
  )
  await signals.write(tx, [...opened, ...seen])
  const mended = closed.flatMap(({ signal, ending }) => (ending === 'recovered' ? (signal.remediationId ?? []) : []))
  await remediations.recovered(tx, mended, now)
  await appendAll(tx, [
    ...closed.map(({ signal }) => signalClosed(signal, now)),
    ...opened.map((signal) => signalOpened(signal, now)),
  ])
  const open = looks.flatMap(({ evidence, observed }) =>
    [...observed.opened, ...observed.seen].map((signal) => ({ signal, evidence, quiet: quiet(evidence, ground) })),
  )
  return { open, opened: opened.length, closed: closed.length }
}

/** What there is to look at of a peer; of one that is gone, only that it is. */
export function evidenceOf(
  { peers, since }: Pick<Observing, 'peers' | 'since'>,
  peerId: string,
  row: Freshness | undefined,
): Evidence {
  const peer = peers.get(peerId)
  const staleAfterMs = peer?.staleAfterMs ?? row?.staleAfterMs ?? 1
  return {
    state: peer?.state ?? 'unknown',
    freshness: withPatience(row ?? unheard(peerId, staleAfterMs), staleAfterMs),
    expectedSince: since.get(peerId) ?? null,
    certificates: peer?.certificates ?? [],
  }
}

import type { Evidence, PeerEvidence, Source, WaitingOn } from './evidence.ts'
import type { Severity } from './finding.ts'

/** What one look at one peer says of one kind. */
export type Seen = {
  readonly about?: string
  readonly message: string
  readonly remedy: string
  readonly waitingOn: WaitingOn
  readonly payload?: Readonly<Record<string, string>>
}

/** What is the same for all peers. */
export type Ground = {
  readonly now: Date
  readonly us: Evidence['us']
  readonly listeningSince: Date
  readonly unread: ReadonlySet<Source>
  /** Our own /48; undefined: none. */
  readonly ourSite: string | undefined
  /** The /48 of each peer that advertises one. */
  readonly siteOf: ReadonlyMap<PeerEvidence, string>
  /** Who came first, by that /48. */
  readonly firstOfSite: ReadonlyMap<string, PeerEvidence>
}

export type Rule = {
  readonly severity: Severity
  /** Beside the peers themselves, what it follows from. */
  readonly needs: readonly Source[]
  /** The source documents: the first four hold for networks too, the others for platforms. */
  readonly platformsOnly?: true
  readonly look: (peer: PeerEvidence, ground: Ground) => readonly Seen[]
  /** That nothing is seen does not say that it is not so: what is open stays. */
  readonly unsure?: (peer: PeerEvidence, ground: Ground) => boolean
}

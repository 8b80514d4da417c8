import type { PeerState } from '../../services/liveness/src/announcement.ts'
import type { Remediation } from '../../services/liveness/src/diary.ts'
import { unheard, type Freshness } from '../../services/liveness/src/freshness.ts'
import type { Beat } from '../../services/liveness/src/heard-beat.ts'
import type { CertificateEnd } from '../../services/liveness/src/remediation/sense.ts'
import type { Signal } from '../../services/liveness/src/remediation/signal.ts'
import { isSilence, type Decision, type Inputs, type Verdict } from '../../services/liveness/src/remediation/types.ts'

/** A beat on its way, with what only the simulation knows of it. */
export type SimBeat = Omit<Beat, 'receivedAt'> & {
  readonly sentMs: number
  /** The how manieth of its sender's to that peer. */
  readonly order: number
  /** The beat of the receiver that this one echoes. */
  readonly echoed: Sent | undefined
  /** When the sender had last written down an answer of the receiver. */
  readonly answeredMs: number
}

type Sent = { readonly sentMs: number; readonly order: number }

/** What is true of a direction, whatever the platforms believe; true milliseconds. */
export type Truth = {
  /** When a beat of theirs that was none of before last came in. */
  inMs: number
  /** When that one was sent. */
  newestMs: number
  /** When the latest beat of ours was sent that we must know they heard: by its answer, or by an echo among our last few. */
  outMs: number
  /** The same before the last echo, and when that came: its beat may be waiting for its answer still, and is not placed until then. */
  outBeforeMs: number
  echoedMs: number
  /** The same, by an echo of any of ours. */
  perhapsOutMs: number
  /** When they had last written down an answer of ours, as the last beat of theirs that came in proves. */
  provedMs: number
}

/** An entry of the diary. */
export type Entry = {
  readonly atMs: number
  readonly words: Readonly<Record<string, string>>
  readonly inputs: Inputs
  readonly verdict: Verdict
  /** What is decided from the words alone. */
  readonly again: Decision
}

/** One side of a peering: what peer-registry holds, what liveness knows, and what is true. */
export type Peering = {
  readonly peerId: string
  readonly us: string
  readonly them: string
  readonly heartbeatIntervalMs: number
  readonly staleAfterMs: number
  /** As peer-registry has it. */
  state: PeerState
  stateMs: number
  /** When the newest news that peer-registry heeded was told, by the wall clock; and when truly, of news that it is heard. */
  heeded: Date | undefined
  heardNewsMs: number
  /** As liveness was told. */
  seen: PeerState
  row: Freshness
  /** The beat of theirs that we echo. */
  lastNonce: Sent | undefined
  /** How many beats we have sent them. */
  sent: number
  /** Whether the last beat of theirs was taken for late mail. */
  replayed: boolean
  /** Whether it was taken for one of a platform that was restored from a backup. */
  restored: boolean
  /** When we last wrote down an answer of theirs. */
  answeredMs: number
  readonly truth: Truth
  /** Those that are open. */
  signals: readonly Signal[]
  /** Probes that are under way, whichever leader began them. */
  readonly probing: Set<object>
  /** What vouches for it, or for us there. */
  certificates: readonly CertificateEnd[]
  /** The diary of the trouble that lasts: what was said last, by its id. */
  readonly diary: Map<string, Remediation>
  /** What people were asked about it, and what they said: one entry a question. */
  asked: readonly Question[]
  /** When it came back, of our clock, and how much time it had been given. */
  recoveries: readonly { readonly at: Date; readonly patienceUsed: number }[]
  last: Entry | undefined
  /** When it was given time in the silence that lasts. */
  givenMs: readonly number[]
  /** When it was decided to degrade it, last. */
  degradedMs: number
  /** When something about it was wrong that was not ours, last; and how much is now. */
  troubledMs: number
  troubles: number
}

/** People are asked whether a peer may be degraded. */
export type Question = {
  readonly id: string
  readonly atMs: number
  /** When what they were asked about began. */
  readonly troubleSince: Date
  answer: 'none' | 'yes' | 'no' | 'timed_out'
}

export type Timers = { readonly heartbeatIntervalMs: number; readonly staleAfterMs: number }

export function newPeering(said: { peerId: string; us: string; them: string; timers: Timers }): Peering {
  const { timers, ...names } = said
  return {
    ...names,
    ...timers,
    state: 'enrolled',
    stateMs: 0,
    heeded: undefined,
    heardNewsMs: -Infinity,
    seen: 'enrolled',
    row: unheard(said.peerId, timers.staleAfterMs),
    lastNonce: undefined,
    sent: 0,
    replayed: false,
    restored: false,
    answeredMs: -Infinity,
    truth: {
      inMs: -Infinity,
      newestMs: -Infinity,
      outMs: -Infinity,
      outBeforeMs: -Infinity,
      echoedMs: -Infinity,
      perhapsOutMs: -Infinity,
      provedMs: -Infinity,
    },
    signals: [],
    probing: new Set(),
    certificates: [],
    diary: new Map(),
    asked: [],
    recoveries: [],
    last: undefined,
    givenMs: [],
    degradedMs: -Infinity,
    troubledMs: -Infinity,
    troubles: 0,
  }
}

/** The open silence of a peering, whatever it is called. */
export const silenceOf = ({ signals }: Peering): Signal | undefined => signals.find(({ reason }) => isSilence(reason))

import { BEATING, type PeerState } from '../announcement.ts'
import { sense, type Evidence, type Ground, type Sensed } from './sense.ts'
import { close, isOtherName, open, seeAgain, type Signal } from './signal.ts'
import { isSilence, type Reason } from './types.ts'

/** Why a signal closed: it is no longer so, it goes on under its other name, or the peer is watched no more. */
export type Ending = 'recovered' | 'renamed' | 'gone'
export type Closed = { readonly signal: Signal; readonly ending: Ending }

/** What became of the signals of one peer in one tick. */
export type Observed = {
  readonly opened: readonly Signal[]
  readonly seen: readonly Signal[]
  readonly closed: readonly Closed[]
}

export type Observing = Ground & {
  readonly mint: () => string
  /** How much time the peer was given in a silence that ended within the hour. */
  readonly patienceUsed: number
}

/** A clock that is off closes its signal after so long of being right: the peer says itself what it shows, and would fill the ledger. */
export const CALM_MS = 600_000

/**
 * Compares what is wrong with a peering now with the signals of it that are open. Each trouble has one signal, which opens when it
 * is sensed, is seen again while it stays, and closes when it is no longer so.
 */
export function observe(
  standing: readonly Signal[],
  evidence: Evidence,
  { mint, patienceUsed, ...ground }: Observing,
): Observed {
  const { now } = ground
  const sensed = sense(evidence, ground)
  const find = ({ reason }: Pick<Sensed, 'reason'>) => standing.find((signal) => signal.reason === reason)
  const anew = sensed.filter((one) => !find(one))
  const opened = anew.map((one) => {
    const { peerId, lastHeardAt } = evidence.freshness
    const instead = standing.find(({ reason }) => isOtherName(reason, one.reason))
    const opening = {
      id: mint(),
      peerId,
      peerState: evidence.state,
      lastHeartbeatAt: lastHeardAt,
      instead,
      patienceUsed,
    }
    return open(one, opening, now)
  })
  const seen = sensed.flatMap((one) => {
    const signal = find(one)
    return signal ? [seeAgain(signal, one, now)] : []
  })
  const isSensed = (reason: Reason) => sensed.some((one) => one.reason === reason)
  const goesOn = sensed.some(({ reason }) => isSilence(reason))
  const missing = standing.filter(({ reason }) => !isSensed(reason) && (goesOn || !waits(reason, evidence)))
  const [calming, over] = [
    missing.filter((one) => isCalming(one, evidence, now)),
    missing.filter((one) => !isCalming(one, evidence, now)),
  ]
  const calm = calming.map((signal) => ({ ...signal, calmSince: calmFrom(signal, now) }))
  const closed = over.map((signal) => ({
    signal: close(signal, now),
    ending: endingOf(signal, sensed, evidence.state),
  }))
  return { opened, seen: [...seen, ...calm], closed }
}

const isCalming = (signal: Signal, { state }: Evidence, now: Date): boolean =>
  signal.reason === 'clock_skew' && BEATING.includes(state) && now.getTime() - calmFrom(signal, now).getTime() < CALM_MS

/** Since when it is not so; a moment that lies ahead was written before our clock was set back. */
const calmFrom = ({ calmSince }: Signal, now: Date): Date => (calmSince && calmSince <= now ? calmSince : now)

/**
 * Whether a silence that is not sensed is not over either. When listening has just begun nobody is silent, and nobody was heard
 * for that: it is over when beats have passed both ways.
 */
const waits = (reason: Signal['reason'], { state, freshness }: Evidence): boolean =>
  isSilence(reason) && BEATING.includes(state) && freshness.announced !== 'heard'

function endingOf({ reason }: Signal, sensed: readonly Sensed[], state: PeerState): Ending {
  if (sensed.some((one) => isOtherName(one.reason, reason))) return 'renamed'
  return BEATING.includes(state) ? 'recovered' : 'gone'
}

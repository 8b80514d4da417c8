import { announceHeard, announceSilent, reconcile } from '../../services/liveness/src/announcement.ts'
import { nextBeatAt, resumeBeatAt, retryBeatAt } from '../../services/liveness/src/beat-timing.ts'
import { saysTheSame } from '../../services/liveness/src/diary.ts'
import { hearBeat } from '../../services/liveness/src/heard-beat.ts'
import { noteAnswer, noteFailure } from '../../services/liveness/src/own-beat.ts'
import { budget, turn } from '../../services/liveness/src/remediation/breaker.ts'
import { decide } from '../../services/liveness/src/remediation/decide.ts'
import { listen } from '../../services/liveness/src/remediation/listening.ts'
import { decided, inputsOf, isSettled } from '../../services/liveness/src/remediation/signal.ts'
import { quiet } from '../../services/liveness/src/remediation/sense.ts'
import { observe } from '../../services/liveness/src/remediation/observe.ts'
import { isOutdated, nextState } from '../../services/peer-registry/src/peer.ts'

/** All that the platforms of a simulation decide by: what production runs, unless a test breaks one of them to see it caught. */
export const RULES = {
  hearBeat,
  noteAnswer,
  noteFailure,
  announceHeard,
  announceSilent,
  reconcile,
  nextBeatAt,
  retryBeatAt,
  resumeBeatAt,
  listen,
  quiet,
  turn,
  budget,
  decide,
  observe,
  decided,
  inputsOf,
  isSettled,
  saysTheSame,
  nextState,
  isOutdated,
}
export type Rules = typeof RULES

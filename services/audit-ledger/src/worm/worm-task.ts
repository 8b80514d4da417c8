import { backoffMs, type Clock } from '@powernode/clock'
import { openShelf, type Bus, type Shelf } from '@powernode/events'
import { lead, type Db } from '@powernode/postgres'
import type { Logger, Metrics, Task } from '@powernode/process'
import { TILE_WIDTH } from '@powernode/tlog'
import { createCopyNotes } from '../files/note-copies.ts'
import { eachHead, eachRung, nothingRung, ring, type Rung, type Verdicts } from '../files/rounds.ts'
import { Contradiction, type Head } from '../log-files.ts'
import type { Tables } from '../store/tables.ts'
import { compareStream } from './compare-stream.ts'
import { createStreamWriter } from './stream-writer.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

export type Worm = {
  /** A log has a new checkpoint; without an id: any may. */
  readonly ring: (logId: number | undefined) => void
  readonly task: Task
}

const ROUND_MS = 2_000
const SLOW_TIMER_MS = 60_000
const COMPARE_EVERY_MS = 86_400_000
const RETRY = { firstMs: 200, mostMs: 15_000 }

/** The copy of all full segments in the stream LEDGER; one replica of the platform writes it. */
export function openWorm(deps: Deps): Worm {
  const rung = nothingRung()
  return {
    ring: (logId) => ring(rung, logId),
    task: (stop) => lead(deps, 'worm', (leading) => fillStream(deps, rung, leading), stop),
  }
}

type Filling = Deps & { readonly rung: Rung; readonly verdicts: Verdicts; compareDueMs: number }

/** NATS that is away is waited for, and one that comes back empty is filled again: everything is in the database. */
async function fillStream(deps: Deps, rung: Rung, signal: AbortSignal): Promise<void> {
  const { bus, clock, logger, metrics } = deps
  const failing = metrics.gauge('fed_audit_worm_failing', '1 while segments cannot be put into the stream')
  const filling: Filling = { ...deps, rung, verdicts: createVerdicts(metrics), compareDueMs: clock.now().getTime() }
  for (let attempt = 0; !signal.aborted;) {
    const connected = new AbortController()
    const forget = bus.onConnected(() => connected.abort()) // another connection may lead to another stream
    try {
      const shelf = await openShelf(bus, {}, signal)
      if (!shelf) return
      await fillShelf(filling, shelf, AbortSignal.any([signal, connected.signal]), () => {
        failing.set(0)
        attempt = 0
      })
    } catch (error) {
      failing.set(1)
      const retryMs = backoffMs(++attempt, RETRY)
      logger.warn({ task: 'worm', attempt, retry_in_ms: retryMs, error }, 'segments wait for their stream')
      await clock.sleep(retryMs, signal)
    } finally {
      forget()
    }
  }
}

/** Round after round over one connection. */
// oxlint-disable-next-line max-params -- with what, into what, until when, and who hears of each round that went well
async function fillShelf(filling: Filling, shelf: Shelf, signal: AbortSignal, onGood: () => void): Promise<void> {
  const { clock, metrics, rung, verdicts } = filling
  const messages = metrics.counter('fed_audit_worm_messages_total', 'Messages put into the stream of segments')
  const writer = createStreamWriter({ ...filling, shelf })
  const note = createCopyNotes(filling, 'worm')
  const keep = async (head: Head) => {
    messages.inc(await writer.keep(head))
    await note(head, head.size - (head.size % TILE_WIDTH))
  }
  rung.all = true
  while (!signal.aborted) {
    await eachRung(filling, rung, keep, verdicts)
    if (clock.now().getTime() >= filling.compareDueMs) {
      await compareAll({ ...filling, shelf }, verdicts, () => signal.aborted)
      filling.compareDueMs = clock.now().getTime() + COMPARE_EVERY_MS
    }
    onGood()
    await clock.sleep(ROUND_MS, signal)
    if (!(await rung.bell.wait(clock, SLOW_TIMER_MS, signal))) rung.all = true
  }
}

function createVerdicts(metrics: Metrics): Verdicts {
  const gauge = metrics.gauge('fed_audit_worm_contradictions', 'Logs that are not the same in the stream and in the database') // prettier-ignore
  const contradicting = new Set<string>()
  const show = () => gauge.set(contradicting.size)
  return {
    place: 'worm',
    contradicts(origin) {
      contradicting.add(origin)
      show()
    },
    agrees(origin) {
      contradicting.delete(origin)
      show()
    },
  }
}

/**
 * Every message of the stream against the database, once a day: not only that it grew, but that it is what it was. That all was
 * verified is said only when nothing was left out, and all was well.
 */
async function compareAll(deps: Deps & { readonly shelf: Shelf }, verdicts: Verdicts, isOver: () => boolean) {
  const verified = deps.metrics.gauge('fed_audit_last_verified_timestamp_seconds', 'When every log was last found to be, entry by entry, what its copy in the stream is') // prettier-ignore
  let isWell = true
  const compare = async (head: Head) => {
    const compared = `${head.origin} as compared`
    let first: Contradiction | undefined
    for await (const { seq, flaw, found } of compareStream(deps, head)) {
      first ??= new Contradiction(flaw, { found })
      deps.logger.error({ task: 'worm', path: head.origin, sequence: seq }, `ALARM: ${flaw}`)
    }
    verdicts[first ? 'contradicts' : 'agrees'](compared)
    if (!first) return
    isWell = false
    throw first
  }
  const { place } = verdicts
  await eachHead(deps, compare, { verdicts: { place, contradicts: () => undefined, agrees: () => undefined }, isOver })
  if (isWell && !isOver()) verified.set(deps.clock.now().getTime() / 1_000)
}

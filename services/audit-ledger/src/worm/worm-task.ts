import { backoffMs, type Clock } from '@powernode/clock'
import { openShelf, type Bus, type Shelf } from '@powernode/events'
import { lead, type Db } from '@powernode/postgres'
import type { Logger, Metrics, Task } from '@powernode/process'
import { eachHead, eachRung, nothingRung, ring, type Rung, type Verdicts } from '../files/rounds.ts'
import type { Head } from '../log-files.ts'
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

const ROUND_MS = 1_000
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

/** NATS that is away is waited for, and one that comes back empty is filled again: everything is in the database. */
async function fillStream(deps: Deps, rung: Rung, signal: AbortSignal): Promise<void> {
  const { bus, clock, logger, metrics } = deps
  const messages = metrics.counter('fed_audit_worm_messages_total', 'Messages put into the stream of segments')
  const behind = metrics.gauge('fed_audit_worm_failing', '1 while segments cannot be put into the stream')
  const verdicts = createVerdicts(metrics)
  let reconnected = true
  const forget = bus.onConnected(() => {
    reconnected = true
    ring(rung, undefined)
  })
  let compareDueMs = clock.now().getTime()
  try {
    for (let [attempt, shelf] = [0, undefined as Shelf | undefined]; !signal.aborted;) {
      try {
        if (reconnected || !shelf) {
          reconnected = false
          shelf = await openShelf(bus, {}, signal)
          if (!shelf) return
          rung.all = true
        }
        const writer = createStreamWriter({ ...deps, shelf })
        const keep = async (head: Head) => messages.inc(await writer.keep(head))
        do {
          await eachRung(deps, rung, keep, verdicts)
          if (clock.now().getTime() >= compareDueMs) {
            await compareAll({ ...deps, shelf }, verdicts, () => signal.aborted)
            compareDueMs = clock.now().getTime() + COMPARE_EVERY_MS
          }
          behind.set(0)
          attempt = 0
          await clock.sleep(ROUND_MS, signal)
          if (!(await rung.bell.wait(clock, SLOW_TIMER_MS, signal))) rung.all = true
        } while (!reconnected && !signal.aborted)
      } catch (error) {
        behind.set(1)
        shelf = undefined
        const retryMs = backoffMs(++attempt, RETRY)
        logger.warn({ task: 'worm', attempt, retry_in_ms: retryMs, error }, 'segments wait for their stream')
        await clock.sleep(retryMs, signal)
      }
    }
  } finally {
    forget()
  }
}

function createVerdicts(metrics: Metrics): Verdicts {
  const gauge = metrics.gauge('fed_audit_worm_contradictions', 'Logs that are not the same in the stream and in the database') // prettier-ignore
  const contradicting = new Set<string>()
  const show = () => gauge.set(contradicting.size)
  return {
    contradicts: (origin) => void (contradicting.add(origin), show()),
    agrees: (origin) => void (contradicting.delete(origin), show()),
  }
}

/** Every message of the stream against the database, once a day: not only that it grew, but that it is what it was. */
async function compareAll(deps: Deps & { readonly shelf: Shelf }, verdicts: Verdicts, isOver: () => boolean) {
  const compare = async (head: Head) => {
    for await (const { seq, position, flaw } of compareStream(deps, head)) {
      deps.logger.error({ task: 'worm', path: head.origin, sequence: seq, count: position }, `ALARM: ${flaw}`)
      verdicts.contradicts(head.origin)
    }
  }
  const hearsOnlyDamage = { contradicts: verdicts.contradicts, agrees: () => undefined }
  await eachHead(deps, compare, { verdicts: hearsOnlyDamage, isOver })
}

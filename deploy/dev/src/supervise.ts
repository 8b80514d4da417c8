import { setTimeout as wait } from 'node:timers/promises'

/** One life of something that runs. */
export type Life = {
  readonly pid: number
  readonly exited: Promise<unknown>
  stop(): Promise<void>
  kill(): void
}

/** Something that is kept running: when it ends by itself, it is started again. */
export type Supervised = {
  readonly name: string
  pid(): number | undefined
  /** How often it had to be started again. */
  restarts(): number
  /** Kill -9, as bad luck would: it comes back by itself. */
  kill(): void
  /** Stops it, and leaves it stopped until `resume`. */
  pause(): Promise<void>
  /** Starts what `pause` stopped. */
  resume(): Promise<void>
  /** Stops it for good. */
  stop(): Promise<void>
}

export type Report = (event: {
  readonly name: string
  readonly what: 'ended' | 'started again' | 'cannot start'
  readonly why?: unknown
}) => void

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000
/** Who lived this long was well: its next end is a new misfortune, not the old one again. */
const WELL_MS = 10_000

/** Starts `start`, and again whenever that ends by itself, with growing delay. Rejects when the first start fails. */
export async function supervise(
  name: string,
  start: () => Promise<Life>,
  report: Report = () => undefined,
): Promise<Supervised> {
  let wanted: 'up' | 'paused' | 'stopped' = 'up'
  let life: Life | undefined
  let bornAt = 0
  let failures = 0
  let restarts = 0
  let revival: Promise<void> = Promise.resolve()
  let patience = new AbortController()

  function adopt(next: Life): void {
    life = next
    bornAt = performance.now()
    void next.exited.then(() => {
      if (life !== next || wanted !== 'up') return
      life = undefined
      report({ name, what: 'ended' })
      revival = revive(next)
    })
  }

  async function revive(dead: Life): Promise<void> {
    await dead.stop()
    failures = performance.now() - bornAt > WELL_MS ? 0 : failures
    while (wanted === 'up') {
      const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures++)
      await wait(delay, undefined, { signal: patience.signal }).catch(() => undefined)
      if (wanted !== 'up') return
      try {
        restarts += 1
        adopt(await start())
        return report({ name, what: 'started again' })
      } catch (why) {
        report({ name, what: 'cannot start', why })
      }
    }
  }

  async function end(as: 'paused' | 'stopped'): Promise<void> {
    if (wanted !== 'stopped') wanted = as
    patience.abort()
    await revival
    await life?.stop()
    life = undefined
  }

  adopt(await start())
  return {
    name,
    pid: () => life?.pid,
    restarts: () => restarts,
    kill: () => life?.kill(),
    pause: () => end('paused'),
    stop: () => end('stopped'),
    async resume() {
      if (wanted !== 'paused') return
      wanted = 'up'
      patience = new AbortController()
      failures = 0
      adopt(await start())
    },
  }
}

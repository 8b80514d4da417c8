import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { z } from 'zod'
import type { Follower } from './follower.ts'
import { pathIn, writeOwned, type ReplicaHome } from './replica-home.ts'

const order = z.object({ id: z.string(), reason: z.string().min(1).max(256), by: z.string(), until: z.string() })
const answer = z.object({ id: z.string(), ok: z.boolean(), detail: z.string() })

type Order = z.infer<typeof order>
export type TakeOver = Omit<Order, 'until'>
export type TookOver = z.infer<typeof answer>

const LOOK_EVERY_MS = 500
/** A promotion that had begun when patience was over is heard out: longer than Postgres is given for it. */
const BEGUN_MS = 40_000

const orderFile = (home: Pick<ReplicaHome, 'dir'>) => pathIn(home, 'take-over.json')
const answerFile = (home: Pick<ReplicaHome, 'dir'>) => pathIn(home, 'took-over.json')

type Attending = { readonly home: ReplicaHome; readonly clock: Clock; readonly logger: Logger }

/**
 * Has the replica take over when somebody on this machine says so, because the parent is gone with all that could be asked.
 * Who may write into the replica's folder may do anything to it: there is no other right to be had here.
 *
 * The order is forgotten only once it is answered, so a crash in between does it again, which changes nothing. It MUST NOT be
 * carried out once nobody waits for it: whoever asked may have gone, had no answer, and gone on with the parent.
 */
export async function attendTakeOver(
  { home, clock, logger }: Attending,
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const asked = readOrder(home)
    if (asked && !isInTime(asked, clock)) {
      logger.warn({ task: 'take over', actor: asked.by, reason: asked.reason }, 'it was asked for long ago, and is not done: ask again') // prettier-ignore
      rmSync(orderFile(home), { force: true })
    } else if (asked) {
      const { id, reason, by } = asked
      const isWanted = () => readOrder(home)?.id === id && isInTime(asked, clock)
      const said = await follower.takeOver({ reason, by, isWanted }, signal).then(
        (timeline) => ({ id, ok: true, detail: `it is the primary now, on timeline ${timeline}` }),
        (error: unknown) => ({ id, ok: false, detail: error instanceof Error ? error.message : String(error) }),
      )
      logger.warn({ task: 'take over', actor: by, reason, outcome: said.ok ? 'ok' : 'fault' }, said.detail)
      writeOwned({ ...home, owner: undefined }, answerFile(home), JSON.stringify(said))
      if (readOrder(home)?.id === id) rmSync(orderFile(home), { force: true }) // another may have been given meanwhile
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

const isInTime = ({ until }: Order, clock: Clock): boolean => clock.now() < new Date(until)

/** Asks the agent that runs on `home`; resolves with its answer, undefined when there was none in time. */
export async function askTakeOver(
  home: Pick<ReplicaHome, 'dir'>,
  asked: TakeOver,
  { clock, withinMs }: { readonly clock: Clock; readonly withinMs: number },
): Promise<TookOver | undefined> {
  const until = new Date(clock.now().getTime() + withinMs).toISOString()
  writeOwned(home as ReplicaHome, orderFile(home), JSON.stringify({ ...asked, until } satisfies Order)) // ours alone: nobody's owner is set
  for (let waitedMs = 0; waitedMs < withinMs + BEGUN_MS; waitedMs += LOOK_EVERY_MS) {
    if (waitedMs >= withinMs) rmSync(orderFile(home), { force: true }) // nobody is to begin it any more
    const said = existsSync(answerFile(home))
      ? answer.parse(JSON.parse(readFileSync(answerFile(home), 'utf8')))
      : undefined
    if (said?.id === asked.id) return said
    await clock.sleep(LOOK_EVERY_MS, AbortSignal.any([]))
  }
  return undefined
}

/** One that makes no sense is none. */
function readOrder(home: ReplicaHome): Order | undefined {
  if (!existsSync(orderFile(home))) return undefined
  try {
    return order.parse(JSON.parse(readFileSync(orderFile(home), 'utf8')))
  } catch {
    rmSync(orderFile(home), { force: true })
    return undefined
  }
}

import { Refusal } from '@powernode/rpc'
import * as checkpoints from '../../store/checkpoints.ts'
import * as excerpts from '../../store/mirror-excerpts.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

const DAY_MS = 86_400_000
const DEFAULT_DAYS = 90
const DEFAULT_LIMIT = 1_000
/** So many entries are looked at for one page: a window that holds few of them must not cost a walk over all of a log. */
const MOST_LOOKED_AT = 20_000
/** Below what one message may have (1 MiB). */
const MOST_BYTES = 900_000

export type Asked = {
  readonly peerId: string
  readonly since: Date | undefined
  readonly until: Date | undefined
  readonly limit: number
  readonly start: number
}

export type Excerpts = {
  readonly since: Date
  readonly until: Date
  readonly entries: readonly excerpts.Excerpt[]
  readonly nextStart: number
  readonly checkpoint: string
}

/**
 * A peer reads our log about it: entries of a window of time, with those payloads that are disclosed, below a checkpoint that
 * we have signed. Who may ask is decided at the door.
 */
export async function listExcerpts(tx: LedgerTx, now: Date, said: Asked): Promise<Excerpts> {
  const until = said.until ?? now
  const since = said.since ?? new Date(until.getTime() - DEFAULT_DAYS * DAY_MS)
  if (![said.since, until].every(isMoment)) throw new Refusal('WINDOW_INVALID', 'a moment lies between 1970 and 9999')
  if (until <= since) throw new Refusal('WINDOW_INVALID', 'until does not lie after since')
  const log = await logs.find(tx, said.peerId)
  const signed = log && (await checkpoints.newest(tx, log.id))
  if (!signed) return { since, until, entries: [], nextStart: 0, checkpoint: '' }
  const limit = said.limit || DEFAULT_LIMIT
  const end = Math.min(signed.size, said.start + MOST_LOOKED_AT)
  const wanted = { since, until, start: said.start, end, limit: limit + 1 }
  const found = await excerpts.within(tx, log.id, wanted)
  const entries = fitting(found.slice(0, limit))
  const nextStart = found[entries.length]?.sequence ?? (end < signed.size ? end : 0)
  return { since, until, entries, nextStart, checkpoint: signed.note }
}

/** What the wire can say, and neither a clock nor the database. */
const isMoment = (at: Date | undefined): boolean => at === undefined || (at.getTime() >= 0 && at.getTime() < LATEST_MS)
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** As many from the beginning as one message holds, and one at least. */
function fitting(all: readonly excerpts.Excerpt[]): readonly excerpts.Excerpt[] {
  let bytes = 0
  const end = all.findIndex(({ leaf, body }) => (bytes += leaf.length + (body?.length ?? 0) + 64) > MOST_BYTES)
  return end < 0 ? all : all.slice(0, Math.max(1, end))
}

import type { Clock } from '@powernode/clock'
import { FakeClock } from '@powernode/clock/testing'
import { SealingKey } from '@powernode/identity'
import { inTransaction, openDb, type Db } from '@powernode/postgres'
import { testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics, runTasks } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { createHealth, mount, type Mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { leafHash, rootAt, Edge } from '@powernode/tlog'
import type { Held } from '../operations/append/growth.ts'
import * as entries from '../store/entries.ts'
import * as logs from '../store/logs.ts'
import type { Tables } from '../store/tables.ts'
import { tileReader } from '../store/tiles.ts'
import { CALLERS, coreHandlers } from '../rpc.ts'
import { appendTalks } from '../rpc/append.ts'
import { createWatchers } from '../rpc/watchers.ts'
import { NOW, TRUST_DOMAIN } from '../testing.ts'
import { createAppender, type Appender } from './appender.ts'
import { openCoreArea, type CoreArea } from './core-area.ts'
import { createObstacles, type Obstacles } from './obstacles.ts'

export type Replica = {
  readonly db: Db<Tables>
  readonly clock: FakeClock
  readonly appender: Appender
  readonly obstacles: Obstacles
  readonly lines: readonly string[]
  readonly close: () => Promise<void>
}

/** One process that writes to a ledger, by a road of its own. */
export function replica(
  url: string,
  {
    onGrown = () => {},
    idleInTransactionMs = 750,
  }: { onGrown?: (grown: ReadonlyMap<string, Held>) => void; idleInTransactionMs?: number } = {},
): Replica {
  const db = openDb<Tables>({ url, schema: 'audit_ledger', applicationName: 'replica', idleInTransactionMs })
  const clock = new FakeClock(NOW)
  const lines: string[] = []
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  const metrics = createMetrics('test')
  const obstacles = createObstacles({ health: createHealth(), logger, metrics })
  const appender = createAppender({ db, clock, logger, metrics, obstacles, onGrown })
  return { db, clock, appender, obstacles, lines, close: () => db.destroy() }
}

/** All of a log, after checking that its numbers have no gap and that its tiles are those of its leaves. */
export async function wholeLog(db: Db<Tables>, name: string): Promise<readonly entries.Row[]> {
  return inTransaction(db, async (tx) => {
    const log = await logs.find(tx, name)
    if (!log) return []
    const rows = await entries.stretch(tx, log.id, { start: 0, end: Number.MAX_SAFE_INTEGER, limit: 1_000_000 })
    const edge = Edge.empty()
    for (const [at, { sequence, leaf }] of rows.entries()) {
      if (sequence !== at) throw new Error(`entry ${at} of ${name} is missing`)
      edge.append(leafHash(leaf))
    }
    const root = await rootAt(tileReader(tx, log.id), rows.length)
    if (Buffer.compare(root, edge.root()) !== 0) throw new Error(`the tiles of ${name} are not those of its leaves`)
    return rows
  })
}

export type Door = {
  readonly db: Db<Tables>
  readonly core: CoreArea
  readonly mount: Mount
  /** Ends what the door runs beside its calls, and hangs up. */
  readonly stop: () => Promise<void>
}

type Opened = {
  readonly url: string
  readonly clock: Clock
  /** Nothing runs beside the calls: nobody signs but the test. */
  readonly isAlone?: boolean
}

/** The door of a ledger over its own part: logs, decisions and the feed; what other areas serve is not there. */
export async function openDoor({ url, clock, isAlone = false }: Opened): Promise<Door> {
  const database = { url, schema: 'audit_ledger', applicationName: 'door' }
  const db = openDb<Tables>({ ...database, idleInTransactionMs: 750, max: 20 })
  const [logger, metrics] = [createLogger('test', { level: 'silent' }), createMetrics('test')]
  const listener = testListener({ ...database, clock })
  const deps = { db, listener, clock, logger, metrics, health: createHealth(), watchers: createWatchers() }
  const sealing = new SealingKey(Buffer.alloc(32, 7))
  const core = await openCoreArea(deps, { sealing, trustDomain: TRUST_DOMAIN, entriesKeptForMs: undefined })
  const handlers = partly(AuditLedgerService, coreHandlers({ ...deps, ...core }))
  const stopping = new AbortController()
  const running = runTasks(stopping.signal, isAlone ? [] : core.tasks)
  return {
    db,
    core,
    mount: mount(AuditLedgerService, handlers, CALLERS, appendTalks({ ...deps, ...core })),
    async stop() {
      stopping.abort()
      await running
      await db.destroy()
    },
  }
}

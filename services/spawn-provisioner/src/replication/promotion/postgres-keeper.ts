import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '@powernode/rpc'
import { z } from 'zod'
import type { SpawnDeps } from '../../spawn-deps.ts'

/** What whoever runs the platform's Postgres is asked: to have it follow a member, and to make it the primary again. */
export type KeeperOrder =
  | { readonly act: 'follow'; readonly address: string; readonly role: string }
  | { readonly act: 'promote'; readonly lsn: string; readonly timeline: number }

const answer = z.object({ id: z.string(), ok: z.boolean(), detail: z.string() })

const LOOK_EVERY_MS = 50

/**
 * Asks the keeper of our Postgres, over two files of our state directory: `postgres-order.json`, which only we and it can
 * read, and `postgres-answer.json`. We are no user who may stop or start that server, and MUST not become one.
 */
export async function askKeeper({ config, clock }: SpawnDeps, order: KeeperOrder, withinMs: number): Promise<void> {
  const id = randomUUID()
  const [orderFile, answerFile] = [
    join(config.stateDir, 'postgres-order.json'),
    join(config.stateDir, 'postgres-answer.json'),
  ]
  rmSync(answerFile, { force: true })
  writeWhole(config.stateDir, orderFile, JSON.stringify({ id, ...order }))
  try {
    for (let waitedMs = 0; waitedMs < withinMs; waitedMs += LOOK_EVERY_MS) {
      const said = read(answerFile)
      if (said?.id === id && said.ok) return
      if (said?.id === id)
        throw new Refusal('REPLICATION_NOT_CONFIGURED', `our Postgres could not ${order.act}: ${said.detail}`)
      await clock.sleep(LOOK_EVERY_MS, AbortSignal.any([]))
    }
    throw new Refusal(
      'REPLICATION_NOT_CONFIGURED',
      `nobody had our Postgres ${order.act} within ${withinMs / 1_000} s`,
      {
        next: 'do it by hand, as docs/cluster-members.md says',
      },
    )
  } finally {
    rmSync(orderFile, { force: true }) // nobody is to carry it out once we have stopped waiting
  }
}

function read(file: string): z.infer<typeof answer> | undefined {
  return existsSync(file) ? answer.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined
}

function writeWhole(dir: string, file: string, text: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  rmSync(`${file}.new`, { force: true })
  const opened = openSync(`${file}.new`, 'wx', 0o600)
  try {
    writeFileSync(opened, text)
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
  renameSync(`${file}.new`, file)
}

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { DATABASE } from './database.ts'
import type { Follow, FormerPrimary, Server, TakeOver } from './former-primary.ts'
import { dataDir, identityDir, type Layout } from './layout.ts'
import type { Supervised } from './supervise.ts'

type Order = { readonly id: string } & (
  ({ readonly act: 'follow' } & Follow) | ({ readonly act: 'promote' } & TakeOver)
)

const LOOK_EVERY_MS = 100

/** The platform's Postgres, and where it is asked for. */
export const keptPostgres = (layout: Layout, { pause, resume }: Supervised) => ({
  dir: join(layout.dir, 'postgres'),
  port: layout.ports.postgres,
  identityDir: identityDir(layout, 'postgres'),
  database: DATABASE,
  ordersDir: dataDir(layout, 'spawn-provisioner'),
  pause,
  resume,
})

/**
 * Carries out what spawn-provisioner asks of whoever runs the platform's Postgres, over two files of its state directory.
 * It is no user who may stop that server; whoever started it is.
 */
export async function keepPostgres(
  server: Server & { readonly ordersDir: string },
  signal: AbortSignal,
): Promise<void> {
  const [orderFile, answerFile] = ['postgres-order.json', 'postgres-answer.json'].map((file) =>
    join(server.ordersDir, file),
  ) as [string, string] // two of two
  let former: FormerPrimary | undefined
  let seen = ''
  while (!signal.aborted) {
    const order = existsSync(orderFile) ? read(orderFile) : undefined
    if (order && order.id !== seen) {
      seen = order.id
      former ??= new (await import('./former-primary.ts')).FormerPrimary(server) // seldom needed, and then it takes minutes
      const failed = await obey(former, order, signal).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      writeFileSync(
        `${answerFile}.new`,
        JSON.stringify({ id: order.id, ok: failed === undefined, detail: failed ?? '' }),
      )
      renameSync(`${answerFile}.new`, answerFile)
    }
    await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
  await former?.stop()
}

const obey = (former: FormerPrimary, order: Order, signal: AbortSignal): Promise<void> =>
  order.act === 'follow' ? former.follow(order, signal) : former.takeOver(order, signal)

/** Taken away in the moment it was looked at: then nobody waits for it. */
function read(file: string): Order | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Order // as askKeeper of spawn-provisioner writes it
  } catch {
    return undefined
  }
}

import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

/** A small schema: a ledger of counters that only grows. */
export const COUNTER = {
  '0001_counter.sql': `-- breaking: no
create table counter (name text primary key, value bigint not null check (value >= 0), noted_at timestamptz);
grant select, insert, update on counter to fixture;
`,
}

export type CounterTables = { counter: { name: string; value: number; noted_at: Date | null } }

/** Puts migrations into a directory named after what they say: however often tests run, there is one of each. */
export function migrationsIn(files: Readonly<Record<string, string>>): string {
  const name = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)
  const dir = join(tmpdir(), `powernode-migrations-${name}`)
  if (existsSync(dir)) return dir
  const unfinished = mkdtempSync(`${dir}-`)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(unfinished, file), text)
  try {
    renameSync(unfinished, dir)
  } catch (error) {
    rmSync(unfinished, { recursive: true })
    if (!existsSync(dir)) throw error // another test process was quicker
  }
  return dir
}

/** The superuser's URL that the test run set. */
export function adminUrl(): string {
  const url = process.env['POWERNODE_TEST_PG_URL']
  if (!url) throw new Error('POWERNODE_TEST_PG_URL is not set')
  return url
}

/** Runs statements as somebody, on a connection of their own, and gives the rows of the last. */
export async function as(url: string, ...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    let rows: readonly Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

/**
 * A road to a server on which bad luck can be arranged: what `cutAfter` accepts (of what the client says) still reaches
 * the server and is answered, but the answer never arrives: the road is gone. After `freeze` nothing arrives any more
 * either, but nobody is told.
 */
export async function unluckyRoad(url: string, cutAfter: (said: string) => boolean) {
  const to = new URL(url)
  const sockets = new Set<Socket>()
  let frozen = false
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    let cut = false
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.on('data', (said) => {
      cut ||= cutAfter(said.toString('latin1'))
      upstream.write(said)
    })
    upstream.on('data', (answer) => {
      if (cut) client.destroy()
      else if (!frozen) client.write(answer)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const road = new URL(url)
  road.hostname = '127.0.0.1'
  road.port = String((server.address() as AddressInfo).port)
  const close = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  const freeze = () => {
    frozen = true
  }
  return { url: road.href, freeze, close }
}

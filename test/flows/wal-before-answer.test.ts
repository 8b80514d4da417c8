import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { readTlsFiles } from '@powernode/identity'
import { identityDir } from '@powernode/dev/layout'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestPlatform } from '../mesh.ts'

/**
 * That an entry is on disk before anybody hears that it is, as the kernel saw it: not what the code says it does, nor what
 * the database promises, but which system calls were made, by whom, in which order.
 */

const mayTrace = canTrace()
if (!mayTrace && process.env['CI'] === 'true') throw new Error('strace has to work here: apt-get install strace')
if (!mayTrace) console.warn('skipped: what is on disk before an answer, for which strace has to be installed')

const APPENDS = 20
const dir = mkdtempSync(join(tmpdir(), 'powernode-wal-'))
let a: TestPlatform
let client: Client

beforeAll(async () => {
  if (!mayTrace) return
  a = await TestPlatform.start('a', { processes: true, throughToDisk: true })
  client = openClient(a)
  await client.append()
})

afterAll(async () => {
  client?.close()
  await a?.stop()
  rmSync(dir, { recursive: true })
})

test.skipIf(!mayTrace)('between reading an append and answering it, a flush of the WAL', async () => {
  const calls = await traced(async () => {
    for (let i = 0; i < APPENDS; i++) await client.append()
  })
  const appends = appendsIn(calls, client.port())
  expect(appends).toHaveLength(APPENDS)
  for (const { commits, flushes } of appends) {
    expect(commits, 'the transaction was committed in between').toBeGreaterThan(0)
    expect(flushes, 'and its WAL was flushed before that was answered').toBeGreaterThan(0)
  }
})

test.skipIf(!mayTrace)('the twin: a database that answers before it has flushed is found out', async () => {
  const admin = new pg.Client({ connectionString: a.platform.postgresUrl.replace(/\/postgres$/, '/powernode') })
  await admin.connect()
  await admin.query('alter system set fsync = off')
  await admin.query('select pg_reload_conf()')
  await expect.poll(async () => (await admin.query<{ fsync: string }>('show fsync')).rows[0]?.fsync).toBe('off')
  const calls = await traced(async () => {
    for (let i = 0; i < APPENDS; i++) await client.append()
  })
  await admin.query('alter system reset fsync')
  await admin.query('select pg_reload_conf()')
  await admin.end()
  const appends = appendsIn(calls, client.port())
  expect(appends.filter(({ flushes }) => flushes === 0).length).toBeGreaterThan(APPENDS / 2)
})

type Client = {
  /** Appends one entry, over the one connection there is; resolves with the HTTP status. */
  readonly append: () => Promise<number>
  /** Our end of that connection. */
  readonly port: () => number
  readonly close: () => void
}

/** Speaks to audit-ledger as the gateway does, in the one protocol of its server that is one request after the other. */
function openClient({ platform }: TestPlatform): Client {
  const { cert, key, ca } = readTlsFiles(identityDir(platform, 'federation-gateway'))
  const agent = new Agent({ keepAlive: true, maxSockets: 1, cert, key, ca, checkServerIdentity: () => undefined })
  let port = 0
  return {
    async append() {
      const at = new Date().toISOString()
      const entry = { id: randomUUID(), log: 'platform', action: 'federation.test', at, actor: 'platform' }
      const req = request({
        host: '127.0.0.1',
        port: platform.ports['audit-ledger'],
        path: '/powernode.audit.v1.AuditLedgerService/Append',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        agent,
      })
      req.on('response', () => (port = req.socket?.localPort ?? port))
      req.end(JSON.stringify({ entries: [entry] }))
      const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage]
      const said = await text(res)
      if (res.statusCode !== 200) throw new Error(said)
      return res.statusCode
    },
    port: () => port,
    close: () => agent.destroy(),
  }
}

/** One system call: who, at what moment it began and ended, and as strace writes it. */
type Call = { readonly pid: number; readonly text: string; readonly begunAt: number; readonly endedAt: number }

/** The calls that audit-ledger and all of Postgres make while `work` runs. */
async function traced(work: () => Promise<void>): Promise<readonly Call[]> {
  const file = join(dir, `trace-${randomUUID()}`)
  const { postgres, 'audit-ledger': ledger } = a.platform.parts
  const traced = [...processesOf(postgres.pid() ?? 0), ledger.pid() ?? 0]
  const which = 'read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fdatasync,fsync'
  const args = ['-f', '-yy', '-ttt', '-T', '-s', '64', '-e', `trace=${which}`, '-e', 'signal=none', '-o', file]
  const strace = spawn('strace', [...args, ...traced.flatMap((pid) => ['-p', String(pid)])], { stdio: ['ignore', 'ignore', 'pipe'] }) // prettier-ignore
  const exited = once(strace, 'exit')
  let attached = 0
  const ready = Promise.withResolvers<void>()
  createInterface({ input: strace.stderr }).on('line', (line) => {
    if (/attached/.test(line) && ++attached === traced.length) ready.resolve()
  })
  await Promise.race([ready.promise, exited.then(() => Promise.reject(new Error('strace has ended')))])
  await work()
  strace.kill('SIGINT')
  await exited
  return parse(readFileSync(file, 'utf8'))
}

/** A line, or the two that strace makes of a call during which another was told of. */
function parse(trace: string): readonly Call[] {
  const unfinished = new Map<number, { readonly text: string; readonly begunAt: number }>()
  const calls: Call[] = []
  for (const line of trace.split('\n')) {
    const [, id, moment, rest = ''] = /^(\d+)\s+(\d+\.\d+) (.*)$/.exec(line) ?? []
    const [pid, at] = [Number(id), Number(moment)]
    const took = Number(/<(\d+\.\d+)>$/.exec(rest)?.[1] ?? 0)
    const [, resumed] = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(pid, { text: rest.replace('<unfinished ...>', ''), begunAt: at })
    } else if (resumed !== undefined) {
      const begun = unfinished.get(pid)
      if (begun) calls.push({ pid, text: begun.text + resumed, begunAt: begun.begunAt, endedAt: begun.begunAt + took })
    } else if (id !== undefined) calls.push({ pid, text: rest, begunAt: at, endedAt: at + took })
  }
  return calls
}

type Append = { readonly commits: number; readonly flushes: number }

/** Of each append: what Postgres did between the last byte read of it and the first byte of its answer. */
function appendsIn(calls: readonly Call[], port: number): readonly Append[] {
  const onWire = calls.filter(({ text }) => text.includes(`127.0.0.1:${port}]>`) && !text.includes('-1 EAGAIN'))
  const isRead = ({ text }: Call) => /^(read|recv)/.test(text) && !/ = 0\b/.test(text)
  const ours = onWire.filter((call) => call.pid === onWire[0]?.pid).toSorted((x, y) => x.begunAt - y.begunAt)
  const appends: Append[] = []
  for (const [i, call] of ours.entries()) {
    const next = ours[i + 1]
    if (!isRead(call) || !next || isRead(next)) continue
    const between = calls.filter(({ begunAt, endedAt }) => begunAt >= call.endedAt && endedAt <= next.begunAt)
    const commits = between.filter(({ text }) => /^recv.*(commit|write_at_ends)/i.test(text)).length
    const flushes = between.filter(({ text }) => /^f(data)?sync\(.*pg_wal/.test(text)).length
    appends.push({ commits, flushes })
  }
  return appends
}

/** A process and all below it. */
function processesOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(processesOf)]
}

function canTrace(): boolean {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@powernode/clock'
import { filesIn, verifyDirectory } from '@powernode/ledger'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Head } from '../log-files.ts'
import * as sealed from '../store/sealed.ts'
import type { Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import { durableFolder, FolderFailed } from './durable.ts'
import { createLogWriter } from './log-writer.ts'
import { grow, KEYS, ORIGIN, PEER } from './testing/grow.ts'

const SEAL_FOREVER = fileURLToPath(new URL('./testing/seal-forever.ts', import.meta.url))
const COMPILED = fileURLToPath(new URL('../../../../.cache/compile', import.meta.url))
const signal = new AbortController().signal
let database: TestDatabase<Tables>
let dir: string
const children: ChildProcess[] = []

beforeEach(async () => {
  database = await testLedger()
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-faults-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await database.drop()
  rmSync(dir, { recursive: true })
})

type Sealer = {
  readonly child: ChildProcess
  /** The last size that it said to be sealed; 0 when it has not come so far. */
  readonly acknowledged: () => number
  readonly failures: () => readonly string[]
  /** Resolves when something was said for which this holds. */
  readonly until: (met: () => boolean) => Promise<void>
  readonly kill: () => Promise<void>
}

function startSealer(): Sealer {
  const compiled = process.env['NODE_COMPILE_CACHE'] ?? COMPILED
  const env = { PATH: process.env['PATH'] ?? '', UV_USE_IO_URING: '0', NODE_COMPILE_CACHE: compiled }
  const child = spawn(process.execPath, [SEAL_FOREVER, database.url, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  })
  children.push(child)
  const exited = once(child, 'exit')
  const failures: string[] = []
  let acknowledged = 0
  let said = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, size] = /^sealed (\d+)$/.exec(line) ?? []
    if (size === undefined) failures.push(line)
    else acknowledged = Number(size)
    said.resolve()
    said = Promise.withResolvers()
  })
  return {
    child,
    acknowledged: () => acknowledged,
    failures: () => failures,
    async until(met) {
      while (!met()) await Promise.race([said.promise, exited.then(() => Promise.reject(new Error('it has ended')))])
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** What is acknowledged is there, whole, and so is everything else under the checkpoint. */
async function expectWhole(acknowledged: number): Promise<void> {
  if (acknowledged === 0 && !existsSync(join(dir, ORIGIN, 'checkpoint'))) return
  const report = await verifyDirectory(filesIn(join(dir, ORIGIN)), [KEYS.verifierOf(ORIGIN)])
  expect(report).toMatchObject({ intact: true, damages: [] })
  expect(report.checkpoint?.size).toBeGreaterThanOrEqual(acknowledged)
}

test('kill -9 at any moment tears nothing and loses nothing that was sealed, and the next start goes on', async () => {
  for (let round = 0; round < 12; round++) {
    const sealer = startSealer()
    const before = randomInt(4)
    let seen = 0
    await sealer.until(() => sealer.acknowledged() > 0 && seen++ >= before)
    await systemClock.sleep(randomInt(25), signal)
    await sealer.kill()
    await expectWhole(sealer.acknowledged())
  }
})

const HAS_STRACE = mayTrace()
if (!HAS_STRACE && process.env['CI'] === 'true') throw new Error('strace has to work here: apt-get install strace')
if (!HAS_STRACE) process.stderr.write('skipped: a disk that fails, for which strace has to be installed\n')

test.skipIf(!HAS_STRACE).for([
  ['a write that fails', 'pwrite64', 'EIO'],
  ['a disk that is full in the middle of a file', 'pwrite64', 'ENOSPC'],
  ['a flush that fails, of files and folders alike', 'fsync', 'EIO'],
  ['a link that fails', 'link', 'EIO'],
  ['a rename that fails', 'rename', 'EIO'],
  ['a file that cannot be opened', 'openat', 'EMFILE'],
])('%s is tried again, tears nothing, and what was missed is caught up', async ([, call, error]) => {
  const sealer = startSealer()
  await sealer.until(() => sealer.acknowledged() > 0)
  const { exited } = await inject(sealer.child, `${call}:error=${error}:when=2+3`)
  await sealer.until(() => sealer.failures().length >= 4)
  expect(sealer.failures().join()).toContain(error)
  await sealer.kill()
  await exited
  await expectWhole(sealer.acknowledged())

  const next = startSealer()
  const size = sealer.acknowledged()
  await next.until(() => next.acknowledged() > size)
  await next.kill()
  expect(next.failures()).toEqual([])
  await expectWhole(next.acknowledged())
})

test.skipIf(!HAS_STRACE)('kill -9 within the very calls that make, flush, place and replace files', async () => {
  for (const call of ['openat', 'pwrite64', 'fsync', 'link', 'unlink', 'rename']) {
    for (const when of [1, 2]) {
      const sealer = startSealer()
      await sealer.until(() => sealer.acknowledged() > 0)
      const { exited } = await inject(sealer.child, `${call}:signal=KILL:when=${when}`)
      await exited
      expect(sealer.child.signalCode ?? (await once(sealer.child, 'exit'))[1], call).toBe('SIGKILL')
      await expectWhole(sealer.acknowledged())
    }
  }
})

test.skipIf(!HAS_STRACE)(
  'a file is flushed before it has its name, and all of them, with their folders, before the checkpoint',
  async () => {
    const sealer = startSealer()
    await sealer.until(() => sealer.acknowledged() > 0)
    const trace = join(dir, 'trace')
    const { exited } = await inject(sealer.child, 'fsync,link,rename', ['-y', '-s', '512', '-o', trace])
    const from = sealer.acknowledged()
    let seals = 0
    await sealer.until(() => sealer.acknowledged() > from && seals++ >= 4)
    await sealer.kill()
    await exited
    const { placed, checkpoints } = flushedInOrder(readFileSync(trace, 'utf8'))
    expect(placed).toBeGreaterThan(4)
    expect(checkpoints).toBeGreaterThan(2)
  },
)

/** Throws where something has a name that was not flushed, or a checkpoint speaks of what is not durable. */
function flushedInOrder(trace: string): { readonly placed: number; readonly checkpoints: number } {
  const flushed = new Set<string>()
  const namesAtRisk = new Set<string>()
  let [placed, checkpoints] = [0, 0]
  for (const line of trace.split('\n').filter((one) => one.endsWith(' = 0'))) {
    const [, synced] = /fsync\(\d+<([^>]+)>\)/.exec(line) ?? []
    const [, from = '', to = ''] = /(?:link|rename)\("([^"]+)", "([^"]+)"\)/.exec(line) ?? []
    if (synced !== undefined) {
      flushed.add(synced)
      namesAtRisk.delete(synced)
    } else if (to !== '') {
      if (!flushed.has(from)) throw new Error(`${to} has its name before its content is on disk`)
      if (to.endsWith('/checkpoint')) {
        if (namesAtRisk.size > 0) throw new Error(`a checkpoint before ${[...namesAtRisk].join()} is on disk`)
        checkpoints++
      } else placed++
      namesAtRisk.add(dirname(to))
    }
  }
  return { placed, checkpoints }
}

/**
 * Has strace follow a process: the threads where libuv does its file work, and those alone, so that its sockets go on.
 * `fault` is what it injects into a call (strace(1), "Tampering"); without a colon the calls are only written down.
 */
async function inject(
  { pid }: ChildProcess,
  fault: string,
  output: readonly string[] = ['-o', '/dev/null'],
): Promise<{ readonly exited: Promise<unknown> }> {
  const threads = readdirSync(`/proc/${pid}/task`)
  const workers = threads.filter((id) =>
    readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').startsWith('libuv-worker'),
  )
  if (workers.length === 0) throw new Error('no thread of it does file work')
  const attach = workers.flatMap((id) => ['-p', id])
  const [calls = '', ...tampering] = fault.split(':')
  const what = ['-e', `trace=${calls}`, ...(tampering.length > 0 ? ['-e', `inject=${fault}`] : [])]
  const strace = spawn('strace', [...output, ...what, ...attach], { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(strace)
  const exited = once(strace, 'exit')
  let attached = 0
  for await (const line of createInterface({ input: strace.stderr })) {
    if (/attached/.test(line)) attached += 1
    else throw new Error(line)
    if (attached === workers.length) break
  }
  return { exited }
}

const IS_ROOT = process.getuid?.() === 0
const mounts = IS_ROOT && canMount()
if (!mounts) process.stderr.write('skipped: a disk that is really full, for which root has to be able to mount one\n')

test.skipIf(!mounts)(
  'a disk that is really full keeps what it has whole, and takes the rest once there is room',
  async () => {
    const disk = join(dir, 'disk')
    mount(disk, '400k')
    try {
      const folder = durableFolder(disk)
      const writer = createLogWriter({ db: database.db, clock: systemClock, folder })
      let acknowledged = 0
      const growUntilFull = async () => {
        for (;;) {
          await grow(database.db, 300)
          const head = await headOf()
          await writer.seal(head)
          acknowledged = head.size
        }
      }
      await expect(growUntilFull()).rejects.toThrow(FolderFailed)
      expect(acknowledged).toBeGreaterThan(0)
      const whole = () => verifyDirectory(filesIn(join(disk, ORIGIN)), [KEYS.verifierOf(ORIGIN)])
      expect(await whole()).toMatchObject({ intact: true, checkpoint: { size: acknowledged } })
      await expect(writer.seal(await headOf())).rejects.toThrow(FolderFailed)
      execFileSync('mount', ['-o', 'remount,size=20m', disk])
      await writer.seal(await headOf())
      expect(await whole()).toMatchObject({ intact: true, checkpoint: { size: (await headOf()).size } })
    } finally {
      execFileSync('umount', [disk])
    }
  },
)

async function headOf(): Promise<Head> {
  const head = await inTransaction(database.db, (tx) => sealed.headNamed(tx, { name: PEER }))
  if (!head) throw new Error('nothing is signed')
  return head
}

function mount(at: string, size: string): void {
  execFileSync('mkdir', ['-p', at])
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', at], { stdio: 'ignore' })
}

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'powernode-test-mount-'))
  try {
    mount(at, '64k')
    execFileSync('umount', [at])
    return true
  } catch {
    return false
  } finally {
    rmSync(at, { recursive: true })
  }
}

function mayTrace(): boolean {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

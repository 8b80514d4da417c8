import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAlive } from '@powernode/dev/owner'
import { removePostgres } from '@powernode/dev/postgres'
import { SERVICE_NAMES } from '@powernode/dev/services'
import { afterAll, describe, expect, test } from 'vitest'
import { describeForeign, findProgram } from '../foreign.ts'
import { aboutLog, ask, buildInterop } from '../interop/interop.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const DEMO = ['deploy/dev/run.mjs', 'deploy/dev/src/demo.ts']
const data = mkdtempSync(join(tmpdir(), 'powernode-demo-'))
/** Everything the demos of this file printed. */
let said = ''
/** The demo that stays up, and what it shows to whoever looks. */
let runner: ChildProcess | undefined
let shown = ''

afterAll(() => {
  runner?.kill('SIGKILL')
  for (const name of ['a', 'b']) removePostgres(join(data, name, 'postgres'))
  rmSync(data, { recursive: true, force: true })
})

type Verdict = {
  readonly ok: boolean
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly ms: number }[]
  readonly a: { readonly peer: { readonly id: string; readonly state: string } }
  readonly b: { readonly peer: { readonly id: string; readonly state: string } }
  readonly crossings: readonly Crossing[]
  readonly ledger: { readonly a: Ledger; readonly b: Ledger }
  readonly partition: Readonly<Record<'stale_after_ms' | 'named_ms' | 'degraded_ms' | 'active_again_ms', number>> & {
    readonly signal: string
    readonly action: string
    readonly doctor: { readonly symptom: string; readonly side: string }
  }
}

type Ledger = {
  readonly folder: string
  readonly origin: string
  readonly entries: number
  readonly root: string
  readonly cosigned_by: readonly string[]
  readonly reconciled: { readonly matched: number; readonly differences: number }
}

type Crossing = {
  readonly allowed: boolean
  readonly reason: string
  readonly axis: string
  readonly decision_id: string
  readonly remote_decision_id: string
  readonly explained?: { readonly here: string; readonly there: string }
}

const ID = expect.stringMatching(/^[0-9a-f-]{36}$/)
const both = { decision_id: ID, remote_decision_id: ID }

/** What B may and may not do at A, in order. */
const CROSSINGS = [
  { ...both, allowed: true },
  { ...both, allowed: false, reason: 'SCOPE_MISMATCH', axis: 'scope' },
  { ...both, allowed: false, reason: 'RESIDENCY_VIOLATION' },
  { ...both, allowed: true },
  { ...both, allowed: false, reason: 'GRANT_INVALID' },
]

/** Why the three were refused, as A says; B was not told all of it. */
const BECAUSE = [/does not give write/, /does not say where it is|would go to/, /had been revoked/]

function once(): Verdict {
  const args = [...DEMO, '--once', '--json', '--data', data]
  const { status, stdout, stderr } = spawnSync('node', args, { cwd: ROOT, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  said += stdout + stderr
  return verdictIn(stdout)
}

/** The same, as somebody types it who wants it to stay up. */
async function upUntilStopped(): Promise<Verdict> {
  const child = spawn('npm', ['run', '--silent', 'demo', '--', '--json', '--data', data], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  runner = child
  let stdout = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      shown += chunk
      if (shown.includes('Both stay up')) resolve()
    })
    child.once('exit', () => reject(new Error(shown)))
  })
  said += stdout + shown
  return verdictIn(stdout)
}

const verdictIn = (stdout: string): Verdict => JSON.parse(stdout.trim().split('\n').at(-1) ?? '')

describe('the demo', () => {
  let first: Verdict
  let second: Verdict

  test('takes two platforms from nothing to active, and says so as one object', () => {
    first = once()
    expect(first).toMatchObject({ ok: true, a: { peer: { state: 'active' } }, b: { peer: { state: 'active' } } })
    expect(first.steps.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'A proposes to peer with B',
        'A makes an invitation',
        'B looks at the invitation',
        'B accepts it',
        'A sees B active',
        'B sees A active',
        'A lets B read its modules',
        "B reads A's modules",
        'B may not change one',
        'A keeps its data in eu',
        'A ends the grant',
        'The very next call is refused',
        'A exports its ledger about B',
        "Files alone prove A's ledger",
        'B exports its ledger about A',
        "Files alone prove B's ledger",
        "A finds B's ledger to agree",
        "B finds A's ledger to agree",
        'B is cut off',
        'A names it',
        'A looks for B on all its roads, and degrades it',
        'The doctor says whose it is',
        'B comes back, and both are active again',
      ]),
    )
    expect(first.steps.filter(({ ok }) => !ok)).toEqual([])
  })

  test('B does what A lets it, and is refused what it does not: each call with a decision on both sides', () => {
    expect(first.crossings).toMatchObject(CROSSINGS)
    const why = first.crossings.flatMap(({ explained }) => explained ?? [])
    expect(why).toHaveLength(BECAUSE.length)
    for (const [at, pattern] of BECAUSE.entries()) expect(why[at]?.there).toMatch(pattern)
    expect(why.at(-1)?.here).not.toMatch(BECAUSE.at(-1) ?? /^/) // B cannot tell revoked from unknown
  })

  test('B is cut off: A names it, looks before it degrades, knows whose it is, and both are active when B is back', () => {
    const { stale_after_ms, named_ms, degraded_ms, active_again_ms, ...said } = first.partition
    expect(said).toEqual({
      signal: expect.stringMatching(/^(heartbeat_stale|one_way)$/),
      action: 'degraded',
      doctor: { symptom: expect.stringMatching(/^[a-z_]+$/), side: 'them' },
    })
    expect(stale_after_ms).toBe(6_000)
    // By then it was not silent for long enough: what it said last may be older than the cut by one beat and what it took.
    expect(named_ms).toBeGreaterThan(stale_after_ms - 4_000)
    expect(degraded_ms).toBeGreaterThanOrEqual(named_ms)
    expect(active_again_ms).toBeGreaterThan(0)
  })

  test('ends with two ledgers that files alone prove, each signed by both, and that tell the same of every call', () => {
    const { a, b } = first.ledger
    expect(a).toMatchObject({
      origin: expect.stringMatching(/^a\.powernode\.test\/peers\/[0-9a-f-]{36}$/),
      cosigned_by: ['b.powernode.test/witness'],
      root: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(b).toMatchObject({ cosigned_by: ['a.powernode.test/witness'] })
    for (const { entries, reconciled } of [a, b]) {
      expect(entries).toBeGreaterThan(CROSSINGS.length)
      expect(reconciled.matched).toBeGreaterThanOrEqual(CROSSINGS.length)
      expect(reconciled.differences).toBe(0)
    }
    expect(a.reconciled).toEqual(b.reconciled)
  })

  test('continues with its data when it is started again', async () => {
    second = await upUntilStopped()
    expect([second.ok, second.a.peer.id, second.b.peer.id]).toEqual([true, first.a.peer.id, first.b.peer.id])
    expect(second.steps.map(({ name }) => name)).not.toContain('B accepts it')
    expect(second.crossings).toMatchObject(CROSSINGS)
    const decided = (verdict: Verdict) => verdict.crossings.map(({ decision_id }) => decision_id)
    expect(new Set([...decided(first), ...decided(second)]).size).toBe(2 * CROSSINGS.length)
    expect(second.ledger.a.entries).toBeGreaterThan(first.ledger.a.entries)
    expect(second.ledger.a.reconciled.matched).toBeGreaterThanOrEqual(2 * CROSSINGS.length)
  })

  test('never shows the whole of a bearer', () => {
    expect(said).toContain('<<< fg-')
    expect(said).not.toMatch(/fg-[0-9a-f-]{36}\.[\w-]+/)
  })

  describeForeign(
    'of transparency logs in Go, over what the demo exported',
    { program: findProgram('go'), install: 'apt-get install golang' },
    (go) => {
      test('opens every checkpoint, finds every entry, and proves that the second run continues the first', async () => {
        const logs = [second.ledger.a, second.ledger.b]
        const questions = logs.map(({ folder, origin }) => {
          const read = (name: string) => readFileSync(join(folder, name), 'utf8')
          const [logKey = '', ...witnesses] = read('keys.vkeys').trim().split('\n')
          return aboutLog({ dir: folder, origin, logKey, witnesses, previous: [read('checkpoint.previous')] })
        })
        const answers = await ask(await buildInterop(go), questions)
        expect(answers.map(({ flaw }) => flaw)).toEqual(['', ''])
        expect(answers.map(({ entries }) => entries)).toEqual(logs.map(({ entries }) => entries))
      })
    },
  )

  test('keeps what is secret to its owner', () => {
    const listed = spawnSync('find', [data, '-type', 'f', '-perm', '/077', '-not', '-path', '*/postgres/data/*'])
    const readable = listed.stdout.toString().trim().split('\n')
    expect(readable.filter((path) => /secrets|key|password|\.conf|fedctl/.test(path))).toEqual([])
  })
})

describe('a demo that stays up, as the second does', () => {
  /** The lines that can be pasted, longer ones put together again. */
  const pasted = (tool: RegExp) =>
    [...shown.replaceAll('\\\n', '').matchAll(/^ {4}(.*)$/gm)]
      .map(([, line = '']) => line)
      .filter((line) => tool.test(line))

  function paste(line: string): string {
    const script = `${pasted(/^I=/).join('\n')}\n${line}`
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' })
    expect(status, `${line}\n${stderr}`).toBe(0)
    return stdout
  }

  test('prints fedctl lines that work as they are', () => {
    const lines = pasted(/^npx fedctl .*(status|peer list|peer show b|audit log b)$/)
    expect(lines.length).toBe(5) // the platform's status, and the ledger's
    expect(lines.map(paste).join('\n')).toMatch(/serving[\s\S]*active/)
  })

  test('prints a curl line that works as it is, and is refused without its certificate', () => {
    const [line = ''] = pasted(/^curl /)
    expect(JSON.parse(paste(line))).toMatchObject({ peers: [{ name: 'b', state: 'PEER_STATE_ACTIVE' }] })
    const bare = line.replace(/--cert \S+ --key \S+/, '')
    expect(spawnSync('bash', ['-c', `${pasted(/^I=/)[0]}\n${bare}`], { cwd: ROOT }).status).not.toBe(0)
  })

  test.skipIf(spawnSync('grpcurl', ['--version']).error)('prints grpcurl lines that work as they are', () => {
    const [list = '', peers = '', ...others] = pasted(/^grpcurl /)
    const health = others.at(-1) ?? ''
    expect(paste(list)).toContain('powernode.peer.v1.PeerRegistryService')
    expect(paste(peers)).toContain('PEER_STATE_ACTIVE')
    expect(paste(health)).toContain('SERVING')
  })

  test('lets no second demo near its data, and says what to do', () => {
    const { status, stdout } = spawnSync('node', [...DEMO, '--once', '--data', data], { cwd: ROOT, encoding: 'utf8' })
    expect(status).toBe(1)
    expect(stdout).toMatch(/Another demo \(process \d+\).*--data/)
  })

  test('frees everything when npm, its parent, is killed', async () => {
    const { pid }: { pid: number } = JSON.parse(readFileSync(join(data, 'owner.json'), 'utf8'))
    const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout
    const all = [pid, ...children.trim().split(/\s+/).map(Number)]
    expect(all.length).toBe(1 + 2 * (2 + SERVICE_NAMES.length)) // two platforms of Postgres, NATS and their services
    expect(all.every(isAlive)).toBe(true)
    runner?.kill('SIGKILL')
    await expect.poll(() => all.filter(isAlive)).toEqual([])
    expect(existsSync(join(data, 'owner.json'))).toBe(false)
  })
})

test('what makes no sense is answered with how it is used', () => {
  const { status, stderr } = spawnSync('node', [...DEMO, '--twice'], { cwd: ROOT, encoding: 'utf8' })
  expect(status).toBe(2)
  expect(stderr).toMatch(/--twice[\s\S]*npm run demo/)
})

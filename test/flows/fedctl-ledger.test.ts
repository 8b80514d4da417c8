import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { fedctl } from '@powernode/fedctl'
import { until } from '@powernode/events/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PATIENT, TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

type Entry = {
  readonly sequence: number
  readonly action: string
  readonly resource: string
  readonly direction: string
  readonly decision_id: string
  readonly content_id: string
  readonly leaf: string
  readonly payload: Readonly<Record<string, unknown>> | null
}
type Log = { readonly size: number; readonly entries: readonly Entry[] }
type Status = { readonly logs: readonly { cosigned_size: number; mirrored_size: number; size: number; lag: string }[] }
type Events = { readonly events: readonly { id: string; kind: string; severity: string }[]; readonly next_page: string }

const ID = expect.stringMatching(/^[0-9a-f-]{36}$/)
const dir = mkdtempSync(join(tmpdir(), 'fedctl-ledger-'))
const file = (name: string) => join(dir, name)

/** Somebody without any platform: the files, the keys, and nothing else. */
async function offline(...argv: string[]) {
  const said = { out: '', err: '' }
  const env = {
    cwd: dir,
    home: '/nowhere',
    context: undefined,
    colours: false,
    columns: undefined,
    canAsk: false,
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    readInput: () => '',
    ask: () => Promise.reject(new Error('nobody is there to ask')),
  }
  const connect = () => {
    throw new Error('a platform was asked')
  }
  const exit = await fedctl(['audit', 'verify', ...argv], {
    env,
    connect,
    clock: systemClock,
    signal: AbortSignal.timeout(240_000),
  })
  return { exit, ...said }
}

/** Everything that is written is cosigned and held by the other side, as the command says in words. */
async function untilHeld(platform: TestPlatform, peer: string): Promise<void> {
  await until(async () => {
    const { logs } = await typeJson<Status>(platform, `audit status ${peer}`)
    return logs[0]?.lag === 'the other side holds everything'
  })
}

/** Two platforms whose operators look into what was written down, by typing it. */
describe('the ledger, by hand', () => {
  let a: TestPlatform
  let b: TestPlatform
  let bearer: string
  /** The call that b was refused: b's decision, and a's about the same call. */
  let refused: Readonly<Record<string, string>>
  beforeAll(async () => {
    const options = { registry: PATIENT }
    ;[a, b] = await Promise.all([TestPlatform.start('a', options), TestPlatform.start('b', options)])
    await becomePeers(a, b)
    await typeJson(a, 'resource put NodeModule ntp --set name=ntp')
    bearer = (await typeJson<{ bearer: string }>(a, 'grant create b --kind NodeModule --scope read')).bearer
    await typeJson(b, 'resource list --peer a --kind NodeModule --grant -', { input: bearer })
    const write = 'resource update NodeModule ntp --peer a --set name=x --grant -'
    refused = (await typeRefused(b, write, { input: bearer })).metadata
    await Promise.all([untilHeld(a, 'b'), untilHeld(b, 'a')])
  })
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()])
    rmSync(dir, { recursive: true })
  })

  const log = (platform: TestPlatform, line: string) => typeJson<Log>(platform, `audit log ${line}`)

  test('a call stands in both logs, each from its own side', async () => {
    const [there] = (await log(a, 'b --action federation.call.refused')).entries.slice(-1)
    expect(there).toMatchObject({
      direction: 'in',
      resource: 'NodeModule/ntp',
      decision_id: refused['remote_decision_id'],
      payload: { reason: 'SCOPE_MISMATCH' },
    })
    const [here] = (await log(b, 'a --action federation.call.refused')).entries.slice(-1)
    expect(here).toMatchObject({ direction: 'out', decision_id: refused['decision_id'], content_id: ID })
  })

  test('the log is shown for people, and page after page without a gap', async () => {
    expect((await type(a, 'audit log b')).out).toMatch(
      /^SEQ +AT \(UTC\) +ACTION[^]*federation\.peer\.proposed +operator\/admin[^]*NodeModule\/ntp +they called, write/,
    )
    const { size, entries } = await log(a, 'b --limit 1000')
    expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: size }, (_, at) => at))
    const first = await log(a, 'b --from 0 --limit 4')
    expect(first.entries.map(({ leaf }) => leaf)).toEqual(entries.slice(0, 4).map(({ leaf }) => leaf))
  })

  test('why says where a decision stands, and an entry is found by its id', async () => {
    const id = refused['remote_decision_id']
    const { ledger } = await typeJson<{ ledger: { sequence: number } }>(a, `why ${id}`)
    expect((await type(a, `why ${id}`)).out).toContain(`entry b/${ledger.sequence}`)
    const byId = await typeJson<{ entry: Entry; payload_state: string }>(a, `audit get ${id}`)
    const byPlace = await typeJson<{ entry: Entry }>(a, `audit get b/${ledger.sequence}`)
    expect(byId.entry).toEqual(byPlace.entry)
    expect(byId.payload_state).toBe('as hashed')
    expect(await typeRefused(a, 'audit get b/100000')).toMatchObject({ reason: 'ENTRY_NOT_FOUND', exit: 2 })
  })

  test('an entry is proven in a file that needs nobody, and not with the keys of others', async () => {
    await typeJson(a, ['audit', 'prove', refused['remote_decision_id'] ?? '', '--out', file('call.tlog-proof')])
    writeFileSync(file('keys.vkeys'), (await type(a, 'audit keys --vkeys')).out)
    const proven = await offline('call.tlog-proof', '--key', 'keys.vkeys')
    expect([proven.exit, proven.out]).toEqual([0, expect.stringMatching(/^proven[^]*cosigned +b\.example\/witness/)])
    const [stranger = ''] = (await type(b, 'audit keys --vkeys')).out
      .split('\n')
      .filter((vkey) => vkey.startsWith('b.'))
    expect((await offline('call.tlog-proof', '--key', stranger)).exit).toBe(13)
  })

  test('b holds the receipt of a for a call that it made', async () => {
    const args = ['audit', 'receipt', 'a', refused['decision_id'] ?? '', '--out', file('receipt.tlog-proof')]
    const receipt = await typeJson<{ entry: Entry; signatures: string[] }>(b, args)
    expect(receipt.entry).toMatchObject({ decision_id: refused['remote_decision_id'], payload: null })
    writeFileSync(file('b.vkeys'), (await type(b, 'audit keys --vkeys')).out)
    expect((await offline('receipt.tlog-proof', '--key', 'b.vkeys')).exit).toBe(0)
    const none = '0198cccc-0000-7000-8000-00000000000c'
    expect(await typeRefused(b, `audit receipt a ${none}`)).toMatchObject({ exit: 5 })
  })

  test('what a wrote about b is read by b, entry for entry, and without the reasons', async () => {
    const { entries } = await typeJson<{ entries: Entry[] }>(b, 'audit excerpts a')
    const own = (await log(a, 'b --limit 1000')).entries.slice(0, entries.length) // it goes on meanwhile
    expect(entries.map(({ leaf }) => leaf)).toEqual(own.map(({ leaf }) => leaf))
    expect(entries.filter(({ action }) => action.startsWith('federation.call.')).map(({ payload }) => payload)).toEqual(
      [null, null],
    )
    expect(await typeRefused(b, 'audit excerpts a --since 1m --until 2m')).toMatchObject({ exit: 5 })
  })

  test('a log is exported, and the command that is shown finds it whole without any platform', async () => {
    const exported = await typeJson<{ entries: number; next: string }>(a, [
      ...'audit export b --payloads --to'.split(' '),
      file('b'),
    ])
    const policy = ['--policy', 'b/policy', '--key', 'b/keys.vkeys']
    const whole = await offline('b', ...policy)
    expect([whole.exit, whole.out]).toEqual([0, expect.stringMatching(/^whole[^]*cosigned by +b\.example\/witness/)])
    const mirror = await typeJson<{ entries: number }>(b, [
      ...'audit export a --mirror --to'.split(' '),
      file('mirror'),
    ])
    expect(mirror.entries).toBe(exported.entries)
    const held = JSON.parse((await offline('mirror', '--policy', 'mirror/policy', '-o', 'json')).out)
    const own = JSON.parse((await offline('b', ...policy, '-o', 'json')).out)
    expect(held).toMatchObject({ whole: true, logs: [{ origin: own.logs[0].origin, root: own.logs[0].root }] })
  })

  test('one byte of it that is changed is found', async () => {
    cpSync(file('b'), file('changed'), { recursive: true })
    const [size = ''] = readdirSync(file('changed/tile/entries/000.p'))
    const bundle = file(`changed/tile/entries/000.p/${size}`)
    const bytes = readFileSync(bundle)
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
    writeFileSync(bundle, bytes)
    expect((await offline('changed', '--policy', 'b/policy')).exit).toBe(11)
  })

  test('a payload that is erased is gone, with the reason beside it, and every proof still holds', async () => {
    const { entries } = await log(a, 'b --action federation.call.refused')
    const sequence = String(entries[0]?.sequence)
    expect((await typeJson<{ erased: number }>(a, `audit erase b ${sequence} --reason asked --dry-run`)).erased).toBe(1)
    expect((await typeJson<{ entry: Entry }>(a, `audit get b/${sequence}`)).entry.payload).not.toBeNull()
    await typeJson(a, `audit erase b ${sequence} --reason asked`)
    const { out, exit } = await type(a, `audit get b/${sequence}`)
    expect([exit, out]).toEqual([0, expect.stringMatching(/payload +erased[^]*by operator\/admin: asked \(entry \d+/)])
    expect((await offline('call.tlog-proof', '--key', 'keys.vkeys')).exit).toBe(0)
    expect((await typeJson<{ erased: number }>(a, `audit erase b ${sequence} --reason asked`)).erased).toBe(0)
    expect((await type(a, 'audit verify --log b')).out).toMatch(/^whole/)
  })

  test('what is not cosigned yet is not dropped', async () => {
    expect(await typeRefused(a, 'audit prune b --below 100000 --reason old')).toMatchObject({
      reason: 'PRUNE_NOT_COSIGNED',
      exit: 4,
    })
    expect(await typeJson(a, 'audit prune b --below 1 --reason old --dry-run')).toMatchObject({ entries: 0 })
  })

  test('both sides tell the same of every call', async () => {
    type Reconciled = { summary: Record<string, number>; differences: unknown[] }
    await Promise.all([untilHeld(a, 'b'), untilHeld(b, 'a')])
    for (const [platform, peer] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      const { exit, json } = await type<Reconciled>(platform, `audit reconcile ${peer} -o json`)
      expect([exit, json().differences]).toEqual([0, []])
      expect(json().summary['matched'], 'calls carry one content id on both sides').toBeGreaterThanOrEqual(2)
    }
  })

  test('events are listed page after page, by severity and time', async () => {
    const newest = await typeJson<Events>(a, 'events list --limit 3')
    const before = await typeJson<Events>(a, ['events', 'list', '--limit', '3', '--page', newest.next_page])
    const all = (await typeJson<Events>(a, 'events list --limit 1000')).events
    const ids = (some: Events['events']) => some.map(({ id }) => id)
    expect(ids(all).join(' ')).toContain([...ids(before.events), ...ids(newest.events)].join(' '))
    const medium = await typeJson<Events>(a, 'events list --severity medium')
    expect(new Set(medium.events.map(({ severity }) => severity))).toEqual(new Set(['medium']))
    expect((await typeJson<Events>(a, 'events list --until 1h')).events).toEqual([])
    expect(await typeRefused(a, 'events list --page nonsense')).toMatchObject({ reason: 'PAGE_TOKEN_INVALID', exit: 2 })
  })

  test('no alarm was raised by any of it, and whoever settles one that is not there is told so', async () => {
    expect(await typeJson(a, 'audit alarms --all')).toEqual({ alarms: [] })
    expect(await typeRefused(a, 'audit alarms --settle 0198cccc-0000-7000-8000-00000000000c --note x')).toMatchObject({
      exit: 2,
    })
  })

  test('who rewrites the database past every rule is found by the service, and by the files of before', async () => {
    const client = new pg.Client(a.platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
    await client.connect()
    try {
      await client.query(`set session_replication_role = replica`)
      await client.query(
        `update audit_ledger.entry set action = 'federation.call.allowed' where action = 'federation.call.refused'`,
      )
    } finally {
      await client.end()
    }
    const found = await type(a, 'audit verify --log b -o json')
    expect([found.exit, found.json()]).toEqual([11, expect.objectContaining({ damage: 'altered_entry' })])
    expect((await offline('b', '--policy', 'b/policy')).exit).toBe(0)
  })
})

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { commitPayload, encodeEntry } from '@powernode/ledger'
import { LogMaker, makeKeys, makeLog, verifiersFor } from '@powernode/ledger/testing'
import {
  EntrySchema,
  ErasureSchema,
  LogStatusSchema,
  type Entry,
} from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { Refusal, toConnectError } from '@powernode/rpc'
import { formatProof, inclusionProof } from '@powernode/tlog'
import { afterEach, describe, expect, test } from 'vitest'
import { DAMAGE_EXIT, EXIT } from '../exit-codes.ts'
import { lagWords } from '../render/log-status.ts'
import { PEER, platformWith } from '../testing/ledger.ts'

const T0 = Date.UTC(2026, 10, 21, 12)
const SALT = Buffer.alloc(16, 7)

/** Every third one is a call of theirs; the others are events. */
function entry(sequence: number, more: Partial<Pick<Entry, 'payload' | 'salt' | 'erased'>> = {}): Entry {
  const isCall = sequence % 3 === 0
  const payload = Buffer.from(`{"actor":"operator/ada","reason":"because ${sequence}"}`)
  const fields = {
    sequence,
    action: isCall ? 'federation.call.allowed' : 'federation.peer.active',
    at: new Date(T0 + sequence * 60_000),
    actor: isCall ? `peer/${PEER}` : 'operator',
    ...(isCall && { direction: 'in', resource: `NodeModule/${sequence}` }),
    payloadSha256: commitPayload(SALT, payload),
  }
  const { at, direction, resource } = { direction: '', resource: '', ...fields }
  return create(EntrySchema, {
    ...fields,
    at: timestampFromDate(at),
    direction,
    resource,
    sequence: BigInt(sequence),
    leaf: encodeEntry(fields),
    salt: SALT,
    payload,
    id: `0198eeee-0000-7000-8000-${String(sequence).padStart(12, '0')}`,
    ...more,
  })
}

/** A log of so many entries, paged as the service pages: 0 says that there is no next page. */
function logOf(size: number, most = 1_000) {
  const all = Array.from({ length: size }, (_, at) => entry(at))
  return {
    listEntries: ({ start, limit, actionPrefix, newestFirst }: ListEntries) => {
      const from = newestFirst && start === 0n ? size - 1 : Number(start)
      const fitting = (newestFirst ? all.slice(0, from + 1).toReversed() : all.slice(from)).filter(({ action }) =>
        action.startsWith(actionPrefix),
      )
      const entries = fitting.slice(0, Math.min(limit, most))
      const next = fitting[entries.length]?.sequence ?? 0n
      return { entries, size: BigInt(size), nextStart: next }
    },
  }
}

type ListEntries = { start: bigint; limit: number; actionPrefix: string; newestFirst: boolean }

let platform: ReturnType<typeof platformWith>
afterEach(() => platform.remove())
const start = (...given: Parameters<typeof platformWith>) => (platform = platformWith(...given))

describe('audit log', () => {
  const sequences = async (line: string) => {
    const { out } = await platform.type(`${line} -o json`)
    return (JSON.parse(out) as { entries: { sequence: number }[] }).entries.map(({ sequence }) => sequence)
  }

  test('shows the last entries, the newest last, and how to see those before', async () => {
    start({ ledger: logOf(60) })
    const { out, exit } = await platform.type('audit log b --limit 3')
    expect(out).toMatch(
      /^SEQ +AT[^]*\n57 [^]*\n58 [^]*\n59 [^]*60 entries in all; earlier: .*audit log b --from 54 --limit 3\n$/,
    )
    expect(out).toMatch(/57 .*federation\.call\.allowed +peer\/b|57 .*operator\/ada +NodeModule\/57/)
    expect(exit).toBe(0)
    expect(await sequences('audit log b --limit 3 --newest')).toEqual([59, 58, 57])
    expect(await sequences('audit log b --from 7 --limit 2')).toEqual([7, 8])
  })

  test('reaches the very first entry over any number of pages', async () => {
    start({ ledger: logOf(11, 5) })
    expect(await sequences('audit log b --limit 100')).toEqual(Array.from({ length: 11 }, (_, at) => at))
  })

  test('leaves out what was not asked for', async () => {
    start({ ledger: logOf(12, 4) })
    expect(await sequences('audit log b --action federation.call.')).toEqual([0, 3, 6, 9])
    expect(await sequences('audit log b --direction in --resource NodeModule/6')).toEqual([6])
    const between = '--since 2026-11-21T12:04:00Z --until 2026-11-21T12:07:00Z'
    expect(await sequences(`audit log b ${between}`)).toEqual([4, 5, 6])
    expect(await sequences(`audit log b ${between} --from 0`)).toEqual([4, 5, 6])
  })

  test('followed, shows each new entry as it comes, one object a line', async () => {
    let size = 2
    const stop = new AbortController()
    start({
      ledger: {
        listEntries: (asked) => {
          size += 1
          if (size > 6) stop.abort()
          return logOf(size).listEntries(asked)
        },
      },
    })
    const typed = platform.type('audit log b --follow -o json', {}, stop.signal)
    while (!stop.signal.aborted) await platform.clock.advance(500)
    const lines = (await typed).out.trim().split('\n')
    const seen = lines.map((line) => (JSON.parse(line) as { sequence: number }).sequence)
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, at) => at))
    expect(seen.length).toBeGreaterThan(3)
  })
})

describe('audit get', () => {
  test('shows one entry by its place or its id, and that its payload is the one that was hashed', async () => {
    const asked: unknown[] = []
    start({
      ledger: {
        getEntry: ({ log, sequence, id }) => {
          asked.push([log, sequence, id])
          return { log: PEER, entry: entry(9) }
        },
      },
    })
    const { out, exit } = await platform.type('audit get b/9')
    expect(out).toMatch(
      /^log +b\n[^]*payload +as hashed into the tree\n\n\{\n {2}"reason": "because 9"\n\}\n\nnext {2}fedctl/,
    )
    expect(exit).toBe(0)
    await platform.type(`audit get ${entry(9).id}`)
    await platform.type('audit get 9 --peer b')
    expect(asked).toEqual([
      [PEER, 9n, ''],
      ['', 0n, entry(9).id],
      [PEER, 9n, ''],
    ])
    for (const word of ['9', 'b/nine', 'b'])
      expect(await platform.type(`audit get ${word}`)).toMatchObject({
        exit: EXIT.usage,
        err: expect.stringContaining('b/17'),
      })
  })

  test('says so when the payload is another, or gone on purpose', async () => {
    const answers = [
      entry(9, { payload: Buffer.from('{}') }),
      entry(9, {
        payload: new Uint8Array(),
        salt: new Uint8Array(),
        erased: create(ErasureSchema, { reason: 'asked' }),
      }),
    ]
    start({ ledger: { getEntry: () => ({ log: PEER, entry: answers.shift() ?? entry(9) }) } })
    const altered = await platform.type('audit get b/9')
    expect([altered.exit, altered.out]).toEqual([DAMAGE_EXIT.altered_payload, expect.stringContaining('NOT the one')])
    const erased = await platform.type('audit get b/9 -o json')
    expect(JSON.parse(erased.out)).toMatchObject({ payload_state: 'erased', entry: { payload: null } })
    expect(erased.exit).toBe(0)
  })

  test('what is not there is usage, what is gone by retention too', async () => {
    start({
      ledger: {
        getEntry: () => {
          throw toConnectError(new Refusal('ENTRY_PRUNED', 'gone'))
        },
      },
    })
    expect(await platform.type('audit get b/1')).toMatchObject({ exit: EXIT.usage })
  })
})

describe('audit export', () => {
  const keys = makeKeys(`a.test/peers/${PEER}`)
  const [log, witness] = verifiersFor(keys).map(({ vkey }) => vkey) as [string, string]
  const ledgerKeys = () => ({
    logs: [{ log: PEER, origin: keys.origin, vkey: log }],
    peerWitnesses: [{ log: PEER, origin: '', vkey: witness }],
    witnessVkey: '',
  })
  const sent: number[] = []
  const serving = (files: () => ReadonlyMap<string, Uint8Array>, upTo = Infinity) => ({
    getLedgerKeys: ledgerKeys,
    async *exportLog({ start: from }: { start: bigint }) {
      sent.push(Number(from))
      let count = 0
      for (const [path, content] of files()) {
        if (count++ >= upTo) throw toConnectError(new Refusal('SERVICE_UNAVAILABLE', 'gone away'))
        yield { path, content: Uint8Array.from(content), done: 0n, size: 600n }
      }
    },
  })

  test('writes a folder that the command it shows finds whole', async () => {
    start({ ledger: serving(() => makeLog(keys, 300)) })
    const { out, exit } = await platform.type('audit export b --to out/b')
    expect(exit).toBe(0)
    const [, next = ''] = /next {2}fedctl (.*)\n$/.exec(out) ?? []
    expect(next).toBe('audit verify out/b --key out/b/keys.vkeys --policy out/b/policy')
    expect(await platform.type(next)).toMatchObject({ exit: 0, out: expect.stringMatching(/^whole {2}300/) })
  })

  test('goes on where it was cut off, and later from the export before', async () => {
    sent.length = 0
    let ledger = serving(() => makeLog(keys, 600, { payloads: false }), 4)
    start({ ledger: { getLedgerKeys: ledgerKeys, exportLog: (asked) => ledger.exportLog(asked) } })
    expect(await platform.type('audit export b --to out')).toMatchObject({ exit: EXIT.fault })
    expect(existsSync(join(platform.dir, 'out/checkpoint'))).toBe(false)
    ledger = serving(() => makeLog(keys, 600, { payloads: false }))
    await platform.type('audit export b --to out')
    ledger = serving(() => makeLog(keys, 700, { payloads: false }))
    const { out } = await platform.type('audit export b --to out')
    expect(out).toMatch(/--previous out\/checkpoint\.previous\n$/)
    expect(sent[0]).toBe(0)
    expect(sent.slice(1)).toEqual([512, 512])
    const verify = 'audit verify out --policy out/policy --previous out/checkpoint.previous'
    expect(await platform.type(verify)).toMatchObject({ exit: 0, out: expect.stringMatching(/^whole {2}700/) })
    expect(existsSync(join(platform.dir, 'out/tile/entries/002.p/88'))).toBe(false)
  })

  test('refuses a log that is shorter than it was, or another one than it was, and leaves the folder as evidence', async () => {
    let files: ReadonlyMap<string, Uint8Array> = makeLog(keys, 600, { payloads: false })
    start({ ledger: serving(() => files) })
    await platform.type('audit export b --to out')
    const before = readFileSync(join(platform.dir, 'out/checkpoint'), 'utf8')
    files = makeLog(keys, 550, { payloads: false })
    const shorter = await platform.type('audit export b --to out -o json')
    expect(JSON.parse(shorter.out)).toMatchObject({
      error: { reason: 'LOG_ROLLED_BACK', exit_code: DAMAGE_EXIT.rollback },
    })
    const other = new Map<string, Uint8Array>()
    const maker = new LogMaker(keys, (path, bytes) => other.set(path, bytes), { payloads: false })
    maker.add(encodeEntry({ sequence: 0, action: 'x', actor: 'platform', at: new Date(T0) }))
    maker.append(599).seal()
    files = other
    expect(await platform.type('audit export b --to out')).toMatchObject({ exit: DAMAGE_EXIT.fork })
    expect(readFileSync(join(platform.dir, 'out/checkpoint'), 'utf8')).toBe(before)
  })

  test('leaves the folder of another log alone', async () => {
    const others = makeKeys('a.test/platform')
    start({ ledger: serving(() => makeLog(keys, 300)) })
    for (const [path, bytes] of makeLog(others, 300)) {
      mkdirSync(dirname(join(platform.dir, 'out', path)), { recursive: true })
      writeFileSync(join(platform.dir, 'out', path), bytes)
    }
    expect(await platform.type('audit export b --to out')).toMatchObject({ exit: EXIT.usage })
    const [other = ''] = verifiersFor(others).map(({ vkey }) => vkey)
    const verify = ['audit', 'verify', 'out', '--key', other]
    expect(await platform.type(verify)).toMatchObject({ exit: 0 })
  })

  test('lets nothing be written outside of its folder', async () => {
    start({ ledger: serving(() => new Map([['../../evil', new Uint8Array([1])]])) })
    expect(await platform.type('audit export b --to out/b')).toMatchObject({ exit: EXIT.fault })
    expect(existsSync(join(platform.dir, 'evil'))).toBe(false)
  })

  test('a proof is a file that the command it shows believes', async () => {
    const files = makeLog(keys, 5)
    const checkpoint = Buffer.from(files.get('checkpoint') ?? []).toString()
    const tile = files.get('tile/0/000.p/5') ?? new Uint8Array()
    const bare = formatProof({ index: 2, proof: await inclusionProof(async () => [tile], 2, 5), checkpoint })
    const bundle = Buffer.from(files.get('tile/entries/000.p/5') ?? [])
    const leaf = leafAt(bundle, 2)
    start({ ledger: { getLedgerKeys: ledgerKeys, proveEntry: () => ({ proof: bare, leaf }) } })
    const { out } = await platform.type('audit prove b/2 --out b-2.tlog-proof')
    expect(out).toMatch(/^proven {2}entry 2 of a\.test\/peers\//)
    writeFileSync(join(platform.dir, 'keys.vkeys'), (await platform.type('audit keys --vkeys')).out)
    const checked = await platform.type('audit verify b-2.tlog-proof --key keys.vkeys')
    expect(checked).toMatchObject({ exit: 0, out: expect.stringMatching(/^proven/) })
  })

  test('a receipt that proves nothing is not kept', async () => {
    const files = makeLog(keys, 5)
    const checkpoint = Buffer.from(files.get('checkpoint') ?? []).toString()
    const forged = formatProof({ index: 2, proof: [new Uint8Array(32)], checkpoint })
    const leaf = leafAt(Buffer.from(files.get('tile/entries/000.p/5') ?? []), 2)
    const getLedgerKeys = () => ({ peerLogs: [{ log: PEER, origin: keys.origin, vkey: log }], witnessVkey: witness })
    start({ ledger: { getLedgerKeys }, border: { getReceipt: () => ({ proof: forged, leaf }) } })
    mkdirSync(dirname(join(platform.dir, 'x')), { recursive: true })
    const id = '0198cccc-0000-7000-8000-00000000000c'
    const { exit, err } = await platform.type(`audit receipt b ${id} --out r.tlog-proof`)
    expect([exit, err]).toEqual([DAMAGE_EXIT.not_proven, expect.stringContaining('RECEIPT_INVALID')])
    expect(existsSync(join(platform.dir, 'r.tlog-proof'))).toBe(false)
  })

  test('a receipt of another call is none, one of this call is kept', async () => {
    const files = makeLog(keys, 5)
    const checkpoint = Buffer.from(files.get('checkpoint') ?? []).toString()
    const tile = files.get('tile/0/000.p/5') ?? new Uint8Array()
    const proof = formatProof({ index: 2, proof: await inclusionProof(async () => [tile], 2, 5), checkpoint })
    const leaf = leafAt(Buffer.from(files.get('tile/entries/000.p/5') ?? []), 2)
    const getLedgerKeys = () => ({ peerLogs: [{ log: PEER, origin: keys.origin, vkey: log }], witnessVkey: witness })
    start({ ledger: { getLedgerKeys }, border: { getReceipt: () => ({ proof, leaf }) } })
    const other = await platform.type('audit receipt b 0198cccc-0000-7000-8000-00000000000c --out r.tlog-proof')
    expect(other).toMatchObject({ exit: DAMAGE_EXIT.not_proven, err: expect.stringContaining('another entry') })
    const { decision_id: id } = JSON.parse(Buffer.from(leaf).toString()) as { decision_id: string }
    const kept = await platform.type(`audit receipt b ${id} --out r.tlog-proof`)
    expect(kept).toMatchObject({ exit: 0, out: expect.stringMatching(/^proven {2}entry 2/) })
    expect(existsSync(join(platform.dir, 'r.tlog-proof'))).toBe(true)
  })
})

function leafAt(bundle: Buffer, index: number): Uint8Array {
  let at = 0
  for (let skip = 0; skip < index; skip++) at += 2 + bundle.readUInt16BE(at)
  return Uint8Array.from(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)))
}

describe('audit erase', () => {
  test('shows what would go before it asks, and erases nothing when the answer is no', async () => {
    const asked: boolean[] = []
    start({
      ledger: {
        eraseEntries: ({ dryRun, sequences }) => {
          asked.push(dryRun)
          return { entries: sequences.map((sequence) => entry(Number(sequence))) }
        },
      },
    })
    const line = 'audit erase b 4-5 7 --reason asked'
    const questions: string[] = []
    const answering = (answer: string) => ({
      canAsk: true,
      ask: async (question: string) => (questions.push(question), answer),
    })
    expect(await platform.type(line, answering('n'))).toMatchObject({ exit: EXIT.usage })
    expect(questions).toEqual(['Erase the payload of 3 entries for good? [y/N] '])
    expect(asked).toEqual([true])
    expect((await platform.type(`${line} --dry-run`)).out).toMatch(/^Dry run[^]*3 payloads would be erased/)
    expect(asked).toEqual([true, true])
    expect((await platform.type(line, answering('y'))).out).toMatch(/^3 payloads were erased/)
    expect(asked.slice(2)).toEqual([true, false])
  })

  test('what is no place in a log, or no range, is usage', async () => {
    start({})
    for (const place of ['x', '5-4', '1-5000'])
      expect(await platform.type(`audit erase b ${place} --reason r`)).toMatchObject({ exit: EXIT.usage })
  })
})

describe('audit reconcile', () => {
  const summary = { matched: 41n, missingHere: 0n, missingThere: 0n, differing: 0n, pending: 0n }

  test('says what is alike', async () => {
    start({
      ledger: {
        async *reconcile() {
          yield { compared: 20n, of: 41n }
          yield { compared: 41n, of: 41n, summary }
        },
      },
    })
    expect(await platform.type('audit reconcile b')).toMatchObject({
      exit: 0,
      out: 'alike  41 calls stand the same on both sides\n',
    })
  })

  test('names every difference, and ends with a code of its own', async () => {
    start({
      ledger: {
        async *reconcile() {
          yield { differences: [{ kind: 'missing_there', contentId: 'c-1', sequence: 17n }] }
          yield { summary: { ...summary, missingThere: 1n }, differences: [] }
        },
      },
    })
    const { exit, out } = await platform.type('audit reconcile b')
    expect(exit).toBe(EXIT.differences)
    expect(out).toMatch(
      /^not alike {2}41 alike, 0 missing here, 1 missing there[^]*missing there +17 +- +c-1[^]*audit get b\/17/,
    )
  })
})

test('alarms that are open end with 3, and show how they are settled', async () => {
  const alarm = { id: 'a-1', peerId: PEER, whose: 'theirs', kind: 'fork', firstNote: 'one\n', secondNote: 'two\n' }
  start({
    ledger: {
      listAlarms: () => ({ alarms: [alarm] }),
      settleAlarm: ({ note }) => ({ alarm: { ...alarm, settledNote: note } }),
    },
  })
  expect(await platform.type('audit alarms')).toMatchObject({ exit: EXIT.doneWithOpenItems })
  expect((await platform.type('audit alarms a-1')).out).toMatch(
    /First note[^]*one[^]*Second note[^]*two[^]*--settle a-1 --note/,
  )
  expect(await platform.type('audit alarms --settle a-1')).toMatchObject({ exit: EXIT.usage })
  expect(await platform.type('audit alarms --settle a-1 --note known')).toMatchObject({ exit: 0 })
})

test('how far a log has come is said in words', () => {
  platform = platformWith({})
  const now = new Date(T0)
  const ago = (ms: number) => timestampFromDate(new Date(T0 - ms))
  const words = (status: object) => lagWords(create(LogStatusSchema, { log: PEER, ...status }), now)
  const all = { size: 9n, signedSize: 9n, cosignedSize: 9n, mirroredSize: 9n }
  expect(words({})).toBe('nothing written yet')
  expect(words({ size: 9n })).toBe('not signed yet')
  expect(words({ size: 9n, signedSize: 9n })).toBe('the other side has not witnessed it yet')
  expect(words({ ...all, cosignedAt: ago(5) })).toBe('the other side holds everything')
  expect(words({ ...all, cosignedSize: 7n, mirroredSize: 7n, cosignedAt: ago(12_000) })).toBe(
    'the other side holds everything up to 12s ago, 2 entries to go',
  )
  expect(words({ ...all, mirroredSize: 4n, cosignedAt: ago(5) })).toBe(
    'the other side vouches for 9 and holds 4, 5 entries to go',
  )
  expect(words({ ...all, alarm: 'fork' })).toBe('in doubt: fork')
  expect(words({ log: 'platform', size: 9n, signedSize: 9n })).toBe('signed')
})

test('files, stream and quorum of a log are told in words, and the quorum only where somebody asks for one', async () => {
  const witnessPolicy = '2 of a.example, b.example, c.example'
  const said = { log: PEER, size: 900n, sealedSize: 800n, wormSize: 768n }
  const shown = async (...logs: object[]) => {
    platform = platformWith({ ledger: { listLogs: () => ({ logs: logs as { log: string }[] }) } })
    const { out } = await platform.type('audit status')
    platform.remove()
    return out
  }
  expect(await shown(said)).toMatch(/sealed +800 in files, 768 in the WORM stream/)
  expect(await shown(said)).not.toContain('quorum')
  expect(await shown({ ...said, witnessPolicy })).toContain(`not reached yet: it takes ${witnessPolicy}`)
  expect(await shown({ ...said, witnessPolicy, witnessQuorumSize: 700n })).toContain(
    `700, cosigned by ${witnessPolicy}`,
  )
  expect(await shown(said, said)).toMatch(/SEALED +STREAM/)
  expect(await shown(said, { ...said, witnessPolicy })).toMatch(/QUORUM +SEALED +STREAM/)
  platform = platformWith({})
})

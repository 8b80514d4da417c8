import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cosigner, decodeBundle, Edge, encodeBundle, entriesPath, leafHash, logSigner, NoteFlaw, parsePolicy, parseVkey, signNote, tilePath } from '@powernode/tlog' // prettier-ignore
import { describe, expect, test } from 'vitest'
import { encodeEntry, filesIn, filesOf, payloadsPath, pruningPath, signPruning, verifyDirectory, type Damage, type Pruning, type VerifyOptions } from './index.ts' // prettier-ignore
import { cosignatureLine, LogMaker, makeKeys, makeLog, signHead, verifiersFor, WITNESS } from './testing.ts'

const KEYS = makeKeys('a.example/peers/1')
const { origin } = KEYS
const SIZE = 700
const LOG: ReadonlyMap<string, Uint8Array> = makeLog(KEYS, SIZE)

const verify = (files: ReadonlyMap<string, Uint8Array>, options: VerifyOptions = {}) =>
  verifyDirectory(filesOf(files), verifiersFor(KEYS), { origin, ...options })
const changed = (path: string, change: (bytes: Buffer) => Uint8Array): Map<string, Uint8Array> =>
  new Map(LOG).set(path, change(Buffer.from(LOG.get(path) ?? [])))
const without = (...paths: string[]) => new Map([...LOG].filter(([path]) => !paths.includes(path)))
const withEntry = (
  files: ReadonlyMap<string, Uint8Array>,
  index: number,
  width: number,
  change: (entry: Buffer) => Uint8Array,
) => {
  // prettier-ignore
  const path = entriesPath(Math.floor(index / 256), width)
  const entries = decodeBundle(files.get(path) ?? new Uint8Array())
  return new Map(files).set(path, encodeBundle(entries.with(index % 256, change(Buffer.from(entries[index % 256] ?? []))))) // prettier-ignore
}
const otherActor = (entry: Buffer) => Buffer.from(entry.toString().replace('"peer/', '"pier/'))
const flip = (bytes: Buffer, at = 40) => bytes.fill((bytes[at] ?? 0) ^ 1, at, at + 1)
const brief = ({ damages }: { damages: readonly Damage[] }) =>
  damages.map(({ kind, index, path }) => [kind, index, path])

describe('an intact log', () => {
  test('is what it claims', async () => {
    const report = await verify(LOG)
    expect(report).toMatchObject({ intact: true, damages: [], found: 0, entries: SIZE, prunedBelow: 0, beyond: 0 })
    expect(report.checkpoint).toMatchObject({ origin, size: SIZE })
    expect(report).toMatchObject({ signers: [origin, WITNESS], payloads: { checked: SIZE, absent: 0 } })
  })

  test('may be empty', async () => {
    expect(await verify(makeLog(KEYS, 0))).toMatchObject({ intact: true, entries: 0 })
  })

  test('is read from a directory, and tells how far it has come', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'))
    for (const [path, bytes] of LOG) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), bytes)
    }
    const progress: unknown[] = []
    const report = await verifyDirectory(filesIn(dir), verifiersFor(KEYS), { onProgress: (at) => progress.push(at) })
    rmSync(dir, { recursive: true })
    expect(report.intact).toBe(true)
    expect(progress).toEqual([256, 512, 700].map((checked) => ({ checked, size: SIZE })))
  })

  test('may have full files where its checkpoint asks for partial ones, and more entries than are signed', async () => {
    const files = new Map<string, Uint8Array>()
    const maker = new LogMaker(KEYS, (path, bytes) => files.set(path, bytes), { payloads: false }).append(300)
    maker.seal()
    maker.append(300)
    files.delete(entriesPath(1, 44))
    files.delete(tilePath(0, 1, 44))
    expect(await verify(files)).toMatchObject({ intact: true, entries: 300, beyond: 2 })
  })

  test('contains what it signed before, however old', async () => {
    const previous = [1, 255, 256, 257, 512, 699].map((size) => Buffer.from(makeLog(KEYS, size).get('checkpoint') ?? []).toString()) // prettier-ignore
    expect(await verify(LOG, { expectPrevious: previous })).toMatchObject({ intact: true })
  })
})

describe('damage is named, and placed', () => {
  test('entries altered: each by its index', async () => {
    const files = withEntry(withEntry(LOG, 137, 256, otherActor), 699, 188, otherActor)
    expect(brief(await verify(files))).toEqual([
      ['altered_entry', 137, entriesPath(0)],
      ['altered_entry', 699, entriesPath(2, 188)],
    ])
  })

  test('an entry and its tile altered alike: the level above knows', async () => {
    const files = withEntry(LOG, 300, 256, otherActor)
    const entries = decodeBundle(files.get(entriesPath(1)) ?? new Uint8Array())
    files.set(tilePath(0, 1), Buffer.concat(entries.map(leafHash)))
    const report = await verify(files)
    expect(brief(report)).toEqual([['altered_entry', 256, undefined]])
    expect(report.damages[0]?.detail).toContain('256 to 511')
  })

  test('an entry and all tiles above it altered alike: the root is wrong', async () => {
    const files = withEntry(LOG, 600, 188, otherActor)
    const entries = decodeBundle(files.get(entriesPath(2, 188)) ?? new Uint8Array())
    files.set(tilePath(0, 2, 188), Buffer.concat(entries.map(leafHash)))
    expect(brief(await verify(files))).toEqual([['wrong_root', undefined, undefined]])
  })

  test('an entry altered in a segment whose tile is altered elsewhere', async () => {
    const files = withEntry(changed(tilePath(0, 0), (tile) => flip(tile)), 5, 256, otherActor) // prettier-ignore
    expect(brief(await verify(files))).toEqual([
      ['altered_tile', 0, tilePath(0, 0)],
      ['altered_entry', 0, entriesPath(0)],
    ])
  })

  test('tiles altered: no entry is blamed', async () => {
    expect(brief(await verify(changed(tilePath(0, 1), (tile) => flip(tile))))).toEqual([
      ['altered_tile', 256, undefined],
    ])
    const upper = tilePath(1, 0, 2)
    expect(brief(await verify(changed(upper, (tile) => flip(tile))))).toEqual([['altered_tile', undefined, upper]])
    const long = tilePath(0, 2, 188)
    expect(brief(await verify(changed(long, (tile) => Buffer.concat([tile, tile]))))).toEqual([['altered_tile', 512, long]]) // prettier-ignore
  })

  test('an entry altered while the tiles of the edge are altered too: all that can be said is that the root is wrong', async () => {
    const files = withEntry(changed(tilePath(1, 0, 2), (tile) => flip(tile)), 5, 256, otherActor) // prettier-ignore
    expect(brief(await verify(files))).toEqual([['wrong_root', undefined, undefined]])
  })

  test('files missing', async () => {
    expect(brief(await verify(without(entriesPath(1))))).toEqual([['missing_entry', 256, undefined]])
    expect(brief(await verify(without(tilePath(0, 2, 188))))).toEqual([['missing_tile', 512, undefined]])
    expect(brief(await verify(without(tilePath(1, 0, 2))))).toEqual([['missing_tile', undefined, tilePath(1, 0, 2)]])
    expect(brief(await verify(without(entriesPath(1), tilePath(0, 1))))).toEqual([
      ['missing_tile', 256, undefined],
      ['missing_entry', 256, undefined],
    ])
    expect(brief(await verify(without('checkpoint')))).toEqual([['missing_checkpoint', undefined, 'checkpoint']])
  })

  test('more entries than there are files: said once, however many a checkpoint claims', async () => {
    for (const size of [SIZE + 256, 2 ** 52]) {
      const root = Buffer.alloc(32, 1)
      const report = await verify(new Map(LOG).set('checkpoint', Buffer.from(signHead(KEYS, { size, root }))))
      expect(report.damages.at(-1)).toMatchObject({ kind: 'missing_entry', index: 768 })
      expect(report).toMatchObject({ intact: false, entries: 512 })
    }
    const farOut = new Map(LOG).set(tilePath(0, 2 ** 40), Buffer.alloc(8_192))
    farOut.set('checkpoint', Buffer.from(signHead(KEYS, { size: 2 ** 52, root: Buffer.alloc(32, 1) })))
    expect(await verify(farOut)).toMatchObject({ intact: false, entries: 512 })
    const end = [entriesPath(2, 188), tilePath(0, 2, 188)]
    expect(brief(await verify(without(...end)))).toEqual([['missing_entry', 512, undefined]])
  })

  test('an entry left out of its bundle: by its index', async () => {
    const path = entriesPath(0)
    const files = changed(path, (bundle) => encodeBundle(decodeBundle(bundle).toSpliced(99, 1)))
    expect(brief(await verify(files))).toEqual([['missing_entry', 99, path]])
    const ended = changed(path, (bundle) => encodeBundle(decodeBundle(bundle).slice(0, 200)))
    expect(brief(await verify(ended))).toEqual([['missing_entry', 200, path]])
  })

  test('what an owner of the keys did: a gap, and an entry that is none', async () => {
    const files = new Map<string, Uint8Array>()
    const maker = new LogMaker(KEYS, (path, bytes) => files.set(path, bytes), { payloads: false }).append(3)
    maker.add(encodeEntry({ sequence: 4, action: 'a', actor: 'b', at: new Date(0) }))
    maker.add(Buffer.from('{"sequence": 4}'))
    maker.seal()
    expect(brief(await verify(files))).toEqual([
      ['gap', 3, undefined],
      ['malformed_entry', 4, undefined],
    ])
  })

  test('a file that cannot be read is a fault, not damage', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'))
    mkdirSync(join(dir, 'checkpoint'))
    await expect(verifyDirectory(filesIn(dir), verifiersFor(KEYS))).rejects.toThrow('EISDIR')
    rmSync(dir, { recursive: true })
  })
})

describe('the checkpoint', () => {
  const note = Buffer.from(LOG.get('checkpoint') ?? []).toString()
  const body = note.slice(0, note.indexOf('\n\n') + 1)
  const signed = (text: string) => new Map(LOG).set('checkpoint', Buffer.from(text))

  test('of another log is not this log’s, even if its key is known', async () => {
    const other = makeKeys('a.example/peers/2')
    const known = [...verifiersFor(KEYS), ...verifiersFor(other)]
    const report = await verifyDirectory(filesOf(makeLog(other, SIZE)), known, { origin })
    expect(brief(report)).toEqual([['wrong_log', undefined, 'checkpoint']])
  })

  test('that nobody known has signed, or somebody else under a known name, vouches for nothing', async () => {
    const unsigned = signed(`${body}\n${cosignatureLine(body, KEYS)}\n`)
    expect(brief(await verify(unsigned))).toEqual([['bad_signature', undefined, 'checkpoint']])
    const forged = signed(note.replace(/(— a[^ ]+ .{20})./, '$1/'))
    expect(brief(await verify(forged))).toEqual([['bad_signature', undefined, 'checkpoint']])
    const report = await verifyDirectory(filesOf(LOG), [parseVkey(logSigner(origin, KEYS.witness).vkey)], { origin })
    expect(brief(report)).toEqual([['bad_signature', undefined, 'checkpoint']])
  })

  test('with too few cosignatures is told apart from one with a wrong one', async () => {
    const policy = parsePolicy(`log ${logSigner(origin, KEYS.log).vkey}\nwitness w ${cosigner(WITNESS, KEYS.witness, 0).vkey}\nquorum w\n`) // prettier-ignore
    const alone = signed(signNote(body, [logSigner(origin, KEYS.log)]))
    expect(brief(await verifyDirectory(filesOf(alone), policy))).toEqual([['too_few_cosignatures', undefined, 'checkpoint']]) // prettier-ignore
    expect(await verifyDirectory(filesOf(LOG), policy)).toMatchObject({ intact: true })
  })

  test.each(['', 'nonsense', body, `\ufeff${note}`, note.replaceAll('\n', '\r\n'), note.replace('700', '0700')])(
    'that is none: %j',
    async (text) => {
      expect(brief(await verify(signed(text)))).toEqual([['malformed_checkpoint', undefined, 'checkpoint']])
    },
  )

  test('with bytes that are not UTF-8 is none', async () => {
    const files = new Map(LOG).set('checkpoint', Buffer.concat([Buffer.from([0xff]), Buffer.from(note)]))
    expect(brief(await verify(files))).toEqual([['malformed_checkpoint', undefined, 'checkpoint']])
  })

  test('whose root is that of other entries: no entry can be blamed', async () => {
    const files = signed(signHead(KEYS, { size: SIZE, root: Buffer.alloc(32, 1) }))
    expect(brief(await verify(files))).toEqual([['wrong_root', undefined, undefined]])
  })
})

describe('against a checkpoint that somebody kept', () => {
  const head = (size: number, fill: number) => signHead(KEYS, { size, root: Buffer.alloc(32, fill) })

  test('a shorter log was rolled back', async () => {
    expect(brief(await verify(LOG, { expectPrevious: [head(SIZE + 1, 1)] }))).toEqual([['rollback', undefined, undefined]]) // prettier-ignore
  })

  test('two roots for one size are a fork, now and then', async () => {
    for (const size of [1, 256, 699, SIZE])
      expect(brief(await verify(LOG, { expectPrevious: [head(size, 1)] }))).toEqual([['fork', size, undefined]])
  })

  test('of another log proves nothing', async () => {
    const other = makeKeys('a.example/peers/2')
    const options = { expectPrevious: [signHead(other, { size: 3, root: Buffer.alloc(32) })] }
    const report = await verifyDirectory(filesOf(LOG), [...verifiersFor(KEYS), ...verifiersFor(other)], options)
    expect(brief(report)).toEqual([['wrong_log', undefined, undefined]])
  })

  test('that is not signed is refused: it would prove nothing', async () => {
    const stranger = signNote(head(3, 1).split('\n\n')[0] + '\n', [logSigner(origin, KEYS.witness)])
    await expect(verify(LOG, { expectPrevious: [stranger] })).rejects.toThrow(NoteFlaw)
  })
})

describe('payloads', () => {
  const path = payloadsPath(0)
  const lines = (change: (lines: string[]) => readonly string[]) =>
    changed(path, (bytes) => Buffer.from(change(bytes.toString().trimEnd().split('\n')).map((line) => `${line}\n`).join(''))) // prettier-ignore

  test('that are erased leave the log intact, and are counted', async () => {
    expect(await verify(lines((all) => all.toSpliced(10, 3)))).toMatchObject({ intact: true, payloads: { checked: SIZE - 3, absent: 3 } }) // prettier-ignore
    expect(await verify(without(path))).toMatchObject({ intact: true, payloads: { checked: SIZE - 256, absent: 256 } })
  })

  test('that are not what was written are named', async () => {
    const other = lines((all) => all.with(10, all[10]?.replace('ada', 'eve') ?? ''))
    expect(brief(await verify(other))).toEqual([['altered_payload', 10, path]])
  })

  test('in the wrong file, out of order, twice, or of another form are refused as a whole', async () => {
    const [moved, ordered, twice, spaced, odd] = [
      lines((all) => [...all, all.at(-1)?.replace(':255}', ':256}') ?? '']),
      lines((all) => [...all.slice(1), all[0] ?? '']),
      lines((all) => [all[0] ?? '', ...all]),
      lines((all) => all.with(0, all[0]?.replace('":"', '": "') ?? '')),
      lines((all) => all.with(0, 'null')),
    ]
    for (const files of [moved, ordered, twice, spaced, odd])
      expect(brief(await verify(files))).toEqual([['altered_payload', 0, path]])
  })

  test('of an entry that never had one are not believed', async () => {
    const files = new Map<string, Uint8Array>()
    const maker = new LogMaker(KEYS, (at, bytes) => files.set(at, bytes), { payloads: false })
    maker.add(encodeEntry({ sequence: 0, action: 'a', actor: 'b', at: new Date(0) }))
    maker.seal()
    files.set(path, Buffer.from(`{"payload":"{}","salt":"AAAAAAAAAAAAAAAAAAAAAA==","sequence":0}\n`))
    expect(brief(await verify(files))).toEqual([['altered_payload', 0, path]])
  })
})

/** Of the first entries of LOG. */
function rootOf(size: number): Uint8Array {
  const edge = Edge.empty()
  const bundle = (position: number) => LOG.get(entriesPath(position)) ?? LOG.get(entriesPath(position, SIZE % 256))
  for (let index = 0; index < size; index++)
    edge.append(leafHash(decodeBundle(bundle(Math.floor(index / 256)) ?? new Uint8Array())[index % 256] ?? new Uint8Array())) // prettier-ignore
  return edge.root()
}

describe('pruned entries', () => {
  const pruning: Pruning = { origin, below: 512, size: 600, root: rootOf(600), at: new Date(0), actor: 'operator', reason: 'policy "90 days"\nand more' } // prettier-ignore
  const pruned = (note: string, below = 512) =>
    without(entriesPath(0), entriesPath(1), payloadsPath(0), payloadsPath(1)).set(pruningPath(below), Buffer.from(note))
  const LOG_SIGNER = logSigner(origin, KEYS.log)

  test('are gone by a signed statement: their hashes still give the root', async () => {
    const report = await verify(pruned(signPruning(pruning, LOG_SIGNER)))
    expect(report).toMatchObject({ intact: true, prunedBelow: 512, entries: SIZE - 512 })
  })

  test('below another sequence than the statement says are missing', async () => {
    const files = pruned(signPruning({ ...pruning, below: 256 }, LOG_SIGNER), 256)
    expect(brief(await verify(files))).toEqual([['missing_entry', 256, undefined]])
  })

  test('by a statement of the log that speaks of another history are found: the log has signed both', async () => {
    const files = pruned(signPruning({ ...pruning, root: Buffer.alloc(32, 5) }, LOG_SIGNER))
    expect(brief(await verify(files))).toEqual([['bad_pruning', undefined, pruningPath(512)]])
    const whole = signPruning({ ...pruning, size: SIZE, root: Buffer.alloc(32, 5) }, LOG_SIGNER)
    expect(brief(await verify(pruned(whole)))).toEqual([['bad_pruning', undefined, pruningPath(512)]])
  })

  test('whose hashes are gone as well cannot be vouched for', async () => {
    const files = pruned(signPruning(pruning, LOG_SIGNER))
    files.delete(tilePath(0, 0))
    expect(brief(await verify(files))).toEqual([['missing_tile', 0, undefined]])
  })

  test.each([
    ['of a stranger', signPruning(pruning, logSigner(origin, KEYS.witness)), 512],
    ['of a witness', signPruning(pruning, cosigner(WITNESS, KEYS.witness, 0)), 512],
    ['of another log', signPruning({ ...pruning, origin: 'a.example/peers/2' }, LOG_SIGNER), 512],
    ['under another number', signPruning(pruning, LOG_SIGNER), 768],
    ['that is a checkpoint', signHead(KEYS, { size: 512, root: Buffer.alloc(32) }), 512],
    ['beyond the log', signPruning({ ...pruning, size: SIZE + 1 }, LOG_SIGNER), 512],
    ['that is nothing', '', 512],
  ])('by a statement %s are missing', async (_, note, below) => {
    expect(brief(await verify(pruned(note, below)))).toEqual([
      ['bad_pruning', undefined, pruningPath(below)],
      ['missing_entry', 0, undefined],
      ['missing_entry', 256, undefined],
    ])
  })

  test('by the statement of a sister log, signed with the same key, are missing', async () => {
    const other = makeKeys('a.example/peers/2')
    const files = pruned(signPruning({ ...pruning, origin: other.origin }, logSigner(other.origin, other.log)))
    const known = [...verifiersFor(KEYS), ...verifiersFor(other)]
    const report = await verifyDirectory(filesOf(files), known, { origin })
    expect(brief(report)[0]).toEqual(['bad_pruning', undefined, pruningPath(512)])
    expect(report.prunedBelow).toBe(0)
  })

  test('are whole segments below a cosigned size, or the statement is not even signed', () => {
    for (const wrong of [
      { below: 100 },
      { below: 768 },
      { below: 0 },
      { size: 0 },
      { root: Buffer.alloc(31) },
      { origin: 'a b' },
    ])
      // prettier-ignore
      expect(() => signPruning({ ...pruning, ...wrong }, LOG_SIGNER)).toThrow('')
  })
})

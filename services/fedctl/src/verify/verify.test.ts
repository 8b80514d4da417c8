import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FakeClock } from '@powernode/clock/testing'
import { DAMAGE_KINDS } from '@powernode/ledger'
import { makeKeys, makeLog, signHead, verifiersFor, type LogKeys } from '@powernode/ledger/testing'
import { decodeBundle, formatProof, inclusionProof, openNote, parseCheckpoint, type TileReader } from '@powernode/tlog'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAMAGE_EXIT } from '../exit-codes.ts'
import { fedctl } from '../fedctl.ts'
import { testEnvironment } from '../testing/test-environment.ts'

const ORIGIN = 'a.example/peers/0198aaaa-0000-7000-8000-000000000001'
const SIZE = 300

let dir: string
let keys: LogKeys
let files: Map<string, Uint8Array>
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fedctl-verify-'))
  keys = makeKeys(ORIGIN)
  files = makeLog(keys, SIZE)
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Writes the log to the folder, with the keys beside it, and returns the words that check it. */
function put(folder = 'log', log = files): string[] {
  for (const [path, bytes] of log) place(join(folder, path), bytes)
  place(
    'keys.vkeys',
    verifiersFor(keys)
      .map(({ vkey }) => vkey)
      .join('\n'),
  )
  return ['audit', 'verify', folder, '--key', 'keys.vkeys']
}

function place(path: string, content: Uint8Array | string): string {
  const file = join(dir, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  return path
}

/** Somebody who has the files and nothing else: no context, nobody to connect to. */
async function run(argv: readonly string[], more: Partial<ReturnType<typeof testEnvironment>> = {}) {
  const env = testEnvironment({ cwd: dir, ...more })
  const connect = () => {
    throw new Error('a check of files connected to a platform')
  }
  const exit = await fedctl(argv, { env, clock: new FakeClock(), signal: new AbortController().signal, connect })
  return { exit, ...env.said }
}

const change = (path: string, alter: (bytes: Buffer) => void): void => {
  const bytes = Buffer.from(files.get(path) ?? [])
  alter(bytes)
  files.set(path, bytes)
}

/** Of the same names, and somebody else's. */
const strangersKeys = (): LogKeys => ({
  origin: ORIGIN,
  log: generateKeyPairSync('ed25519').privateKey,
  witness: generateKeyPairSync('ed25519').privateKey,
})

const flip = (bytes: Buffer): void => void bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)

describe('a log in a folder', () => {
  test('is whole, without a context and without a service', async () => {
    const { exit, out, err } = await run(put())
    expect(out).toMatch(/^whole {2}300 entries of a\.example\/peers\/.*\n +root +[0-9a-f]{64}\n/)
    expect(out).toMatch(/cosigned by +b\.example\/witness/)
    expect(out).toMatch(/payloads +300 as hashed/)
    expect([exit, err]).toEqual([0, ''])
  })

  test('that bears the name of one log and holds another, whose key is known as well, is the wrong log', async () => {
    const sister = makeKeys(ORIGIN.replace(/1$/, '2'))
    const words = put(join('ledger', ORIGIN), makeLog(sister, SIZE))
    place('sister.vkeys', verifiersFor(sister)[0]?.vkey ?? '')
    const { exit, out } = await run([...words, '--key', 'sister.vkeys'])
    expect(out).toContain(`not of ${ORIGIN}`)
    expect(exit).toBe(DAMAGE_EXIT.wrong_log)
  })

  test('is said to be so as one object', async () => {
    const { exit, out } = await run([...put(), '-o', 'json'])
    expect(JSON.parse(out)).toMatchObject({ whole: true, logs: [{ origin: ORIGIN, size: SIZE, damages: [] }] })
    expect(exit).toBe(0)
  })

  test.each([
    ['missing_entry', () => files.delete('tile/entries/001.p/44')],
    ['altered_entry', () => change('tile/entries/000', (bytes) => flip(bytes))],
    ['altered_tile', () => change('tile/0/000', (bytes) => flip(bytes))],
    ['altered_payload', () => change('payloads/000.jsonl', (bytes) => void bytes.write('?', 30))],
    ['missing_checkpoint', () => files.delete('checkpoint')],
    ['malformed_checkpoint', () => files.set('checkpoint', Buffer.from('no note at all'))],
    ['bad_signature', () => change('checkpoint', (bytes) => bytes.write('2', bytes.indexOf('\n') + 1))],
  ] as const)('damaged so that there is a %s ends with a code of its own', async (kind, harm) => {
    harm()
    const { exit, out } = await run([...put(), '-o', 'json'])
    const { damages } = JSON.parse(out).logs[0]
    expect(damages).toContainEqual(expect.objectContaining({ kind, exit_code: DAMAGE_EXIT[kind] }))
    expect(exit).toBe(DAMAGE_EXIT[kind])
  })

  test('shorter than it has been is a rollback, another one of the same length a fork', async () => {
    const verify = put()
    const longer = makeLog(keys, SIZE + 1)
    place('longer', longer.get('checkpoint') ?? '')
    expect((await run([...verify, '--previous', 'longer'])).exit).toBe(DAMAGE_EXIT.rollback)
    place('other', signHead(keys, { size: 17, root: new Uint8Array(32) }))
    expect((await run([...verify, '--previous', 'other'])).exit).toBe(DAMAGE_EXIT.fork)
    place('earlier', makeLog(keys, 17).get('checkpoint') ?? '')
    expect((await run([...verify, '--previous', 'earlier'])).exit).toBe(0)
  })

  test('signed by somebody else is not signed', async () => {
    put()
    const [stranger] = verifiersFor(strangersKeys())
    const { exit, out } = await run(['audit', 'verify', 'log', '--key', stranger?.vkey ?? ''])
    expect(exit).toBe(DAMAGE_EXIT.bad_signature)
    expect(out).toMatch(/^damaged/)
  })

  test('that too few have witnessed does not meet the policy', async () => {
    const verify = put()
    const [log, witness] = verifiersFor(keys)
    const [, nobody] = verifiersFor(strangersKeys())
    const policy = (vkey = '') => place('policy', `log ${log?.vkey}\nwitness w ${vkey}\nquorum w\n`)
    policy(witness?.vkey)
    expect((await run([...verify, '--policy', 'policy'])).exit).toBe(0)
    expect((await run(['audit', 'verify', 'log', '--policy', 'policy'])).exit).toBe(0)
    policy(nobody?.vkey)
    expect((await run([...verify, '--policy', 'policy'])).exit).toBe(DAMAGE_EXIT.too_few_cosignatures)
  })

  test('among others is found, and one that is damaged decides how it ends', async () => {
    put('logs/b')
    const verify = put('logs/c')
    verify[2] = 'logs'
    expect((await run(verify)).out.match(/^whole/gm)).toHaveLength(2)
    place('logs/c/checkpoint', 'gone')
    const { exit, out } = await run(verify)
    expect([exit, out.match(/^(whole|damaged)/gm)]).toEqual([DAMAGE_EXIT.malformed_checkpoint, ['whole', 'damaged']])
  })

  test('taken away as a whole is missed where its sisters lie under their names, and not in an export of a few', async () => {
    const sister = makeKeys(ORIGIN.replace(/1$/, '2'))
    const words = [...put(join('ledger', ORIGIN)), '--key', 'sister.vkeys']
    place('sister.vkeys', verifiersFor(sister)[0]?.vkey ?? '')
    words[2] = 'ledger'
    const { exit, out } = await run(words)
    expect(out).toMatch(/^whole {2}300/)
    expect(out).toContain(`not here  ${sister.origin}`)
    expect(exit).toBe(DAMAGE_EXIT.missing_checkpoint)
    expect(JSON.parse((await run([...words, '-o', 'json'])).out)).toMatchObject({ whole: false, not_here: [sister.origin] }) // prettier-ignore
    put(join('ledger', sister.origin), makeLog(sister, SIZE))
    expect((await run(words)).exit).toBe(0)
    put(join('exports', 'one'))
    expect((await run(['audit', 'verify', 'exports', ...words.slice(3)])).exit).toBe(0)
  })

  test('a bar moves where somebody waits at a terminal, and nowhere else', async () => {
    const verify = put()
    const seen = await run(verify, { progressColumns: 80 })
    expect(seen.err).toMatch(/\rchecking {2}[█░]+ +\d+% {2}256 of 300\u001b\[K/)
    expect(seen.err.endsWith('\r\u001b[K')).toBe(true)
    expect((await run(verify)).err).toBe('')
    expect((await run([...verify, '-o', 'json'], { progressColumns: 80 })).err).toBe('')
  })

  test('nothing to check, or nobody to believe, is usage', async () => {
    put()
    mkdirSync(join(dir, 'empty'))
    const [vkey = ''] = verifiersFor(keys).map((verifier) => verifier.vkey)
    for (const argv of [
      ['log'],
      ['nowhere', '--key', vkey],
      ['empty', '--key', vkey],
      ['log', '--key', 'no key'],
      [],
    ]) {
      const { exit, err } = await run(['audit', 'verify', ...argv])
      expect([exit, err], argv.join(' ')).toEqual([2, expect.stringMatching(/\(USAGE\)\nnext /)])
    }
  })
})

test('every kind of damage has a code of its own, from 10 on, none of them used for something else', () => {
  const codes = Object.values(DAMAGE_EXIT)
  expect(new Set(codes).size).toBe(codes.length)
  expect(Math.min(...codes)).toBe(10)
  expect(Object.keys(DAMAGE_EXIT)).toEqual(expect.arrayContaining([...DAMAGE_KINDS]))
})

describe('a proof in a file', () => {
  const INDEX = 270
  let proof: string
  let leaf: Uint8Array
  beforeEach(async () => {
    const checkpoint = Buffer.from(files.get('checkpoint') ?? []).toString()
    leaf = Uint8Array.from(decodeBundle(files.get('tile/entries/001.p/44') ?? new Uint8Array())[INDEX - 256] ?? [])
    const { size } = parseCheckpoint(openNote(checkpoint, verifiersFor(keys)).body)
    proof = formatProof({ index: INDEX, proof: await inclusionProof(tiles, INDEX, size), checkpoint, extra: leaf })
    put()
  })
  const tiles: TileReader = async (wanted) =>
    wanted.map(({ level, position, width }) => {
      const name = `tile/${level}/00${position}`
      return files.get(width === 256 ? name : `${name}.p/${width}`) ?? new Uint8Array()
    })
  const check = (...more: string[]) => run(['audit', 'verify', 'b.tlog-proof', '--key', 'keys.vkeys', ...more])

  test('proves its entry to whoever has the keys', async () => {
    place('b.tlog-proof', proof)
    const { exit, out } = await check()
    expect(out).toMatch(/^proven {2}entry 270 of a\.example[^]*cosigned +b\.example\/witness[^]*"sequence":270/)
    expect(exit).toBe(0)
  })

  test('proves nothing about another entry', async () => {
    place('b.tlog-proof', proof)
    place('leaf', Buffer.from(leaf).toString().replace('"sequence":270', '"sequence":271'))
    expect((await check('--leaf', 'leaf')).exit).toBe(DAMAGE_EXIT.not_proven)
  })

  test('torn, changed or signed by a stranger is no proof', async () => {
    place('b.tlog-proof', proof.slice(0, 100))
    expect((await check()).exit).toBe(DAMAGE_EXIT.malformed_proof)
    place('b.tlog-proof', proof.replace('index 270', 'index 269'))
    expect((await check()).exit).toBe(DAMAGE_EXIT.not_proven)
    place('b.tlog-proof', proof)
    place(
      'keys.vkeys',
      verifiersFor(strangersKeys())
        .map(({ vkey }) => vkey)
        .join('\n'),
    )
    expect((await check()).exit).toBe(DAMAGE_EXIT.bad_signature)
    expect(readFileSync(join(dir, 'b.tlog-proof'), 'utf8')).toBe(proof)
  })
})

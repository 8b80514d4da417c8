import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  checkProof,
  cosigner,
  formatAddCheckpoint,
  formatCheckpoint,
  formatProof,
  inclusionProof,
  logSigner,
  NoteFlaw,
  openCheckpoint,
  parseAddCheckpoint,
  parsePolicy,
  parseProof,
  parseVkey,
  signNote,
  type FlawKind,
} from './index.ts'
import { naiveLeaf, naiveRoot, naiveTiles } from './testing/naive-tree.ts'

const key = () => generateKeyPairSync('ed25519').privateKey
const ORIGIN = 'a.example/peers/1'
const [LOG_KEY, WITNESS_KEY] = [key(), key()]
const LOG = logSigner(ORIGIN, LOG_KEY)
const WITNESS = cosigner('b.example/witness', WITNESS_KEY, 1_000)
const TRUST = [parseVkey(LOG.vkey)]
const POLICY = parsePolicy(`log ${LOG.vkey}\nwitness b ${WITNESS.vkey}\nquorum b\n`)

const ENTRIES = Array.from({ length: 300 }, (_, i) => Buffer.from(`entry ${i}`))
const LEAVES = ENTRIES.map(naiveLeaf)
const CHECKPOINT = formatCheckpoint({ origin: ORIGIN, size: 300, root: naiveRoot(LEAVES) })
const NOTE = signNote(CHECKPOINT, [LOG, WITNESS])
const entry = (index: number) => ENTRIES[index] ?? Buffer.alloc(0)
const proofOf = async (index: number, checkpoint = NOTE) =>
  formatProof({ index, proof: await inclusionProof(naiveTiles(LEAVES), index, 300), checkpoint })

function flawOf(what: () => unknown): FlawKind | undefined {
  try {
    what()
    return undefined
  } catch (flaw) {
    if (flaw instanceof NoteFlaw) return flaw.kind
    throw flaw
  }
}

describe('an offline proof', () => {
  test('proves its entry to whoever knows the log, and says who else has seen the checkpoint', async () => {
    const proven = checkProof(await proofOf(257), entry(257), [...TRUST, parseVkey(WITNESS.vkey)])
    expect(proven.index).toBe(257)
    expect(proven.checkpoint).toMatchObject({ origin: ORIGIN, size: 300 })
    expect(proven.verified.map(({ verifier }) => verifier.name)).toEqual([ORIGIN, 'b.example/witness'])
  })

  test('is to the letter as C2SP tlog-proof writes it', async () => {
    const proof = await inclusionProof(naiveTiles(LEAVES), 0, 300)
    const text = formatProof({ index: 0, proof, checkpoint: NOTE, extra: Buffer.from('more') })
    const hashes = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')
    expect(text).toBe(`c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 0\n${hashes}\n${NOTE}`)
    expect(parseProof(text)).toEqual({ index: 0, proof: proof.map((hash) => Buffer.from(hash)), checkpoint: NOTE, extra: Buffer.from('more') }) // prettier-ignore
  })

  test('of another entry, place or tree proves nothing', async () => {
    const text = await proofOf(3)
    expect(flawOf(() => checkProof(text, entry(4), TRUST))).toBe('forged')
    expect(flawOf(() => checkProof(text.replace('index 3', 'index 2'), entry(3), TRUST))).toBe('forged')
    const smaller = signNote(formatCheckpoint({ origin: ORIGIN, size: 299, root: naiveRoot(LEAVES.slice(0, 299)) }), [LOG]) // prettier-ignore
    expect(flawOf(() => checkProof(text.replace(NOTE, smaller), entry(3), TRUST))).toBe('forged')
  })

  test('by a policy needs the log and the quorum', async () => {
    expect(checkProof(await proofOf(9), entry(9), POLICY).index).toBe(9)
    const alone = await proofOf(9, signNote(CHECKPOINT, [LOG]))
    expect(flawOf(() => checkProof(alone, entry(9), POLICY))).toBe('unsigned')
    const byWitness = await proofOf(9, signNote(CHECKPOINT, [WITNESS]))
    expect(flawOf(() => checkProof(byWitness, entry(9), POLICY))).toBe('unsigned')
  })

  test.each(['c2sp.org/tlog-proof@v2', 'index 03', 'index', 'no index', 'short hash', 'no hash', '64 hashes'])(
    'with %s is none',
    async (what) => {
      const good = await proofOf(3)
      const hash = Buffer.alloc(32).toString('base64')
      const bad = {
        'c2sp.org/tlog-proof@v2': good.replace('@v1', '@v2'),
        'index 03': good.replace('index 3', 'index 03'),
        index: good.replace('index 3', 'index '),
        'no index': good.replace('index 3\n', ''),
        'short hash': good.replace('index 3\n', 'index 3\nAAAA\n'),
        'no hash': good.replace('index 3\n', 'index 3\nx\n'),
        '64 hashes': good.replace('index 3\n', `index 3\n${`${hash}\n`.repeat(64)}`),
      }[what]
      expect(flawOf(() => parseProof(bad ?? ''))).toBe('malformed')
    },
  )
})

describe('a checkpoint', () => {
  test('signed by the key of another log is not believed, though the key is known', () => {
    const elsewhere = logSigner('a.example/peers/2', LOG_KEY)
    const known = [...TRUST, parseVkey(elsewhere.vkey)]
    expect(flawOf(() => openCheckpoint(signNote(CHECKPOINT, [elsewhere]), known))).toBe('unsigned')
    expect(openCheckpoint(NOTE, known).checkpoint.size).toBe(300)
  })

  test('cosigned, and signed by no log, is believed only by a policy that knows no log', () => {
    const cosigned = signNote(CHECKPOINT, [WITNESS])
    expect(flawOf(() => openCheckpoint(cosigned, [parseVkey(WITNESS.vkey)]))).toBe('unsigned')
    expect(openCheckpoint(cosigned, parsePolicy(`witness b ${WITNESS.vkey}\nquorum b\n`)).verified).toHaveLength(1)
  })
})

describe('what is posted to a witness', () => {
  const proof = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  test('is to the letter as C2SP tlog-witness writes it, and reads back', () => {
    const text = formatAddCheckpoint({ oldSize: 20, proof, checkpoint: NOTE })
    const hashes = proof.map((hash) => `${hash.toString('base64')}\n`).join('')
    expect(text).toBe(`old 20\n${hashes}\n${NOTE}`)
    expect(parseAddCheckpoint(text)).toEqual({ oldSize: 20, proof, checkpoint: NOTE })
    expect(parseAddCheckpoint(`old 0\n\n${NOTE}`)).toEqual({ oldSize: 0, proof: [], checkpoint: NOTE })
  })

  test.each([
    '',
    `old 0\n${NOTE.replace('\n\n', '\n')}`,
    `old 01\n\n${NOTE}`,
    `old -1\n\n${NOTE}`,
    `old\n\n${NOTE}`,
    `OLD 1\n\n${NOTE}`,
    `old 1\nAAAA\n\n${NOTE}`,
    `old 1\n${'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'.repeat(64)}\n${NOTE}`,
  ])('of another form is refused', (text) => {
    expect(flawOf(() => parseAddCheckpoint(text))).toBe('malformed')
  })
})

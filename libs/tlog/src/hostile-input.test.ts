import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cosigner,
  decodeBundle,
  formatAddCheckpoint,
  formatCheckpoint,
  formatProof,
  logSigner,
  NoteFlaw,
  openCheckpoint,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseProof,
  parseSignatureLines,
  parseTilePath,
  parseVkey,
  signNote,
} from './index.ts'

const key = () => generateKeyPairSync('ed25519').privateKey
const LOG = logSigner('a.example/log', key())
const WITNESS = cosigner('b.example/witness', key(), 1_000)
const KNOWN = [parseVkey(LOG.vkey), parseVkey(WITNESS.vkey)]
const checkpoint = signNote(formatCheckpoint({ origin: LOG.name, size: 3, root: Buffer.alloc(32) }), [LOG, WITNESS])
const proof = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  parseNote,
  parseCheckpoint,
  parseSignatureLines,
  parseVkey,
  parsePolicy,
  parseProof,
  parseAddCheckpoint,
  parseTilePath,
  openCheckpoint: (text) => openCheckpoint(text, KNOWN),
}

/** What is sound, what is nearly so, and what is nothing. */
const SOUND = [
  checkpoint,
  formatProof({ index: 1, proof, checkpoint, extra: Buffer.from('x') }),
  formatAddCheckpoint({ oldSize: 2, proof, checkpoint }),
  `log ${LOG.vkey}\nwitness w ${WITNESS.vkey}\ngroup g any w\nquorum g\n`,
  LOG.vkey,
  'tile/0/x001/000.p/7',
]
const damaged = fc
  .tuple(fc.constantFrom(...SOUND), fc.nat(), fc.nat(30), fc.string({ unit: 'binary', maxLength: 5 }))
  .map(([text, at, cut, put]) => text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut))
const shuffled = fc
  .tuple(fc.constantFrom(...SOUND), fc.infiniteStream(fc.nat()))
  .map(([text, order]) => text.split('\n').toSorted(() => (Number(order.next().value) % 3) - 1).join('\n')) // prettier-ignore

test.each(Object.entries(READERS))('%s answers whatever comes in, or says that it is flawed', (_, read) => {
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...SOUND), damaged, shuffled, fc.string({ unit: 'binary' })), (text) => {
      try {
        read(text)
      } catch (flaw) {
        expect(flaw).toBeInstanceOf(NoteFlaw)
      }
    }),
    { numRuns: 500 },
  )
})

test('a bundle of any bytes is read, or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      try {
        const entries = decodeBundle(bytes)
        expect(entries.reduce((sum, { length }) => sum + 2 + length, 0)).toBe(bytes.length)
      } catch (flaw) {
        expect(flaw).toBeInstanceOf(RangeError)
      }
    }),
  )
})

/** The limit is for a busy machine; a reader that goes over its input again and again takes minutes. */
test('a long note of nonsense is refused in no time', () => {
  const long = [
    `${'— '.repeat(200_000)}\n`,
    '\n'.repeat(400_000),
    `${'a'.repeat(400_000)}\n\n— x ${'A'.repeat(400_000)}\n`,
    '1'.repeat(400_000),
    `tile/0/${'x001/'.repeat(80_000)}000`,
    `a+${'0'.repeat(400_000)}+x`,
    `quorum ${'x '.repeat(200_000)}`,
  ]
  for (const text of long)
    for (const read of Object.values(READERS)) {
      try {
        read(text)
      } catch (flaw) {
        expect(flaw).toBeInstanceOf(NoteFlaw)
      }
    }
}, 60_000)

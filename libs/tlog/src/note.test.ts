import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addSignatures,
  cosigner,
  formatCheckpoint,
  logSigner,
  NoteFlaw,
  openNote,
  parseNote,
  parseSignatureLines,
  parseVkey,
  signatureLine,
  signNote,
  verifierOf,
  type FlawKind,
} from './index.ts'

const key = () => generateKeyPairSync('ed25519').privateKey
const ORIGIN = 'a.example/peers/1'
const LOG_KEY = key()
const LOG = logSigner(ORIGIN, LOG_KEY)
const LOG_VKEY = parseVkey(LOG.vkey)
const WITNESS_KEY = key()
const AT = Date.UTC(2026, 10, 22, 3, 4, 5)
const witness = (atMs = AT, name = 'b.example/witness') => cosigner(name, WITNESS_KEY, atMs)
const WITNESS_VKEY = parseVkey(witness().vkey)
const BODY = formatCheckpoint({ origin: ORIGIN, size: 17, root: Buffer.alloc(32, 3) })
const stranger = (i: number) => logSigner(`stranger.example/${i}`, key())

/** The kind of flaw, or undefined when there is none. */
function flawOf(what: () => unknown): FlawKind | undefined {
  try {
    what()
    return undefined
  } catch (flaw) {
    if (flaw instanceof NoteFlaw) return flaw.kind
    throw flaw
  }
}

describe('the worked example of C2SP signed-note', () => {
  const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
  const LINE = '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=' // prettier-ignore
  const NOTE = `This is an example message.\n\n${LINE}\n`

  test('is verified by its key', () => {
    const verifier = parseVkey(VKEY)
    expect(openNote(NOTE, [verifier])).toEqual({ body: 'This is an example message.\n', verified: [{ verifier, line: LINE }] }) // prettier-ignore
    expect(verifier.vkey).toBe(VKEY)
  })

  test('is not, once a letter of it is another', () => {
    expect(flawOf(() => openNote(NOTE.replace('example message', 'example massage'), [parseVkey(VKEY)]))).toBe('forged')
  })

  test('its key id belongs to its name and its key', () => {
    for (const wrong of [
      VKEY.replace('foo', 'fop'),
      VKEY.replace('530d903a', '530d903b'),
      VKEY.replace('3U2k', '3U2l'),
    ])
      expect(flawOf(() => parseVkey(wrong))).toBe('malformed')
  })
})

describe('a note', () => {
  test('is opened by those who signed it, each named with its line', () => {
    const note = signNote(BODY, [LOG, witness()])
    const { body, verified } = openNote(note, [LOG_VKEY, WITNESS_VKEY])
    expect(body).toBe(BODY)
    expect(verified.map(({ verifier, atMs }) => [verifier.name, atMs])).toEqual([[ORIGIN, undefined], ['b.example/witness', AT]]) // prettier-ignore
    expect(verified.map(({ line }) => `${line}\n`).join('')).toBe(note.slice(BODY.length + 1))
  })

  test('is split at its last blank line, so that its text may have blank lines', () => {
    const text = 'a poem\n\nin two parts\n'
    expect(openNote(signNote(text, [LOG]), [LOG_VKEY]).body).toBe(text)
  })

  test('may bear 17 signatures and more, and has an end', () => {
    const strangers = Array.from({ length: 99 }, (_, i) => stranger(i))
    expect(openNote(signNote(BODY, [...strangers.slice(0, 16), LOG]), [LOG_VKEY]).verified).toHaveLength(1)
    expect(openNote(signNote(BODY, [...strangers, LOG]), [LOG_VKEY]).verified).toHaveLength(1)
    expect(flawOf(() => signNote(BODY, [...strangers, LOG, stranger(99)]))).toBe('malformed')
  })

  test('of unknown keys alone is signed by nobody', () => {
    expect(flawOf(() => openNote(signNote(BODY, [stranger(1)]), [LOG_VKEY]))).toBe('unsigned')
    expect(flawOf(() => openNote(signNote(BODY, [LOG]), []))).toBe('unsigned')
  })

  test('an unknown key may share the name or the key id of a known one, but not both', () => {
    const namesake = logSigner(ORIGIN, key())
    expect(openNote(signNote(BODY, [LOG, namesake]), [LOG_VKEY]).verified).toHaveLength(1)
    const borrowed = { ...stranger(1), keyId: LOG.keyId }
    expect(openNote(signNote(BODY, [LOG, borrowed]), [LOG_VKEY]).verified).toHaveLength(1)
    const both = { ...namesake, keyId: LOG.keyId }
    expect(flawOf(() => openNote(signNote(BODY, [LOG, both]), [LOG_VKEY]))).toBe('forged')
  })

  test('with two signatures of one key is good only if both hold', () => {
    const [early, late] = [witness(AT - 5_000), witness(AT)]
    const verifiers = [LOG_VKEY, WITNESS_VKEY]
    const times = openNote(signNote(BODY, [LOG, early, late]), verifiers).verified.map(({ atMs }) => atMs)
    expect(times).toEqual([undefined, AT - 5_000, AT])
    const forged = { ...late, sign: () => early.sign('other\n') }
    expect(flawOf(() => openNote(signNote(BODY, [LOG, early, forged]), verifiers))).toBe('forged')
  })

  test('with one signature many times is signed once, and verified once', () => {
    let verifications = 0
    const counting = { ...LOG_VKEY, verify: (...said: Parameters<typeof LOG_VKEY.verify>) => (verifications++, LOG_VKEY.verify(...said)) } // prettier-ignore
    const { verified } = openNote(signNote(BODY, Array<typeof LOG>(90).fill(LOG)), [counting])
    expect([verified.length, verifications]).toEqual([1, 1])
  })

  test('gets more signatures without losing any, and none twice', () => {
    const signed = signNote(BODY, [LOG])
    const line = signatureLine(BODY, witness())
    const grown = addSignatures(signed, [line])
    expect(grown).toBe(signNote(BODY, [LOG, witness()]))
    expect(addSignatures(grown, [line, signatureLine(BODY, LOG)])).toBe(grown)
    for (const bad of ['', '— x', 'text', `\n${line}`, `${line}\n`])
      expect(flawOf(() => addSignatures(signed, [bad]))).toBe('malformed')
  })

  test('of a form that has a second reading is refused', () => {
    const good = signNote(BODY, [LOG])
    const line = signatureLine(BODY, LOG)
    const bad = {
      'no signature': `${BODY}\n`,
      'no blank line': `${BODY}${line}\n`,
      'no last newline': good.slice(0, -1),
      'a carriage return': good.replaceAll('\n', '\r\n'),
      'a tab': good.replace('17', '17\t'),
      'a zero byte': good.replace('17', '17\u0000'),
      'a lone surrogate': `\ud800${good}`,
      'a hyphen for a dash': good.replace('— ', '- '),
      'two spaces': good.replace('— ', '—  '),
      'a word too many': good.replace(line, `${line} x`),
      'base64 without its padding': good.replace(line, line.replace(/=+$/, '')),
      'base64 with loose bits': good.replace(line, line.replace(/[A-Za-z0-9+/]=$/, (end) => (end === 'A=' ? 'B=' : `${looser(end)}=`))), // prettier-ignore
      'a plus in the name': good.replace(`— ${ORIGIN}`, `— ${ORIGIN}+1`),
      'no room for a key id': `${BODY}\n— x AAAA\n`,
    }
    for (const [what, note] of Object.entries(bad)) expect([what, flawOf(() => parseNote(note))]).toEqual([what, 'malformed']) // prettier-ignore
  })

  test('no single changed character leaves both its text and its signatures standing', () => {
    const note = signNote(BODY, [LOG, witness()])
    const changed = fc.tuple(fc.nat(note.length - 1), fc.string({ unit: 'binary', maxLength: 2 }))
    fc.assert(
      fc.property(changed, ([at, by]) => {
        const other = note.slice(0, at) + by + note.slice(at + 1)
        fc.pre(other !== note)
        const known = [LOG_VKEY, WITNESS_VKEY]
        const flaw = flawOf(() => openNote(other, known))
        if (flaw) return true
        const { body, verified } = openNote(other, known) // a name or key id changed: one signature is a stranger's now
        return body === BODY && verified.length === 1
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a cosignature', () => {
  test('is of a moment, and of one text', () => {
    const blob = parseSignatureLines(`${signatureLine(BODY, witness())}\n`)[0]?.blob ?? Buffer.alloc(0)
    expect(blob).toHaveLength(72)
    expect(blob.readBigUInt64BE()).toBe(BigInt(AT / 1_000))
    expect(WITNESS_VKEY.verify(BODY, blob)).toBe(true)
    expect(WITNESS_VKEY.verify(BODY.replace('17', '18'), blob)).toBe(false)
    const later = Buffer.from(blob)
    later.writeBigUInt64BE(BigInt(AT / 1_000 + 1))
    expect(WITNESS_VKEY.verify(BODY, later)).toBe(false)
  })

  test('at a moment that nobody can count to is no cosignature', () => {
    const blob = Buffer.from(witness().sign(BODY))
    blob.writeBigUInt64BE(2n ** 64n - 1n)
    expect(WITNESS_VKEY.verify(BODY, blob)).toBe(false)
    expect(WITNESS_VKEY.verify(BODY, blob.subarray(8))).toBe(false)
  })

  test('never passes for a signature of the log, whatever the key and the name: their key ids differ', () => {
    const asLog = logSigner('b.example/witness', WITNESS_KEY)
    expect(asLog.keyId.equals(witness().keyId)).toBe(false)
    expect(flawOf(() => openNote(signNote(BODY, [witness()]), [parseVkey(asLog.vkey)]))).toBe('unsigned')
  })
})

describe('a verification key', () => {
  const LOW_ORDER = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  ]
  const NOT_CANONICAL = [
    '0100000000000000000000000000000000000000000000000000000000000080',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]

  test.each([...LOW_ORDER, ...NOT_CANONICAL])('that nobody can own is refused: %s', (hex) => {
    expect(flawOf(() => verifierOf('x.example', 'ed25519', Buffer.from(hex, 'hex')))).toBe('malformed')
  })

  test('of another length, type or name is refused', () => {
    const raw = Buffer.from(LOG_VKEY.publicKey)
    for (const bad of [raw.subarray(1), Buffer.concat([raw, raw])])
      expect(flawOf(() => verifierOf('x.example', 'ed25519', bad))).toBe('malformed')
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\nb', 'a\u2028b', 'a\u0085b', '\ud800'])
      expect([name, flawOf(() => verifierOf(name, 'ed25519', raw))]).toEqual([name, 'malformed'])
    for (const vkey of ['', 'x', 'x+00000000', `${LOG.vkey}=`, ` ${LOG.vkey}`, LOG.vkey.replace('+A', '+B')])
      expect([vkey, flawOf(() => parseVkey(vkey))]).toEqual([vkey, 'malformed'])
  })

  test('reads back as it was written, and says what it is for', () => {
    expect(LOG_VKEY).toMatchObject({ name: ORIGIN, type: 'ed25519', vkey: LOG.vkey })
    expect(WITNESS_VKEY).toMatchObject({ name: 'b.example/witness', type: 'cosignature/v1', vkey: witness().vkey })
  })
})

/** The next letter of base64: the same bytes to a careless reader. */
function looser(end: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return ALPHABET[ALPHABET.indexOf(end[0] ?? '') + 1] ?? 'B'
}

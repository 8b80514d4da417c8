import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSealingKeyFile, readSealingKey, SealBroken, SealingKey, SealingKeyUnusable } from './index.ts'

const key = new SealingKey(randomBytes(32))
const bytes = fc.uint8Array({ maxLength: 300 })
let dir: string
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'sealing-'))))
afterAll(() => rmSync(dir, { recursive: true }))

test('what is sealed is opened by the same key in the same context', () => {
  fc.assert(
    fc.property(bytes, fc.string(), (secret, context) => {
      expect(key.open(key.seal(secret, context), context)).toEqual(Buffer.from(secret))
    }),
  )
})

test('in any other context it is not: a value copied into another row stays shut', () => {
  fc.assert(
    fc.property(bytes, fc.string(), fc.string(), (secret, context, other) => {
      fc.pre(context !== other)
      expect(() => key.open(key.seal(secret, context), other)).toThrow(SealBroken)
    }),
  )
})

test('with any bit changed it is not', () => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat({ max: 7 }), (secret, at, bit) => {
      const sealed = key.seal(secret, 'ca/1')
      const index = at % sealed.length
      sealed[index] = (sealed[index] ?? 0) ^ (1 << bit)
      expect(() => key.open(sealed, 'ca/1')).toThrow(SealBroken)
    }),
  )
})

test('cut short anywhere, or with bytes added, it is not', () => {
  const sealed = key.seal(Buffer.from('secret'), 'ca/1')
  for (let length = 0; length < sealed.length; length++) {
    expect(() => key.open(sealed.subarray(0, length), 'ca/1')).toThrow(SealBroken)
  }
  expect(() => key.open(Buffer.concat([sealed, Buffer.of(0)]), 'ca/1')).toThrow(SealBroken)
})

test('another key does not open it, and the error names the key that would', () => {
  const sealed = key.seal(Buffer.from('secret'), 'ca/1')
  expect(() => new SealingKey(randomBytes(32)).open(sealed, 'ca/1')).toThrow(/sealed with the key [0-9a-f]{8}/)
})

test('the same secret never looks the same twice', () => {
  const seen = new Set(Array.from({ length: 500 }, () => key.seal(Buffer.from('secret'), 'ca/1').toString('hex')))
  expect(seen.size).toBe(500)
})

test('while a key is replaced the previous one still opens, and what it sealed is known to be outdated', () => {
  const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)]
  const old = new SealingKey(first).seal(Buffer.from('secret'), 'ca/1')
  const rotating = new SealingKey(second, first)
  expect(rotating.open(old, 'ca/1').toString()).toBe('secret')
  expect(rotating.isOutdated(old)).toBe(true)
  const renewed = rotating.seal(rotating.open(old, 'ca/1'), 'ca/1')
  expect(rotating.isOutdated(renewed)).toBe(false)
  expect(new SealingKey(second).open(renewed, 'ca/1').toString()).toBe('secret')
  expect(() => new SealingKey(first).open(renewed, 'ca/1')).toThrow(SealBroken)
  expect(() => new SealingKey(third, second).open(old, 'ca/1')).toThrow(SealBroken)
})

test('a key does not show itself', () => {
  const raw = randomBytes(32)
  const shown = `${JSON.stringify({ key: new SealingKey(raw) })} ${inspect(new SealingKey(raw), { depth: 5 })}`
  expect(shown).not.toContain(raw.toString('base64'))
  expect(shown).not.toContain(raw.toString('hex').slice(0, 8))
  expect(shown).toContain('[redacted]')
})

test('a new key file is for its owner alone, and never replaces another', () => {
  const path = join(dir, 'new.key')
  createSealingKeyFile(path)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const sealed = readSealingKey({ file: path }).seal(Buffer.from('secret'), 'x')
  expect(readSealingKey({ file: path }).open(sealed, 'x').toString()).toBe('secret')
  expect(() => createSealingKeyFile(path)).toThrow('EEXIST')
})

test('a key is the same whether it comes from a file, in base64 or raw, or from a value', () => {
  const raw = randomBytes(32)
  const base64 = raw.toString('base64')
  const files = { 'raw.key': raw, 'text.key': `${base64}\n` }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content, { mode: 0o600 })
  const sealed = readSealingKey({ value: base64 }).seal(Buffer.from('secret'), 'x')
  for (const name of Object.keys(files)) {
    expect(
      readSealingKey({ file: join(dir, name) })
        .open(sealed, 'x')
        .toString(),
    ).toBe('secret')
  }
})

test.each([
  ['nothing', {}],
  ['a short key', { value: randomBytes(31).toString('base64') }],
  ['a long key', { value: randomBytes(33).toString('base64') }],
  ['a key with a typing mistake', { value: `*${randomBytes(32).toString('base64').slice(1)}` }],
  ['a key with a character too many', { value: `!${randomBytes(32).toString('base64')}` }],
  ['32 characters that are no base64 of 32 bytes', { value: 'correct horse battery staple 123' }],
  ['a file and a value', { value: randomBytes(32).toString('base64'), file: '/dev/null' }],
])('%s is refused as a sealing key', (_, source) => {
  expect(() => readSealingKey(source)).toThrow(SealingKeyUnusable)
})

test('a key file that others can read is refused, with the command that mends it', () => {
  const path = join(dir, 'open.key')
  createSealingKeyFile(path)
  chmodSync(path, 0o644)
  expect(() => readSealingKey({ file: path })).toThrow(`chmod 600 ${path}`)
})

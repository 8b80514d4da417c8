import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  forgetToken,
  PAYLOAD_KEYS,
  pathOf,
  PayloadBroken,
  payloadFrom,
  readPayload,
  trustDomainFor,
  withoutToken,
  writePayload,
  type PayloadKey,
} from './index.ts'
import { somePayload } from './testing.ts'

let dir: string
let places: { fwCfgRoot: string; file: string }
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'payload-'))
  places = { fwCfgRoot: join(dir, 'fw'), file: join(dir, 'payload.json') }
})
afterEach(() => rmSync(dir, { recursive: true }))

const OPTIONAL: readonly PayloadKey[] = ['advertise_url', 'region', 'contract_version']
const problems = async (reading: Promise<unknown>) => {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof PayloadBroken)) throw new Error('the payload was taken for whole', { cause: error })
  return error.problems
}

describe('a payload', () => {
  test('that was written is read as it was, and only its owner can read it', async () => {
    const payload = somePayload({ advertise_url: 'https://127.0.0.1:9443', region: 'eu-1' })
    await writePayload(places.fwCfgRoot, payload)
    expect(await readPayload(places)).toEqual(payload)
    for (const key of PAYLOAD_KEYS) expect(statSync(pathOf(places.fwCfgRoot, key)).mode & 0o777).toBe(0o600)
  })

  test('in the place of another leaves nothing of that one', async () => {
    await writePayload(places.fwCfgRoot, somePayload({ region: 'eu-1' }))
    const next = somePayload({ acceptance_token: 'B'.repeat(43) })
    await writePayload(places.fwCfgRoot, next)
    expect(await readPayload(places)).toEqual(next)
  })

  test('is read from the file where there is no firmware that has one', async () => {
    const payload = somePayload()
    writeFileSync(places.file, JSON.stringify({ ...payload, something: 'else' }))
    expect(await readPayload(places)).toEqual(payload)
  })

  test('that ends in white space is the same', async () => {
    const payload = somePayload()
    await writePayload(places.fwCfgRoot, payload)
    writeFileSync(pathOf(places.fwCfgRoot, 'ca_pin'), `  ${payload.ca_pin}\n`)
    expect(await readPayload(places)).toEqual(payload)
  })
})

describe('a machine without a parent', () => {
  test('is one with no payload at all', async () => {
    expect(await readPayload(places)).toBeUndefined()
  })

  test('is one whose payload names none, whatever else it has: so half a payload is none', async () => {
    await writePayload(places.fwCfgRoot, somePayload())
    rmSync(pathOf(places.fwCfgRoot, 'parent_url'))
    expect(await readPayload(places)).toBeUndefined()
  })
})

describe('a payload that cannot be used says which key is to blame', () => {
  test.each(PAYLOAD_KEYS.filter((key) => key !== 'parent_url' && !OPTIONAL.includes(key)))(
    '%s is missing',
    async (key) => {
      await writePayload(places.fwCfgRoot, somePayload())
      rmSync(pathOf(places.fwCfgRoot, key))
      expect(await problems(readPayload(places))).toEqual([`${key} is missing`])
    },
  )

  test.each([
    ['acceptance_token', 'short'],
    ['ca_pin', 'Z'.repeat(64)],
    ['parent_identity_key', 'AAAA'],
    ['spawn_mode', 'manged_child'],
    ['parent_url', 'http://127.0.0.1:8443'],
    ['parent_url', 'https://u:p@127.0.0.1:8443'],
    ['hostname', 'no such name'],
    ['trust_domain', 'UPPER.example'],
    ['contract_version', 'one'],
  ] as const)('%s holds nonsense', async (key, value) => {
    await writePayload(places.fwCfgRoot, somePayload())
    writeFileSync(pathOf(places.fwCfgRoot, key), value)
    const found = await problems(readPayload(places))
    expect(found.join()).toContain(key)
    expect(found.join()).not.toContain(value)
  })

  test('cut short in the midst of a key', async () => {
    await writePayload(places.fwCfgRoot, somePayload())
    truncateSync(pathOf(places.fwCfgRoot, 'acceptance_token'), 20)
    expect(await problems(readPayload(places))).toEqual(['acceptance_token is not a token of 43 characters'])
  })

  test('a file that was cut short, without showing what stands in it', async () => {
    writeFileSync(places.file, JSON.stringify(somePayload()).slice(0, 120))
    const [problem = ''] = await problems(readPayload(places))
    expect(problem).toContain('is not whole')
    expect(problem).not.toContain('AAAA')
  })

  test('a value longer than 64 KiB, which is not read to its end', async () => {
    await writePayload(places.fwCfgRoot, somePayload())
    writeFileSync(pathOf(places.fwCfgRoot, 'contact'), 'x'.repeat(65 * 1024))
    expect(await problems(readPayload(places))).toEqual(['contact is longer than 64 KiB'])
  })

  test('put together from two: the id is not that of the key', async () => {
    const payload = somePayload()
    expect(() => payloadFrom({ ...payload, parent_platform_id: 'a'.repeat(32) })).toThrow(/parent_platform_id/)
  })
})

describe('the token', () => {
  test('can be taken away once the platform holds it, and the rest is read on', async () => {
    const payload = somePayload()
    await writePayload(places.fwCfgRoot, payload)
    writeFileSync(places.file, JSON.stringify(payload))
    expect(await forgetToken(places)).toBe(true)
    expect(existsSync(pathOf(places.fwCfgRoot, 'acceptance_token'))).toBe(false)
    expect(readFileSync(places.file, 'utf8')).not.toContain(payload.acceptance_token)
    expect(await readPayload(places, { tokenTaken: true })).toEqual({ ...payload, acceptance_token: '' })
    expect(await problems(readPayload(places))).toEqual(['acceptance_token is missing'])
  })

  test('that was there never is no reason to fail', async () => {
    expect(await forgetToken(places)).toBe(true)
  })

  test('does not stand in what may be shown', () => {
    expect(Object.keys(withoutToken(somePayload()))).not.toContain('acceptance_token')
  })
})

test('a child without a domain of its own lies below its parent', () => {
  expect(trustDomainFor('child-1', 'parent.example')).toBe('child-1.parent.example')
  expect(trustDomainFor('child.other.example', 'parent.example')).toBe('child.other.example')
})

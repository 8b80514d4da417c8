import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkManifest, readManifest } from './backup-manifest.ts'

const SHA = 'a'.repeat(64)
const file = (path: string) => `{ ${path}, "Size": 3, "Checksum-Algorithm": "SHA256", "Checksum": "${SHA}" }`
const body = `{ "PostgreSQL-Backup-Manifest-Version": 2,
"System-Identifier": 7512345678901234567,
"Files": [
${file('"Path": "PG_VERSION"')},
${file('"Encoded-Path": "66c3"')}
],
"WAL-Ranges": [],
`
const whole = Buffer.from(`${body}"Manifest-Checksum": "${hash('sha256', body, 'hex')}"}\n`)

test('a manifest names every file, and its server to the last digit', () => {
  const { systemIdentifier, files } = readManifest(whole)
  expect(systemIdentifier).toBe('7512345678901234567')
  expect(files).toEqual([
    { path: 'PG_VERSION', sizeBytes: 3, sha256: SHA },
    { path: 'f\u00c3', sizeBytes: 3, sha256: SHA },
  ])
})

test('a manifest that was cut short or altered is no manifest', () => {
  expect(() => readManifest(Buffer.from(body))).toThrow(/cut short/)
  expect(() => readManifest(Buffer.from(whole.toString().replace('"Size": 3', '"Size": 4')))).toThrow(/not the one/)
})

test('a file that is missing, longer or of other bytes is found', () => {
  const manifest = { systemIdentifier: undefined, files: [{ path: 'PG_VERSION', sizeBytes: 3, sha256: SHA }] }
  const got = (sizeBytes: number, sha256: string) => new Map([['PG_VERSION', { sizeBytes, sha256 }]])
  expect(() => checkManifest(manifest, got(3, SHA))).not.toThrow()
  expect(() => checkManifest(manifest, new Map())).toThrow(/PG_VERSION is missing/)
  expect(() => checkManifest(manifest, got(4, SHA))).toThrow(/altered/)
  expect(() => checkManifest(manifest, got(3, 'b'.repeat(64)))).toThrow(/altered/)
})

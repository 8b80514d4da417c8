import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCsr } from './csr.ts'
import { renewedBy, signRenewal } from './node-renewal.ts'
import { makeTestAuthority, makeTestIdentity } from './testing.ts'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'renewal-'))))
afterEach(() => rmSync(dir, { recursive: true }))

test('only who holds the key of the certificate can ask for another one by it, and for that request alone', async () => {
  const authority = await makeTestAuthority('parent.example')
  const id = { trustDomain: 'parent.example', kind: 'instance', name: '019f0000-0000-7000-8000-000000000001' } as const
  const identity = (name: string) => makeTestIdentity(authority, id, { dir: join(dir, name) })
  const [mine, another] = [await identity('mine'), await identity('another')]
  const { csrDer } = await createCsr()
  const renewal = signRenewal(mine, csrDer)
  expect(renewedBy(renewal, csrDer)?.fingerprint256).toBe(new X509Certificate(mine.cert).fingerprint256)
  expect(renewedBy(renewal, (await createCsr()).csrDer)).toBeUndefined()
  expect(renewedBy({ ...renewal, signature: signRenewal(another, csrDer).signature }, csrDer)).toBeUndefined()
  expect(renewedBy({ certificateDer: Uint8Array.of(1), signature: Uint8Array.of(1) }, csrDer)).toBeUndefined()
})

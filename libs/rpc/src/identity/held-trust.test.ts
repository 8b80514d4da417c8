import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { createCrls, readTlsFiles } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { WatchTrustResponseSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { expect, test } from 'vitest'
import { holdTrust } from './held-trust.ts'

test('what is held is never replaced by nothing: no roots, or no revocation lists where there were some', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'held-trust-'))
  try {
    const authority = await makeTestAuthority('a.example')
    const now = systemClock.now()
    const crls = await createCrls(authority, [], { number: 1, now, nextUpdate: new Date(now.getTime() + 3_600_000) })
    const id = { trustDomain: 'a.example', kind: 'service', name: 'liveness' } as const
    await makeTestIdentity(authority, id, dir)
    const roots = [Uint8Array.from(authority.rootCertificate)]
    const said = (lists: readonly Buffer[], trusted = roots) =>
      create(WatchTrustResponseSchema, { roots: trusted, crls: lists.map((der) => Uint8Array.from(der)) })

    expect(holdTrust(dir, said(crls))).toBe(true)
    const held = readTlsFiles(dir)
    expect(() => holdTrust(dir, said([]))).toThrow('no revocation list')
    expect(() => holdTrust(dir, said(crls, []))).toThrow('no root')
    expect(readTlsFiles(dir)).toEqual(held)
    expect(holdTrust(dir, said(crls))).toBe(false)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

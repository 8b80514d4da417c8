import { X509Certificate } from 'node:crypto'
import { createCsr } from '@powernode/identity'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { DAY_MS } from '../invitation.ts'
import * as authorities from '../store/authorities.ts'
import { issueCertificate } from './issue-certificate.ts'
import { prolongIssuing } from './prolong-issuing.ts'

let a: TestPlatform
beforeEach(async () => void (a = await startPlatform('a.example')))
afterEach(() => a.drop())

const sweep = () => a.act((tx, now) => prolongIssuing(tx, now, a.us))
const issue = async () => {
  const said = { us: a.us, by: BY, kind: 'service', name: 'x', hosts: [], ttlMs: 90 * DAY_MS, peerId: null } as const
  const { csrDer } = await createCsr()
  return a.act((tx, now) => issueCertificate(tx, now, { ...said, csrDer }))
}

test('a platform lives longer than the first certificate of its issuing CA, and nobody has to be told', async () => {
  const { issuingCertificate, crls } = await a.act((tx) => authorities.current(tx))
  expect(await sweep()).toBe(0)
  await a.clock.advance(300 * DAY_MS)
  const early = await issue()
  expect([await sweep(), await sweep()]).toEqual([1, 0])
  const after = await a.act((tx) => authorities.current(tx))
  expect(after.issuingCertificate).not.toEqual(issuingCertificate)
  expect(after.crls, 'the lists it signed stay good').toEqual(crls)
  const [leaf] = early.chain
  expect(new X509Certificate(leaf!).verify(new X509Certificate(after.issuingCertificate).publicKey)).toBe(true)
  const { certificate } = await issue()
  expect(certificate.notAfter).toEqual(new Date(a.clock.now().getTime() + 90 * DAY_MS))
})

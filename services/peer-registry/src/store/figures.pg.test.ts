import { createCsr } from '@powernode/identity'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { DAY_MS } from '../invitation.ts'
import { federate } from '../../test/handshake.ts'
import { declareCompromise } from '../operations/declare-compromise.ts'
import { createInvitation } from '../operations/create-invitation.ts'
import { issueCertificate } from '../operations/issue-certificate.ts'
import { proposePeer } from '../operations/propose-peer.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import * as figures from './figures.ts'

let a: TestPlatform
beforeAll(async () => void (a = await startPlatform('a.example')))
afterAll(() => a?.drop())

test('the figures count peers by state, open invitations, and the first certificate to run out of each kind', async () => {
  const { us } = a
  const proposal = { us, by: BY, url: '', kind: 'platform', spawnRole: 'symmetric', spawnMode: 'out_of_band' } as const
  const nobody = { parentPeerId: null, accountId: null, remoteAccountId: null, environmentId: null, platformId: null }
  const rest = { ...nobody, previousPeerId: null, prefixAdvertisement: '', metadata: {} }
  const [one, other] = await a.act(async (tx, now) => [
    await proposePeer(tx, now, { ...proposal, ...rest, name: 'one' }),
    await proposePeer(tx, now, { ...proposal, ...rest, name: 'other' }),
  ])
  const { csrDer } = await createCsr()
  await a.act(async (tx, now) => {
    for (const peerId of [one?.id ?? '', other?.id ?? ''])
      await createInvitation(tx, now, { us, by: BY, peerId, name: '', note: '', ttlMs: DAY_MS })
    await revokePeer(tx, now, { us, by: BY, peerId: other?.id ?? '', reason: 'not needed' })
    const wanted = { us, by: BY, kind: 'service', name: 'liveness', csrDer, hosts: [], peerId: null } as const
    await issueCertificate(tx, now, { ...wanted, ttlMs: DAY_MS })
    await issueCertificate(tx, now, { ...wanted, ttlMs: 2 * DAY_MS })
    await issueCertificate(tx, now, { ...wanted, name: 'nats', ttlMs: 3 * DAY_MS })
  })

  const read = await a.act((tx, now) => figures.read(tx, now))
  expect(Object.fromEntries(read.peers)).toEqual({ proposed: 1, revoked: 1 })
  expect(read.openInvitations, 'those of the revoked peer were taken back').toBe(1)
  // liveness has renewed, so the end of its first certificate concerns nobody.
  expect(read.expiries.get('service')?.getTime()).toBe(a.clock.now().getTime() + 2 * DAY_MS)
})

test('whom we still owe word of a compromise is counted, and whom we should have told by now', async () => {
  const b = await startPlatform('b.example', { clock: a.clock })
  await federate(a, b)
  const said = { summary: 'broken into', affected: [], advice: '', peerIds: [], by: BY }
  await a.act((tx, now) => declareCompromise(tx, now, { ...said, discoveredAt: now }))
  await a.act((tx, now) => declareCompromise(tx, now, { ...said, discoveredAt: new Date(now.getTime() - DAY_MS) }))
  const { compromisesOwed, compromisesOverdue } = await a.act((tx, now) => figures.read(tx, now))
  expect([compromisesOwed, compromisesOverdue]).toEqual([2, 1])
  await b.drop()
})

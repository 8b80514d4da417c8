import { X509Certificate } from 'node:crypto'
import { createCsr, derToPem, revokedSerials, spiffeIdOf } from '@powernode/identity'
import { until } from '@powernode/events/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { federate } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { DAY_MS } from '../invitation.ts'
import { bundleIn } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import * as platform from '../store/platform.ts'
import * as spawnedChildren from '../store/spawned-children.ts'
import { issueCertificate } from './issue-certificate.ts'
import { issueForOperator, issueNodeCertificate } from './issue-node-certificate.ts'
import { CRL_REFRESH_AFTER_MS } from './publish-bundle.ts'
import { refreshRevocationLists } from './refresh-revocation-lists.ts'
import { renewOwnCertificate } from './renew-own-certificate.ts'
import { revokePeer } from './revoke-peer.ts'
import { revokeCertificate } from './revoke-certificate.ts'
import { revokeIdentity } from './revoke-identity.ts'
import { signPeerCertificate } from './sign-peer-certificate.ts'

let a: TestPlatform
beforeAll(async () => {
  a = await startPlatform('a.example')
})
afterAll(() => a?.drop())

const csr = async () => (await createCsr()).csrDer
const issue = async (name: string, { ttlMs = DAY_MS, kind = 'service' as const, hosts = ['localhost'] } = {}) => {
  const said = { us: a.us, by: BY, kind, name, csrDer: await csr(), hosts, ttlMs, peerId: null }
  return a.act((tx, now) => issueCertificate(tx, now, said))
}
const renew = async (name: string) => {
  const said = { us: a.us, by: BY, caller: { kind: 'service', name } as const, csrDer: await csr() }
  return a.act((tx, now) => renewOwnCertificate(tx, now, said))
}
const revoke = (serial: string) =>
  a.act((tx, now) => revokeCertificate(tx, now, { us: a.us, by: BY, serial, reason: 'lost' }))
const revokedNow = async () => {
  const { crls } = await a.act((tx) => authorities.current(tx))
  return revokedSerials(crls.map((der) => derToPem(Buffer.from(der, 'base64'), 'X509 CRL')))
}

/** How many wait for a lock; asked outside of any transaction, which would be told the same again and again. */
const waiting = async () => {
  const { rows } = await sql<{ count: number }>`select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(a.db)
  return rows[0]?.count ?? 0
}

const plain = (serial: string) => serial.replace(/^0+/, '')

describe('a certificate', () => {
  test('names whom we say, for as long as we say, and is on record', async () => {
    const { certificate, chain } = await issue('liveness')
    const leaf = new X509Certificate(chain[0]!)
    expect(spiffeIdOf(leaf)).toEqual({ trustDomain: 'a.example', kind: 'service', name: 'liveness' })
    expect(leaf.serialNumber.toLowerCase()).toBe(certificate.serial)
    expect(certificate.notAfter).toEqual(new Date(a.clock.now().getTime() + DAY_MS))
    expect((await announced(a)).at(-1)).toBe('certificate.issued')
  })

  test('is not made for a request that proves nothing, nor for a host that is none', async () => {
    const before = await everything(a)
    const bad = await csr()
    bad[bad.length - 1]! ^= 1
    const said = { us: a.us, by: BY, kind: 'service', name: 'x', hosts: [], ttlMs: DAY_MS, peerId: null } as const
    await expectRefusal(
      a.act((tx, now) => issueCertificate(tx, now, { ...said, csrDer: bad })),
      'CSR_INVALID',
    )
    await expectRefusal(issue('x', { hosts: ['*.example.org'] }), 'HOST_NOT_ALLOWED')
    expect(await everything(a)).toEqual(before)
  })

  test('is renewed with the same name and hosts by whoever holds it', async () => {
    await issue('audit-ledger', { hosts: ['ledger.internal', '127.0.0.1'] })
    const { certificate } = await renew('audit-ledger')
    expect(certificate).toMatchObject({ spiffeId: 'spiffe://a.example/service/audit-ledger', hosts: ['ledger.internal', '127.0.0.1'] }) // prettier-ignore
    await expectRefusal(renew('nobody'), 'CERTIFICATE_NOT_FOUND')
  })

  test('goes with all others of its identity when that is revoked, so that a thief who renewed has nothing left', async () => {
    const first = (await issue('stolen')).certificate
    const renewed = (await renew('stolen')).certificate
    const another = (await issue('another')).certificate
    const said = { us: a.us, by: BY, kind: 'service', name: 'stolen', reason: 'stolen' } as const
    const revoked = await a.act((tx, now) => revokeIdentity(tx, now, said))
    expect(new Set(revoked.map(({ serial }) => serial))).toEqual(new Set([first.serial, renewed.serial]))
    const listed = await revokedNow()
    expect([first, renewed, another].map(({ serial }) => listed.has(plain(serial)))).toEqual([true, true, false])
    await expectRefusal(renew('stolen'), 'CERTIFICATE_NOT_FOUND')
    await expectRefusal(
      a.act((tx, now) => revokeIdentity(tx, now, said)),
      'CERTIFICATE_NOT_FOUND',
    )
  })

  test('of a node goes in the same way, and its node has to be let in anew', async () => {
    const name = '019f0000-0000-7000-8000-000000000abc'
    const said = { us: a.us, by: BY, kind: 'instance', name, hosts: [], ttlMs: DAY_MS, peerId: null } as const
    const node = await a.act(async (tx, now) => issueCertificate(tx, now, { ...said, csrDer: await csr() }))
    await a.act((tx, now) => revokeIdentity(tx, now, { ...said, reason: 'the disk was stolen' }))
    expect(await revokedNow()).toContain(plain(node.certificate.serial))
    const caller = { kind: 'instance', name } as const
    await expectRefusal(
      a.act(async (tx, now) => renewOwnCertificate(tx, now, { us: a.us, by: BY, caller, csrDer: await csr() })),
      'CERTIFICATE_NOT_FOUND',
    )
  })

  test('of a node that never stops asking goes with its peering all the same, and nothing that was under way is signed after it', async () => {
    const b = await startPlatform('node.example', { clock: a.clock })
    const { onA: peerId } = await federate(a, b)
    const name = '019f0000-0000-7000-8000-000000000abd'
    const child = { peerId, spawnId: peerId, instanceId: name, createdAt: a.clock.now() }
    await a.act((tx) => spawnedChildren.insert(tx, child))
    const node = { us: a.us, by: BY, kind: 'instance', name, hosts: [], ttlMs: DAY_MS, peerId } as const
    const next = async () => a.act((tx, now) => issueNodeCertificate(tx, now, { ...node, csrDer }))
    const csrDer = await csr()
    const caller = { kind: 'instance', name } as const
    const own = () => a.act((tx, now) => renewOwnCertificate(tx, now, { us: a.us, by: BY, caller, csrDer }))
    const byHand = () => a.act((tx, now) => issueForOperator(tx, now, { ...node, peerId: null, csrDer }))
    await next()
    await own()
    const { certificate } = await byHand()
    const { effects, refused, later } = await a.act(async (tx, now) => {
      const revoked = await revokePeer(tx, now, { us: a.us, by: BY, peerId, reason: '' })
      const refused = [expectRefusal(next(), 'PEER_REVOKED'), expectRefusal(own(), 'CERTIFICATE_NOT_FOUND')]
      const later = byHand()
      await until(async () => (await waiting()) === 3)
      return { ...revoked, refused, later: [later] } // not waited for: they wait for us
    })
    expect(effects).toContain('3 certificates we signed are revoked')
    await Promise.all(refused)
    // An operator lets it in all the same, for a peering that is no more.
    const [anew] = await Promise.all(later)
    const listed = await revokedNow()
    expect([certificate, anew!.certificate].map(({ serial, peerId: of }) => [of, listed.has(plain(serial))])).toEqual([[peerId, true], [null, false]]) // prettier-ignore
    await b.drop()
  })

  test('of a node is not signed without end either, by whichever way it asks', async () => {
    const name = '019f0000-0000-7000-8000-000000000abe'
    const node = { us: a.us, by: BY, kind: 'instance', name, hosts: [], ttlMs: 9 * DAY_MS, peerId: null } as const
    const csrDer = await csr()
    const next = () => a.act((tx, now) => issueNodeCertificate(tx, now, { ...node, csrDer }))
    const caller = { kind: 'instance', name } as const
    const own = () => a.act((tx, now) => renewOwnCertificate(tx, now, { us: a.us, by: BY, caller, csrDer }))
    for (let n = 0; n < 25; n++) {
      await next()
      await own()
    }
    await expectRefusal(next(), 'RATE_LIMITED')
    await expectRefusal(own(), 'RATE_LIMITED')
    await a.clock.advance(DAY_MS)
    await own()
    await expectRefusal(next(), 'RATE_LIMITED')
    const said = { us: a.us, by: BY, kind: 'instance', name, reason: 'stolen' } as const
    expect(await a.act((tx, now) => revokeIdentity(tx, now, said))).toHaveLength(51)
    await expectRefusal(next(), 'CERTIFICATE_NOT_FOUND')
  })

  test('that was taken back is not renewed, until an operator issues one anew, however short', async () => {
    const { certificate } = await issue('grant-authz', { ttlMs: 30 * DAY_MS })
    await revoke(certificate.serial)
    await expectRefusal(renew('grant-authz'), 'CERTIFICATE_NOT_FOUND')
    await a.clock.advance(1_000)
    await issue('grant-authz', { ttlMs: DAY_MS })
    await renew('grant-authz')
  })

  test('that was taken back is on the next list and in the next bundle, once', async () => {
    const { certificate } = await issue('nats')
    const before = await a.act((tx) => platform.read(tx))
    await revoke(certificate.serial)
    expect(await revokedNow()).toContain(plain(certificate.serial))
    const after = await a.act((tx) => platform.read(tx))
    expect(after.bundleSequence).toBe(before.bundleSequence + 1)
    expect(bundleIn(after.bundle).crls).not.toEqual(bundleIn(before.bundle).crls)
    const settled = await everything(a)
    await revoke(certificate.serial)
    expect(await everything(a)).toEqual(settled)
    await expectRefusal(revoke('00ff'), 'CERTIFICATE_NOT_FOUND')
  })

  test('twenty taken back at once are all on the list', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, (_, n) => issue(`many-${n}`)))
    await Promise.all(many.map(({ certificate }) => revoke(certificate.serial)))
    const listed = await revokedNow()
    for (const { certificate } of many) expect(listed).toContain(plain(certificate.serial))
  })

  test('is not signed for a peer without end: whoever holds fifty can still be revoked, and gets one more a day', async () => {
    const b = await startPlatform('measure.example', { clock: a.clock })
    const { onA } = await federate(a, b, { trustMode: 'hierarchical' })
    const csrDer = await csr()
    const sign = () => a.act((tx, now) => signPeerCertificate(tx, now, { us: a.us, by: BY, peerId: onA, csrDer }))
    for (let n = 1; n < 50; n++) await sign()
    await expectRefusal(sign(), 'RATE_LIMITED')
    await a.clock.advance(DAY_MS)
    await sign()
    await expectRefusal(sign(), 'RATE_LIMITED')
    const { effects } = await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
    expect(effects).toContain('51 certificates we signed are revoked')
    await b.drop()
  })

  test('for a peer is signed only under hierarchical trust', async () => {
    const b = await startPlatform('b.example', { clock: a.clock })
    const { onA } = await federate(a, b)
    const csrDer = await csr()
    const said = { us: a.us, by: BY, peerId: onA, csrDer }
    await expectRefusal(
      a.act((tx, now) => signPeerCertificate(tx, now, said)),
      'CALLER_NOT_ALLOWED',
    )
    await b.drop()
  })
})

test('revocation lists are signed anew long before they run out', async () => {
  expect(await a.act((tx, now) => refreshRevocationLists(tx, now, a.us))).toBe(0)
  await a.clock.advance(CRL_REFRESH_AFTER_MS + 1)
  const { crlNumber } = await a.act((tx) => authorities.current(tx))
  expect(await a.act((tx, now) => refreshRevocationLists(tx, now, a.us))).toBe(1)
  expect((await a.act((tx) => authorities.current(tx))).crlNumber).toBe(crlNumber + 1)
})

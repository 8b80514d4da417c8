import { X509Certificate } from 'node:crypto'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { LEASE_MS } from '@powernode/feed'
import { isTick, readFeed } from '@powernode/feed/testing'
import { createCsr } from '@powernode/identity'
import {
  CertificateAuthorityService,
  CertificateKind,
  RotationStep,
} from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { elapsed } from '@powernode/process'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { expectRefusal, refusesEverybodyElse } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDoors } from '../../test/door.ts'
import { federate, invite, owed, propose, take } from '../../test/handshake.ts'
import { BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { tellsState } from '../../test/reader.ts'
import { oweErrand } from '../operations/owe-errands.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import { AUTHORITY_CALLERS, PEER_CALLERS } from './callers.ts'

const ALICE = { kind: 'operator', name: 'alice' } as const
const service = (name: string) => ({ kind: 'service', name }) as const

let a: TestPlatform
let b: TestPlatform
let doors: ReturnType<typeof openDoors>
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  doors = openDoors(a)
})
afterEach(async () => {
  await doors.close()
  await Promise.all([a.drop(), b.drop()])
})

const peersAs = (caller = ALICE as Parameters<typeof doors.clientAs>[1]) => doors.clientAs(PeerRegistryService, caller)
const caAs = (caller = ALICE as Parameters<typeof doors.clientAs>[1]) =>
  doors.clientAs(CertificateAuthorityService, caller)

describe('who may call', () => {
  test('nobody but those in the table, RPC by RPC', async () => {
    await refusesEverybodyElse(PeerRegistryService, PEER_CALLERS, doors.clientAs)
    await refusesEverybodyElse(CertificateAuthorityService, AUTHORITY_CALLERS, doors.clientAs)
  })

  test('no service may do what only an operator decides', () => {
    const decided = ['proposePeer', 'acceptInvitation', 'suspendPeer', 'resumePeer', 'revokePeer', 'repeerPeer', 'createInvitation', 'revokeInvitation'] as const // prettier-ignore
    for (const rpc of decided) expect(PEER_CALLERS[rpc]).toEqual(['system.federation_peers.manage'])
    for (const rpc of ['revokeCertificate', 'planRotation', 'applyRotation'] as const)
      expect(AUTHORITY_CALLERS[rpc]).toEqual(['system.federation_ca.manage'])
  })

  test('spawn-provisioner has certificates issued for machines and nothing else, and people by names that are fit for each', async () => {
    const spawner = { kind: 'service', name: 'spawn-provisioner' } as const
    const csrDer = Uint8Array.from((await createCsr()).csrDer)
    const machine = { kind: CertificateKind.INSTANCE, name: '01938f00-0000-7000-8000-000000000003', csrDer }
    const { chain } = await caAs(spawner).issueCertificate({
      ...machine,
      commonName: 'powernode_repl_0123456789abcdef',
    })
    const leaf = new X509Certificate(chain[0]!)
    expect(leaf.subject).toContain('CN=powernode_repl_0123456789abcdef')
    expect(leaf.subjectAltName).toBe(`URI:spiffe://a.example/instance/${machine.name}`)
    const own = await caAs({ kind: 'instance', name: machine.name }).renewOwnCertificate({ csrDer })
    expect(new X509Certificate(own.chain[0]!).subject, 'renewed by itself it is the same to Postgres').toBe(
      leaf.subject,
    )
    const node = await caAs().issueCertificate(machine)
    expect(new X509Certificate(node.chain[0]!).subjectAltName).toBe(`URI:spiffe://a.example/instance/${machine.name}`)
    await expectRefusal(caAs().issueCertificate({ ...machine, name: 'liveness' }), 'REQUEST_INVALID')
    await expectRefusal(caAs().issueCertificate({ ...machine, commonName: 'postgres' }), 'REQUEST_INVALID')
    for (const kind of [CertificateKind.SERVICE, CertificateKind.OPERATOR])
      await expectRefusal(caAs(spawner).issueCertificate({ kind, name: 'alice', csrDer }), 'REQUEST_INVALID')
    const asAnother = { kind: CertificateKind.SERVICE, name: 'liveness', csrDer, commonName: 'postgres' }
    await expectRefusal(caAs().issueCertificate(asAnother), 'REQUEST_INVALID')
  })

  test('an agent has no certificate issued: with one it would be whoever it names', async () => {
    const { csrDer } = await createCsr()
    const wanted = { kind: CertificateKind.OPERATOR, name: 'alice', csrDer: Uint8Array.from(csrDer) }
    await expectRefusal(caAs({ ...ALICE, agent: true }).issueCertificate(wanted), 'PERMISSION_MISSING')
  })

  test('only the gateway is given the keys of the certificates we show', async () => {
    const { onB: peerId } = await federate(b, a, { trustMode: 'hierarchical' })
    for (const [name, has] of [['federation-gateway', true], ['liveness', false]] as const) {
      const reader = readFeed((requests, signal) => peersAs(service(name)).watchPeers(requests, { signal }))
      const told = (await reader.until(tellsState(peerId, 'ENROLLED'))).at(-1)
      await reader.end()
      if (told?.case !== 'peer') throw new Error('no peer was told')
      expect(told.value.privateKeyPkcs8.length > 0, name).toBe(has)
    } // prettier-ignore
  })
})

describe('what is taken away is enforced when we answer:', () => {
  const gateway = () =>
    readFeed((requests, signal) => peersAs(service('federation-gateway')).watchPeers(requests, { signal }))

  /** It knows when we answer; or, where a busy machine kept the word from arriving, what it was told before is over by then. */
  async function inForce<Answer>(
    reader: ReturnType<typeof gateway>,
    peerId: string,
    state: 'SUSPENDED' | 'REVOKED',
    act: () => Promise<Answer>,
  ): Promise<Answer> {
    const waited = elapsed()
    const answer = await act()
    expect(reader.told.some(tellsState(peerId, state)) || waited() >= LEASE_MS).toBe(true)
    await reader.until(tellsState(peerId, state))
    return answer
  }

  test('a gateway that lives knows of it, and has said so', async () => {
    const { onA: peerId } = await federate(a, b)
    const reader = gateway()
    await reader.until(isTick)
    const { enforcement } = await inForce(reader, peerId, 'SUSPENDED', () => peersAs().suspendPeer({ peerId }))
    expect(enforcement?.by).toMatch(/^(acknowledged|lease)$/)
    const revoked = await inForce(reader, peerId, 'REVOKED', () => peersAs().revokePeer({ peerId }))
    expect(revoked.enforcement?.by).toMatch(/^(acknowledged|lease)$/)
    expect(revoked.enforcement!.epoch).toBeGreaterThan(enforcement!.epoch)
    await reader.end()
  })

  test('a gateway that does not answer is waited out, as long as it could still act', async () => {
    const { onA: peerId } = await federate(a, b)
    const reader = gateway()
    await reader.until(isTick)
    const waited = elapsed()
    await reader.end()
    const { enforcement } = await peersAs().suspendPeer({ peerId })
    expect(waited()).toBeGreaterThan(500)
    expect(durationMs(enforcement!.took!)).toBeLessThan(30_000)
  })

  test('a revocation that the other side gave notice of, too', async () => {
    const { onA: peerId, onB } = await federate(a, b)
    const reader = gateway()
    await reader.until(isTick)
    await b.act((tx, now) => revokePeer(tx, now, { us: b.us, by: BY, peerId: onB, reason: '' }))
    const errand = await b.act((tx) => errands.find(tx, onB, 'notify_revocation'))
    const notice = envelopeFrom(errand!.statement!)
    await inForce(reader, peerId, 'REVOKED', () =>
      peersAs(service('federation-gateway')).receiveRevocation({ peerId, notice }),
    )
    await reader.end()
  })

  test('a rehearsal takes nothing away, so nothing is waited for', async () => {
    const { onA: peerId } = await federate(a, b)
    expect((await peersAs().suspendPeer({ peerId, dryRun: true })).enforcement).toBeUndefined()
    expect((await peersAs().revokePeer({ peerId, dryRun: true })).enforcement).toBeUndefined()
  })
})

describe('a dry run says what would happen, and keeps nothing of it:', () => {
  /** Runs it dry twice and compares every table: the second run finds what the first found. */
  async function keepsNothing<Answer>(run: () => Promise<Answer>): Promise<Answer> {
    const before = await everything(a)
    await run()
    const answer = await run()
    expect(await everything(a)).toEqual(before)
    return answer
  }
  const dryRun = true

  test('propose shows no token, because none was made', async () => {
    const { peer, invitation } = await keepsNothing(() => peersAs().proposePeer({ name: 'north', dryRun }))
    expect(peer).toMatchObject({ name: 'north', state: PeerState.PROPOSED })
    expect(invitation).toMatchObject({ text: '', acceptanceToken: '', command: '' })
  })

  test('accept, and update', async () => {
    const { text } = await invite(b, (await propose(b)).id)
    const { peer } = await keepsNothing(() => peersAs().acceptInvitation({ invitation: text, dryRun }))
    expect(peer).toMatchObject({ state: PeerState.PROPOSED, trustDomain: 'b.example' })
    const { id: peerId } = await propose(a)
    expect((await keepsNothing(() => peersAs().updatePeer({ peerId, name: 'south', dryRun }))).peer?.name).toBe('south')
  })

  test('suspend, resume, revoke and re-peer', async () => {
    const { onA: peerId } = await federate(a, b, { trustMode: 'hierarchical' })
    expect((await keepsNothing(() => peersAs().suspendPeer({ peerId, dryRun }))).peer?.state).toBe(PeerState.SUSPENDED)
    await peersAs().suspendPeer({ peerId })
    expect((await keepsNothing(() => peersAs().resumePeer({ peerId, dryRun }))).peer?.state).toBe(PeerState.ENROLLED)
    const { effects } = await keepsNothing(() => peersAs().revokePeer({ peerId, dryRun }))
    expect(effects).toContain('1 certificate we signed is revoked')
    await peersAs().revokePeer({ peerId })
    const again = await keepsNothing(() => peersAs().repeerPeer({ peerId, dryRun }))
    expect(again.peer?.previousPeerId).toBe(peerId)
    expect(again.invitation?.text).toBe('')
  })

  test('invitations made and taken back', async () => {
    const { id: peerId } = await propose(a)
    await keepsNothing(() => peersAs().createInvitation({ peerId, dryRun }))
    const { invitation } = await peersAs().createInvitation({ peerId, name: 'for bob' })
    const invitationId = invitation?.invitation?.id ?? ''
    const taken = await keepsNothing(() => peersAs().revokeInvitation({ invitationId, dryRun }))
    expect(taken.invitation?.status).toBe('revoked')
  })

  test('certificates and the rotation of the CA', async () => {
    const { csrDer } = await createCsr()
    const wanted = { kind: CertificateKind.OPERATOR, name: 'bob', csrDer: Uint8Array.from(csrDer) }
    expect((await keepsNothing(() => caAs().issueCertificate({ ...wanted, dryRun }))).chain).toEqual([])
    const { certificate } = await caAs().issueCertificate(wanted)
    await keepsNothing(() => caAs().revokeCertificate({ serial: certificate?.serial ?? '', dryRun }))
    expect((await keepsNothing(() => caAs().planRotation({ rehearse: true }))).rotation?.rehearsal).toBe(true)
    const { rotation } = await caAs().planRotation({})
    const step = { rotationId: rotation?.id ?? '', step: RotationStep.PUBLISHED }
    const published = await keepsNothing(() => caAs().applyRotation({ ...step, dryRun }))
    expect(published.rotation?.bundleSequence).toBe(2n)
  })
})

describe('pages', () => {
  test('cover every peer once, whatever their size, also while new ones come', async () => {
    const made = new Set<string>()
    for (let n = 0; n < 7; n++) made.add((await propose(a, { name: `p${n}` })).id)
    const seen: string[] = []
    let pageToken = ''
    do {
      const page = await peersAs().listPeers({ pageSize: 3, pageToken })
      seen.push(...page.peers.map(({ id }) => id))
      ;({ nextPageToken: pageToken } = page)
      await a.clock.advance(1)
      if (seen.length === 3) made.add((await propose(a, { name: 'late' })).id)
    } while (pageToken !== '')
    expect(new Set(seen)).toEqual(made)
    expect(seen).toHaveLength(made.size)
  })

  test('of invitations and certificates end, and one that fits is the last', async () => {
    const { id: peerId } = await propose(a)
    for (let n = 0; n < 4; n++) await invite(a, peerId)
    const first = await peersAs().listInvitations({ peerId, pageSize: 2 })
    const second = await peersAs().listInvitations({ peerId, pageSize: 2, pageToken: first.nextPageToken })
    expect([first.invitations.length, second.invitations.length, second.nextPageToken]).toEqual([2, 2, ''])
    expect(JSON.stringify([first, second], (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))).not.toContain('pni1.') // prettier-ignore
    const { csrDer } = await createCsr()
    for (const name of ['x', 'y', 'z'])
      await caAs().issueCertificate({ kind: CertificateKind.SERVICE, name, csrDer: Uint8Array.from(csrDer) })
    const certificates = await caAs().listCertificates({ pageSize: 2 })
    expect(certificates.certificates).toHaveLength(2)
    const rest = await caAs().listCertificates({ pageSize: 2, pageToken: certificates.nextPageToken })
    expect([rest.certificates.length, rest.nextPageToken]).toEqual([1, ''])
    const [newest] = certificates.certificates
    const named = await caAs().listCertificates({
      spiffeIds: [newest?.spiffeId ?? '', 'spiffe://a.example/service/none'],
    })
    expect(named.certificates.map(({ serial }) => serial)).toEqual([newest?.serial])
  })

  test.each(['rubbish', Buffer.from("' or 1=1").toString('base64url'), '%00', Buffer.from('-1').toString('base64url')])(
    'refuse the token %s',
    async (pageToken) => {
      await expectRefusal(peersAs().listPeers({ pageToken }), 'PAGE_TOKEN_INVALID')
      await expectRefusal(caAs().listCertificates({ pageToken }), 'PAGE_TOKEN_INVALID')
    },
  )
})

describe('what makes no sense is refused before it is looked at', () => {
  test('an unknown state or kind is not "all"', async () => {
    await expectRefusal(peersAs().listPeers({ states: [99 as PeerState] }), 'REQUEST_INVALID')
    await expectRefusal(peersAs().listPeers({ states: [PeerState.UNSPECIFIED] }), 'REQUEST_INVALID')
    await expectRefusal(peersAs().listPeers({ kind: 99 as never }), 'REQUEST_INVALID')
    await expectRefusal(caAs().listCertificates({ kind: 99 as never }), 'REQUEST_INVALID')
  })

  test('ids that are none, parents that are nobody, text that cannot be stored', async () => {
    await expectRefusal(peersAs().suspendPeer({ peerId: "1' or '1'='1" }), 'REQUEST_INVALID')
    await expectRefusal(peersAs().proposePeer({ parentPeerId: 'x' }), 'REQUEST_INVALID')
    const nobody = '019b76da-a800-7000-8000-000000000000'
    await expectRefusal(peersAs().proposePeer({ parentPeerId: nobody }), 'PEER_NOT_FOUND')
    await expectRefusal(peersAs().suspendPeer({ peerId: nobody }), 'PEER_NOT_FOUND')
    await expectRefusal(peersAs().proposePeer({ name: 'a\u0000b' }), 'REQUEST_INVALID')
    await expectRefusal(peersAs().proposePeer({ metadata: { x: ['\u0000'] } }), 'REQUEST_INVALID')
  })

  test('certificates that begin at their end, or outlive everybody', async () => {
    const { csrDer } = await createCsr()
    const wanted = { kind: CertificateKind.SERVICE, name: 'x', csrDer: Uint8Array.from(csrDer) }
    for (const seconds of [0n, -5n, 10n ** 10n])
      await expectRefusal(
        caAs().issueCertificate({ ...wanted, ttl: { seconds, nanos: 0 } as never }),
        'REQUEST_INVALID',
      )
    for (const kind of [CertificateKind.PEER, CertificateKind.ROOT, CertificateKind.ISSUING])
      await expectRefusal(caAs().issueCertificate({ ...wanted, kind }), 'REQUEST_INVALID')
    await expectRefusal(caAs().issueCertificate({ ...wanted, name: 'x/../y' }), 'REQUEST_INVALID')
  })

  test('invitations that live too short or too long', async () => {
    const { id: peerId } = await propose(a)
    for (const seconds of [0n, 60n, 31n * 86_400n])
      await expectRefusal(peersAs().createInvitation({ peerId, ttl: { seconds, nanos: 0 } as never }), 'INVITATION_TTL_OUT_OF_RANGE') // prettier-ignore
  })
})

describe('what is shown', () => {
  test('a token is shown once: never again in any list, row or event', async () => {
    const { invitation } = await peersAs().proposePeer({ name: 'north' })
    const token = invitation?.acceptanceToken ?? ''
    expect(invitation?.text).toMatch(/^pni1\./)
    expect(JSON.stringify(await everything(a))).not.toContain(token)
  })

  test('an errand that does not go through stands beside the peer', async () => {
    const { onA: peer } = await federate(a, b)
    await a.act((tx, now) => oweErrand(tx, now, peer, 'deliver_bundle'))
    await a.act(async (tx, now) => errands.postpone(tx, await owed(a, peer, 'deliver_bundle'), now, 'PEER_UNREACHABLE: no road')) // prettier-ignore
    const { peer: shown } = await peersAs().getPeer({ peer })
    expect(shown?.openItems).toEqual(['the peer has not receipted our newest trust bundle (1 attempts): PEER_UNREACHABLE: no road']) // prettier-ignore
  })

  test('a preview names what speaks against an accept, and has no effect', async () => {
    const own = await invite(a, (await propose(a)).id)
    const before = await everything(a)
    const { preview } = await peersAs().previewInvitation({ invitation: own.text })
    expect(preview?.problems.map((problem) => problem.split(':')[0])).toEqual([
      'PLATFORM_IS_SELF',
      'TRUST_DOMAIN_TAKEN',
    ])
    const other = await invite(b, (await propose(b)).id)
    expect((await peersAs().previewInvitation({ invitation: other.text })).preview?.problems).toEqual([])
    expect(await everything(a)).toEqual(before)
    await take(a, other.text)
    await expectRefusal(peersAs().previewInvitation({ invitation: other.text.slice(0, 60) }), 'INVITATION_MALFORMED')
  })
})

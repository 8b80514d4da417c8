import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, createRouterTransport, type Interceptor, type ServiceImpl } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { caPinOf, createCsr, issueCertificate, readTlsFiles, type Authority } from '@powernode/identity'
import { makeTestAuthority } from '@powernode/identity/testing'
import { somePayload } from '@powernode/payload/testing'
import { createLogger } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal, toConnectError } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Replica } from '../replica.ts'
import { progressIn } from './progress.ts'
import { takeUp } from './take-up.ts'

/** The parent's CA is real; what the platform and the parent answer, a test decides. */
let parent: Authority
let other: Authority
let stateDir: string
const clock = new FakeClock()
const INSTANCE = randomUUID()
const PEER = randomUUID()
beforeAll(async () => {
  ;[parent, other] = await Promise.all([makeTestAuthority('parent.example'), makeTestAuthority('parent.example')])
})
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'take-up-'))
})
afterEach(() => rmSync(stateDir, { recursive: true }))

type Enroll = ServiceImpl<typeof FederationService>['enrollNode']
const handed = { bootstrapToken: 'A'.repeat(43), intendedSubject: INSTANCE, platformUrl: 'https://parent.example' }
const NONE: Replica = { take: () => Promise.reject(new Error('no replica was expected')), run: () => Promise.resolve() }

/** Signs as the parent's spawn-provisioner has it done; with what a test wants otherwise. */
const signedBy =
  (authority: Authority, said: { name?: string; csrDer?: Uint8Array } = {}): Enroll =>
  async ({ csrDer }) => {
    const { chain } = await issueCertificate(authority, {
      holder: { csrDer: said.csrDer ?? csrDer },
      spiffeId: { trustDomain: 'parent.example', kind: 'instance', name: said.name ?? INSTANCE },
      notBefore: clock.now(),
      notAfter: new Date(clock.now().getTime() + 3_600_000),
      usages: ['client'],
    })
    return { certificateChain: chain.map((der) => Uint8Array.from(der)), intendedSubject: INSTANCE }
  }

const refusals: Interceptor = (next) => (req) =>
  next(req).catch((error: unknown) => Promise.reject(toConnectError(error)))

function carryOut(
  enrollment: object | undefined,
  said: { enrollNode?: Enroll; cascadePolicies?: ServiceImpl<typeof ApprovalService>['cascadePolicies']; replica?: Replica; signal?: AbortSignal } = {}, // prettier-ignore
) {
  const asked: string[] = []
  const transport = createRouterTransport(
    ({ service }) => {
      service(PeerRegistryService, partly(PeerRegistryService, { takeEnrollment: () => (enrollment ? { enrollment } : {}) })) // prettier-ignore
      service(FederationService, partly(FederationService, { enrollNode: said.enrollNode ?? signedBy(parent) }))
      service(GrantAuthzService, partly(GrantAuthzService, { reviewPeer: ({ peerId }) => (asked.push(`review ${peerId}`), {}) })) // prettier-ignore
      service(
        ApprovalService,
        partly(ApprovalService, {
          cascadePolicies: said.cascadePolicies ?? ((req) => (asked.push(`cascade ${req.peerId}`), { policies: [{}, {}] })), // prettier-ignore
        }),
      )
    },
    { router: { interceptors: [refusals] } },
  )
  const deps = {
    registry: createClient(PeerRegistryService, transport),
    federation: createClient(FederationService, transport),
    grants: createClient(GrantAuthzService, transport),
    approvals: createClient(ApprovalService, transport),
    replica: said.replica ?? NONE,
    progress: progressIn(stateDir, createLogger('test', { level: 'silent' })),
    clock,
    stateDir,
  }
  const payload = somePayload({ ca_pin: caPinOf(parent.rootCertificate), instance_id: INSTANCE })
  return { asked, taken: takeUp(deps, { peerId: PEER, payload }, said.signal ?? AbortSignal.any([])) }
}

const progress = () => readFileSync(join(stateDir, 'progress'), 'utf8')

describe('the certificate of the node', () => {
  test('is for a key that was made here, and lies where only its owner can read it', async () => {
    expect(await carryOut({ nodeEnrollment: handed }).taken).toMatchObject({ nodeCertificate: true, warnings: [] })
    const held = readTlsFiles(join(stateDir, 'instance'), clock.now())
    expect(held.spiffeId).toEqual({ trustDomain: 'parent.example', kind: 'instance', name: INSTANCE })
    expect(statSync(join(stateDir, 'instance', 'key.pem')).mode & 0o077).toBe(0)
    expect(existsSync(join(stateDir, 'instance-request'))).toBe(false)
  })

  test('is asked for in the same words again, when the answer was lost', async () => {
    const requests: string[] = []
    const lost = new AbortController()
    const losing: Enroll = ({ csrDer }) => {
      requests.push(Buffer.from(csrDer).toString('hex'))
      lost.abort()
      throw new Refusal('SERVICE_UNAVAILABLE', 'the line broke')
    }
    await expect(carryOut({ nodeEnrollment: handed }, { enrollNode: losing, signal: lost.signal }).taken).rejects.toThrow() // prettier-ignore
    const found: Enroll = (request, context) => {
      requests.push(Buffer.from(request.csrDer).toString('hex'))
      return signedBy(parent)(request, context)
    }
    expect(await carryOut({ nodeEnrollment: handed }, { enrollNode: found }).taken).toMatchObject({ nodeCertificate: true }) // prettier-ignore
    expect(requests[1]).toBe(requests[0])
  })

  test('that is here already is not asked for again: the token of whoever died before the marker is spent', async () => {
    await carryOut({ nodeEnrollment: handed }).taken
    const before = readTlsFiles(join(stateDir, 'instance')).serial
    const spent: Enroll = () => {
      throw new Refusal('PEER_REFUSED', 'spent', { metadata: { peer_reason: 'BOOTSTRAP_TOKEN_INVALID' } })
    }
    const again = await carryOut({ nodeEnrollment: handed }, { enrollNode: spent }).taken
    expect(again).toMatchObject({ nodeCertificate: true, warnings: [] })
    expect(readTlsFiles(join(stateDir, 'instance')).serial).toBe(before)
  })

  test('that is here, but in another name, is asked for', async () => {
    await carryOut({ nodeEnrollment: handed }).taken
    const name = randomUUID()
    const other = carryOut({ nodeEnrollment: { ...handed, intendedSubject: name } }, { enrollNode: signedBy(parent, { name }) }) // prettier-ignore
    expect(await other.taken).toMatchObject({ nodeCertificate: true })
    expect(readTlsFiles(join(stateDir, 'instance')).spiffeId.name).toBe(name)
  })

  test('is asked for again at once, when our own gateway has not heard of the peering yet', async () => {
    let asked = 0
    const enrollNode: Enroll = (request, context) => {
      if (++asked === 1) throw new Refusal('PEER_NOT_ENROLLED', 'not heard of')
      return signedBy(parent)(request, context)
    }
    const { taken } = carryOut({ nodeEnrollment: handed }, { enrollNode })
    await expect.poll(progress).toContain('PEER_NOT_ENROLLED')
    await clock.advance(100)
    expect(await taken).toMatchObject({ nodeCertificate: true, warnings: [] })
    expect(asked).toBe(2)
  })

  test.each([
    ['under another root', () => signedBy(other)],
    ['in another name', () => signedBy(parent, { name: randomUUID() })],
    ['for another key', async () => signedBy(parent, { csrDer: (await createCsr()).csrDer })],
    ['of nobody', () => () => ({ certificateChain: [] })],
  ] as const)('%s is not taken, and the platform is federated without it', async (_what, make) => {
    const enrollNode: Enroll = await make()
    const { nodeCertificate, warnings } = await carryOut({ nodeEnrollment: handed }, { enrollNode }).taken
    expect(nodeCertificate).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('CERTIFICATE_NOT_TRUSTED')])
    expect(existsSync(join(stateDir, 'instance'))).toBe(false)
  })

  test('that the parent refuses for good is a warning, with its reason', async () => {
    const enrollNode: Enroll = () => {
      throw new Refusal('PEER_REFUSED', 'spent', { metadata: { peer_reason: 'BOOTSTRAP_TOKEN_INVALID' } })
    }
    const { warnings } = await carryOut({ nodeEnrollment: handed }, { enrollNode }).taken
    expect(warnings).toEqual([expect.stringContaining('BOOTSTRAP_TOKEN_INVALID: spent')])
  })

  test('that cannot be had for now is waited for, and the progress says why', async () => {
    let asked = 0
    const enrollNode: Enroll = (request, context) => {
      if (++asked < 3) throw new Refusal('PEER_UNREACHABLE', 'no road')
      return signedBy(parent)(request, context)
    }
    const { taken } = carryOut({ nodeEnrollment: handed }, { enrollNode })
    await expect.poll(() => asked).toBe(1)
    await expect.poll(progress).toContain('PEER_UNREACHABLE: no road')
    const passing = async () => {
      await clock.advance(1_000)
      return asked
    }
    await expect.poll(passing).toBe(3)
    expect(await taken).toMatchObject({ nodeCertificate: true, warnings: [] })
  })
})

describe("the parent's policies", () => {
  test('are taken over after our own platform has looked at what the parent is to us', async () => {
    const { asked, taken } = carryOut({ policyCascade: { rules: [{ action: 'a.b', verb: 'blocked' }] } })
    expect(await taken).toMatchObject({ inheritedPolicies: 2 })
    expect(asked).toEqual([`review ${PEER}`, `cascade ${PEER}`])
  })

  test('are given the time that a slow machine needs', async () => {
    const given: (number | undefined)[] = []
    const cascadePolicies: ServiceImpl<typeof ApprovalService>['cascadePolicies'] = (_, context) => {
      given.push(context.timeoutMs())
      return { policies: [] }
    }
    await carryOut({ policyCascade: {} }, { cascadePolicies }).taken
    expect(given).toEqual([expect.any(Number)])
    expect(given[0]).toBeGreaterThan(50_000)
  })

  test('that are refused here are a warning', async () => {
    const cascadePolicies = () => {
      throw new Refusal('MOVE_NOT_ALLOWED', 'no child')
    }
    const { warnings } = await carryOut({ policyCascade: {} }, { cascadePolicies }).taken
    expect(warnings).toEqual([expect.stringContaining('MOVE_NOT_ALLOWED: no child')])
  })
})

test('the membership of a cluster is kept before anything else is said to be done', async () => {
  const kept: unknown[] = []
  const replica: Replica = { ...NONE, take: async ({ peerId, membership }) => void kept.push(peerId, membership.slotName) } // prettier-ignore
  const { clusterMember } = await carryOut({ clusterMembership: { slotName: 'powernode_repl_1' } }, { replica }).taken
  expect(clusterMember).toBe(true)
  expect(kept).toEqual([PEER, 'powernode_repl_1'])
})

test('what the parent could not prepare stands among the warnings', async () => {
  expect((await carryOut({ warnings: ['no policies'] }).taken).warnings).toEqual(['no policies'])
})

test('a parent that hands nothing over leaves nothing to do', async () => {
  expect(await carryOut(undefined).taken).toEqual({
    nodeCertificate: false,
    inheritedPolicies: 0,
    clusterMember: false,
    warnings: [],
  })
})

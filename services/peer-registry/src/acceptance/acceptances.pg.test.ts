import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { until } from '@powernode/events/testing'
import { RunAcceptanceRequestSchema } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { EnrollmentSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { Refusal } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { acceptanceDeps, startAcceptances, type Answers } from '../../test/acceptances.ts'
import { startErrands } from '../../test/errands.ts'
import { invite, peerOn, propose, redeem } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { prepare } from '../../test/spawning.ts'
import { nextStep, warningsOf, type AcceptanceRun } from '../acceptance-run.ts'
import { beginAcceptance, repeatAcceptanceStep } from '../operations/begin-acceptance.ts'
import { noteAcceptanceStep, takeAcceptanceStep } from '../operations/take-acceptance-step.ts'
import { takeEnrollment } from '../operations/take-enrollment.ts'
import { updatePeer } from '../operations/update-peer.ts'
import { revokeInvitation } from '../operations/revoke-invitation.ts'
import { resealSecrets } from '../operations/reseal-secrets.ts'
import * as acceptanceRuns from '../store/acceptance-runs.ts'
import { driveStep } from './drive-acceptances.ts'
import { takeOutside } from './outside-steps.ts'

let a: TestPlatform
let b: TestPlatform
let endings: (() => Promise<void>)[]
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  endings = []
})
afterEach(async () => {
  for (const end of endings) await end()
  await Promise.all([a.drop(), b.drop()])
})

const NETWORK = '019f0000-0000-7000-9000-00000000000a'
const NODE = '019f0000-0000-7000-9000-00000000000b'
const MEMBER = '019f0000-0000-7000-9000-00000000000c'
const BRIDGE = '019f0000-0000-7000-9000-00000000000d'

const invitationOf = async () => invite(a, (await propose(a)).id)
const begin = (
  acceptanceToken: string,
  said: Omit<MessageInitShape<typeof RunAcceptanceRequestSchema>, '$typeName'> = {},
) =>
  b.act((tx, now) =>
    beginAcceptance(tx, now, {
      us: b.us,
      by: BY,
      req: create(RunAcceptanceRequestSchema, { acceptanceToken, contractVersion: 1, ...said }),
    }),
  )
const runOf = (id: string) => b.act((tx) => acceptanceRuns.lock(tx, id))
const stepsOf = ({ steps }: AcceptanceRun) => steps.map(({ name, status }) => `${name} ${status}`)
const stepOf = ({ steps }: AcceptanceRun, name: string) => steps.find((step) => step.name === name)

/** Both sides as they are when everything answers. */
function open(answers: () => Answers = () => ({})) {
  endings.push(startErrands(b, { accept: (request) => redeem(a, request) }), startAcceptances(b, answers))
}
async function over(id: string): Promise<AcceptanceRun> {
  await until(async () => {
    await b.clock.advance(250)
    return (await runOf(id)).state !== 'running'
  })
  return runOf(id)
}

const NOTHING_WRONG = [
  'verify_contract_version done',
  'locate_peer done',
  'accept done',
  'enroll done',
  'operator_grant done',
  'node_enrollment skipped',
  'sdwan_attach skipped',
  'governance_scan done',
]

describe('the skill', () => {
  test('takes up an invitation and does all that follows; what there is none of is skipped, and said', async () => {
    const { text } = await invitationOf()
    open()
    const run = await over((await begin(text)).id)
    expect(stepsOf(run)).toEqual(NOTHING_WRONG)
    expect(run).toMatchObject({ state: 'done', contractVersionAgreed: 1, next: '', tokenSealed: null })
    expect(run.nodeEnrollment).toMatchObject({ status: 'skipped', reason: 'not_managed_child' })
    expect(run.sdwanAttach).toEqual({ status: 'skipped', reason: 'no_overlay_network' })
    expect(run.governance).toMatchObject({ status: 'scanned', findings: [] })
    expect(warningsOf(run)).toEqual([expect.stringContaining('sdwan_attach skipped: no_overlay_network')])
    expect(await peerOn(b, run.peerId ?? '')).toMatchObject({ state: 'enrolled', trustMode: 'symmetric' })
    expect((await announced(b)).filter((word) => word.startsWith('acceptance'))).toEqual([
      'acceptance.started',
      'acceptance.done',
    ])
  })

  test('tells the other side what it was told to advertise, in the place of what we are configured to', async () => {
    const { text, invitation } = await invitationOf()
    open()
    await over((await begin(text, { capabilities: { gpu: true }, extensionSlugs: ['trading'] })).id)
    const known = await peerOn(a, invitation.peerId)
    expect(known).toMatchObject({ capabilities: { gpu: true }, extensionSlugs: ['trading'] })
    expect(known.endpoints).toEqual(b.us.self.endpoints)
  })

  test('ends where a hard step fails: the other side says no, nothing that follows is done, and the token is gone', async () => {
    const { text, invitation } = await invitationOf()
    await a.act((tx, now) => revokeInvitation(tx, now, { by: BY, invitationId: invitation.id }))
    endings.push(
      startErrands(b, {
        accept: () => Promise.reject(new Refusal('PEER_REFUSED', 'the peer refused: no', { metadata: { peer_reason: 'INVITATION_REVOKED' } })), // prettier-ignore
      }),
      startAcceptances(b),
    )
    const run = await over((await begin(text)).id)
    expect(run).toMatchObject({ state: 'failed', failureReason: 'INVITATION_REVOKED', tokenSealed: null })
    expect(run.failureMessage, 'each is said once').toBe('accept transition failed: the other side refused: no')
    expect((await announced(b)).at(-1)).toBe('acceptance.failed')
    expect(stepsOf(run).slice(2)).toEqual([
      'accept failed',
      'enroll waiting',
      'operator_grant waiting',
      'node_enrollment waiting',
      'sdwan_attach waiting',
      'governance_scan waiting',
    ])
    await expectRefusal(
      b.act((tx, now) => repeatAcceptanceStep(tx, now, { runId: run.id, step: 'sdwan_attach' })),
      'ACCEPTANCE_STATE_FORBIDS',
    )
  })

  test('is failed before anything is written for a version that we do not speak, in the words that people look for', async () => {
    const { text } = await invitationOf()
    open()
    const run = await over((await begin(text, { contractVersion: 7 })).id)
    expect(run).toMatchObject({
      state: 'failed',
      failureReason: 'CONTRACT_VERSION_UNSUPPORTED',
      failureMessage: 'Unsupported contract_version 7; supported: [1]',
      peerId: null,
      tokenSealed: null,
    })
  })

  test('does not give up on a hard step while a service is away, and does on a soft one, which warns and can be repeated', async () => {
    const { text } = await invitationOf()
    let [grantsAway, scannerAway] = [5, true]
    open(() => ({
      grants: {
        reviewPeer: () => {
          if (grantsAway-- > 0) throw new Refusal('SERVICE_UNAVAILABLE', 'not now')
          return {}
        },
      },
      governance: {
        scanGovernance: () => {
          if (scannerAway) throw new Refusal('SERVICE_UNAVAILABLE', 'not now')
          return { findings: [{ kind: 'peer_cert_expired', severity: 'high', message: 'it ran out' }] }
        },
      },
    }))
    const warned = await over((await begin(text)).id)
    expect(stepOf(warned, 'operator_grant')).toMatchObject({ status: 'done', attempts: 6 })
    expect(stepOf(warned, 'governance_scan')).toMatchObject({ status: 'failed', attempts: 3 })
    expect(warned).toMatchObject({
      state: 'warned',
      next: `fedctl acceptance retry ${warned.id} governance_scan`,
      governance: { status: 'error' },
    })
    scannerAway = false
    await b.act((tx, now) => repeatAcceptanceStep(tx, now, { runId: warned.id, step: 'governance_scan' }))
    const done = await over(warned.id)
    expect([done.state, stepOf(done, 'governance_scan')?.attempts]).toEqual(['done', 4])
    expect(warningsOf(done)).toContain('governance[peer_cert_expired]: it ran out')
  })

  test('a token is never anywhere but sealed, and nowhere as soon as the errand has it', async () => {
    const { text, token } = await invitationOf()
    const { id } = await begin(text)
    const everything = async () =>
      (
        await b.act((tx) => sql<{ row: string }>`select to_jsonb(r)::text as row from acceptance_run r`.execute(tx))
      ).rows
        .map(({ row }) => row)
        .join('\n')
    const before = await everything()
    for (const secret of [token, text])
      for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')])
        expect(before).not.toContain(form)
    await b.act((tx) => resealSecrets(tx, b.sealing))
    const deps = acceptanceDeps(b, () => ({}))
    const signal = AbortSignal.timeout(60_000)
    await driveStep(deps, id, signal)
    expect((await runOf(id)).tokenSealed).not.toBeNull()
    await driveStep(deps, id, signal)
    expect((await runOf(id)).tokenSealed).toBeNull()
  })
})

describe('where we become a managed child', () => {
  const SECRET = 'a-token-that-only-our-node-is-shown'
  const EXPIRES = new Date('2026-11-21T13:00:00Z')
  const nodeEnrollment = { bootstrapToken: SECRET, platformUrl: 'https://a.example', intendedSubject: NODE, expiresAt: timestampFromDate(EXPIRES) } // prettier-ignore

  /** A's operators have made a child, and ours take its invitation up by hand. */
  async function takenUp(enrollment: MessageInitShape<typeof EnrollmentSchema> | undefined): Promise<string> {
    const { minted } = await prepare(a)
    endings.push(
      startErrands(b, {
        accept: async (request) => ({
          ...(await redeem(a, request)),
          ...(enrollment && { enrollment: create(EnrollmentSchema, enrollment) }),
        }),
      }),
    )
    const { id } = await begin(minted.text, { trustMode: TrustMode.HIERARCHICAL })
    const deps = acceptanceDeps(b, () => ({}))
    await until(async () => {
      await b.clock.advance(250)
      await driveStep(deps, id, AbortSignal.timeout(60_000))
      return nextStep(await runOf(id))?.name === 'node_enrollment'
    })
    return id
  }
  const take = (peerId: string, done: boolean) =>
    b.act((tx, now) => takeEnrollment(tx, now, { us: b.us, peerId, done }))

  test('they sign for us, and the bootstrap token of their answer rests for our node: of it only that it is there is told', async () => {
    const id = await takenUp({ nodeEnrollment })
    endings.push(startAcceptances(b))
    const run = await over(id)
    expect(stepsOf(run)).toEqual(NOTHING_WRONG.with(5, 'node_enrollment done'))
    expect(run.nodeEnrollment).toEqual({ status: 'issued', reason: '', intendedSubject: NODE, expiresAt: EXPIRES.toISOString() }) // prettier-ignore
    const peerId = run.peerId ?? ''
    const child = { trustMode: 'hierarchical', spawnRole: 'child', spawnMode: 'managed_child', state: 'enrolled' }
    expect(await peerOn(b, peerId)).toMatchObject(child)
    expect(JSON.stringify([run, await everything(b)])).not.toContain(SECRET)
    expect((await take(peerId, false))?.nodeEnrollment?.bootstrapToken).toBe(SECRET)
  })

  test.each([
    { reason: 'already_enrolled', enrollment: { nodeEnrollment }, why: 'carried out' },
    {
      reason: 'nothing_issued',
      enrollment: { warnings: ['no template has an agent'] },
      why: 'no template has an agent',
    },
    { reason: 'nothing_issued', enrollment: undefined, why: 'no bootstrap token' },
  ])('a node that needs no token, or has none, is skipped as $reason: $why', async ({ reason, enrollment, why }) => {
    const id = await takenUp(enrollment)
    if (reason === 'already_enrolled') await take((await runOf(id)).peerId ?? '', true)
    endings.push(startAcceptances(b))
    const run = await over(id)
    expect(run.nodeEnrollment).toMatchObject({ status: 'skipped', reason })
    expect([run.state, stepOf(run, 'node_enrollment')?.status]).toEqual(['done', 'skipped'])
    expect(stepOf(run, 'node_enrollment')?.detail).toContain(why)
  })
})

describe('the overlay', () => {
  const withNetwork = (bridges: { state: string }[]) => {
    const asked: string[] = []
    const answers = (): Answers => ({
      network: {
        getIntent: ({ id }) => {
          if (id !== NETWORK) throw new Refusal('INTENT_NOT_FOUND', 'no such network')
          return { item: { kind: { case: 'network', value: { id: NETWORK, name: 'lab' } } } }
        },
        listIntent: () => ({
          items: [{ kind: { case: 'member', value: { id: MEMBER, networkId: NETWORK, nodeInstanceId: NODE } } }],
        }),
      },
      grants: {
        listBridges: () => ({ bridges: bridges.map((one) => ({ id: BRIDGE, sdwanNetworkId: NETWORK, ...one })) }),
        proposeBridge: ({ peerId }) => {
          asked.push('propose')
          bridges.push({ state: 'proposed' })
          return { bridge: { id: BRIDGE, peerId, sdwanNetworkId: NETWORK, state: 'proposed' } }
        },
        moveBridge: ({ move }) => {
          asked.push(move)
          return { bridge: { id: BRIDGE, state: 'active' } }
        },
      },
    })
    return { asked, answers }
  }
  const named = async (id: string, metadata: Record<string, string>) => {
    const peerId = (await runOf(id)).peerId ?? ''
    await b.act((tx, now) => updatePeer(tx, now, { by: BY, peerId, metadata, name: undefined, url: undefined }))
  }

  test.each([
    ['a network that is not there', { sdwan_network_id: BRIDGE, node_instance_id: NODE }, 'no_overlay_network'],
    ['no node', { sdwan_network_id: NETWORK }, 'no_bound_instance'],
    ['a node that is no member', { sdwan_network_id: NETWORK, node_instance_id: BRIDGE }, 'no_bound_instance'],
  ])('where the metadata names %s it is skipped with the reason', async (_what, metadata, reason) => {
    const { text } = await invitationOf()
    const { asked, answers } = withNetwork([])
    open(answers)
    const { id } = await over((await begin(text)).id)
    await named(id, metadata)
    await b.act((tx, now) => repeatAcceptanceStep(tx, now, { runId: id, step: 'sdwan_attach' }))
    expect((await over(id)).sdwanAttach).toEqual({ status: 'skipped', reason })
    expect(asked).toEqual([])
  })

  const HERE = { sdwan_network_id: NETWORK, node_instance_id: NODE }

  test('is attached to at once where it was named when the run began, and so was approved with it', async () => {
    const { text } = await invitationOf()
    const { asked, answers } = withNetwork([])
    open(answers)
    const run = await over((await begin(text, { metadata: HERE })).id)
    expect(run.sdwanAttach).toMatchObject({ status: 'attached', bridge_id: BRIDGE, node_instance_id: NODE })
    expect(asked).toEqual(['propose', 'activate'])
    expect((await peerOn(b, run.peerId ?? '')).metadata).toMatchObject(HERE)
  })

  test('is nowhere that was named only after the run began, while it waited for the other side', async () => {
    const { text } = await invitationOf()
    const { asked, answers } = withNetwork([])
    endings.push(startAcceptances(b, answers))
    const { id } = await begin(text)
    await until(async () => {
      await b.clock.advance(50)
      return stepOf(await runOf(id), 'accept')?.status === 'running'
    })
    await named(id, HERE)
    endings.push(startErrands(b, { accept: (request) => redeem(a, request) }))
    expect((await over(id)).sdwanAttach).toEqual({ status: 'skipped', reason: 'no_overlay_network' })
    expect(asked).toEqual([])
  })

  test('is attached to once the metadata names network and node; done again, the bridge is reused', async () => {
    const { text } = await invitationOf()
    const bridges: { state: string }[] = []
    const { asked, answers } = withNetwork(bridges)
    open(answers)
    const { id } = await over((await begin(text)).id)
    await named(id, { sdwan_network_id: NETWORK, node_instance_id: NODE })
    const again = async () => {
      await b.act((tx, now) => repeatAcceptanceStep(tx, now, { runId: id, step: 'sdwan_attach' }))
      return (await over(id)).sdwanAttach
    }
    const attached = { sdwan_network_id: NETWORK, sdwan_peer_id: MEMBER, node_instance_id: NODE, bridge_id: BRIDGE, bridge_state: 'active' } // prettier-ignore
    expect(await again()).toEqual({ status: 'attached', ...attached })
    bridges.splice(0, 9, { state: 'active' })
    expect(await again()).toEqual({ status: 'reused', ...attached })
    expect(asked).toEqual(['propose', 'activate'])
  })
})

describe('killed', () => {
  test('it goes on after a kill between any two of its steps, and in the midst of each: same end, nothing twice', async () => {
    const { text } = await invitationOf()
    endings.push(startErrands(b, { accept: (request) => redeem(a, request) }))
    const { id } = await begin(text)
    const signal = AbortSignal.timeout(60_000)
    for (let n = 0; n < 200 && nextStep(await runOf(id)); n++) {
      await killedIn(id)
      await driveStep(
        acceptanceDeps(b, () => ({})),
        id,
        signal,
      )
      await b.clock.advance(100)
    }
    const run = await runOf(id)
    expect(stepsOf(run)).toEqual(NOTHING_WRONG)
    const { rows } = await b.act((tx) => sql<{ count: number }>`select count(*)::int as count from peer`.execute(tx))
    expect(rows).toEqual([{ count: 1 }])
  })

  test('a process that is told to stop in the midst of a step lets go: the next one need not wait for its lease', async () => {
    const { text } = await invitationOf()
    endings.push(startErrands(b, { accept: (request) => redeem(a, request) }))
    const asked = Promise.withResolvers<void>()
    const end = startAcceptances(b, () => ({
      grants: {
        reviewPeer: () => {
          asked.resolve()
          return new Promise(() => {})
        },
      },
    }))
    const { id } = await begin(text)
    let isAsked = false
    void asked.promise.then(() => (isAsked = true))
    await until(async () => {
      if (!isAsked) await b.clock.advance(50)
      return isAsked
    })
    await end()
    expect((await runOf(id)).dueAt.getTime()).toBeLessThanOrEqual(b.clock.now().getTime())
    endings.push(startAcceptances(b))
    expect((await over(id)).state).toBe('done')
  })

  test('who comes too late with a step that was done again does not undo what the later one brought', async () => {
    const { text } = await invitationOf()
    open()
    const { id } = await over((await begin(text)).id)
    await b.act((tx, now) => repeatAcceptanceStep(tx, now, { runId: id, step: 'governance_scan' }))
    const late = { status: 'failed', reason: 'SERVICE_UNAVAILABLE', message: 'not then' } as const
    const tried = { runId: id, name: 'governance_scan', attempts: 0 } as const
    await b.act((tx, now) => noteAcceptanceStep(tx, now, { ...tried, outcome: late }))
    expect(stepOf(await over(id), 'governance_scan')).toMatchObject({ status: 'done', attempts: 2 })
  })

  test('two processes go on with one run: each step is done once, and the other side is asked once', async () => {
    const { text } = await invitationOf()
    let accepted = 0
    endings.push(
      startErrands(b, {
        accept: (request) => {
          accepted += 1
          return redeem(a, request)
        },
      }),
      startAcceptances(b),
      startAcceptances(b),
    )
    const run = await over((await begin(text)).id)
    expect([run.state, accepted]).toEqual(['done', 1])
    expect(run.steps.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  })
})

class Killed extends Error {}

/** A process that is killed in the midst of a step: what it did, and did not commit, has never happened; what others did, has. */
async function killedIn(runId: string): Promise<void> {
  const deps = acceptanceDeps(b, () => ({}))
  const until = b.clock.now()
  try {
    const taken = await b.act(async (tx, now) => {
      const step = await takeAcceptanceStep(tx, now, { us: b.us, runId, until })
      if (step.outcome !== 'outside') throw new Killed('the power went')
      return step
    })
    if (taken.outcome !== 'outside') return
    const about = { peer: await peerOn(b, taken.run.peerId ?? ''), run: taken.run }
    await takeOutside(deps, taken.tried.name, about, AbortSignal.timeout(60_000))
  } catch (error) {
    if (!(error instanceof Killed)) throw error
  }
}

import { randomUUID } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { createClient, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PATIENCE_MS } from '../eventually.ts'
import { itIsLater } from '../later.ts'
import { TestPlatform } from '../mesh.ts'

let a: TestPlatform
beforeAll(async () => {
  a = await TestPlatform.start('a')
})
afterAll(() => a.stop())

type Staff = Awaited<ReturnType<TestPlatform['operator']>>

/** One read of each service: what everybody may who may anything. */
const READS: Readonly<Record<string, (staff: Staff, options?: object) => Promise<unknown>>> = {
  'peer-registry': ({ peers }, options) => peers.listPeers({}, options),
  'its CA': ({ authority }, options) => authority.listCertificates({}, options),
  liveness: ({ liveness }, options) => liveness.listFreshness({}, options),
  'audit-ledger': ({ ledger }, options) => ledger.recentEvents({}, options),
  'grant-authz': ({ grants }, options) => grants.listGrants({}, options),
  'federation-gateway': ({ gateway }, options) => gateway.listEndpoints({}, options),
}
const everywhere = (staff: Staff, options?: object) => Object.entries(READS).map(([at, read]) => ({ at, call: read(staff, options) })) // prettier-ignore

/** Who did what stands in the log of a peer: in the payloads, for what cannot be erased says no more than that it was an operator. */
async function actorsOf(log: string): Promise<Set<unknown>> {
  const { entries } = await a.ledger.listEntries({ log })
  expect(new Set(entries.map(({ actor }) => actor))).toEqual(new Set(['operator']))
  return new Set(
    entries.map(({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as { actor?: unknown }).actor),
  )
}

/** Waits on a state, however long a busy machine takes. */
async function until(met: () => Promise<boolean>): Promise<void> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  while (!(await met())) {
    if (giveUp.aborted) throw new Error('it never came to that')
    await systemClock.sleep(50, giveUp)
  }
}

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'ok',
    (error: unknown) => refusalOf(error)?.reason ?? String(error),
  )
const reasonsOf = (staff: Staff, options?: object): Promise<string[]> =>
  Promise.all(everywhere(staff, options).map(({ call }) => reasonOf(call)))
const all = (reason: string): string[] => Object.keys(READS).map(() => reason)

test('the first operator is admin of a platform that nobody has touched', async () => {
  expect(await a.operators.whoAmI({})).toMatchObject({ caller: 'operator/admin', roles: ['admin'], by: 'certificate' })
})

test('a viewer reads everywhere, and writes nowhere', async () => {
  const vera = await a.operator('vera', ['viewer'])
  expect(await reasonsOf(vera)).toEqual(all('ok'))
  const refusal = await expectRefusal(vera.peers.proposePeer({ name: 'b' }), 'PERMISSION_MISSING')
  expect(refusal.metadata['permission']).toBe('system.federation_peers.manage')
  await expectRefusal(vera.authority.planRotation({}), 'PERMISSION_MISSING')
  await expectRefusal(vera.liveness.beatPeer({ peerId: randomUUID() }), 'PERMISSION_MISSING')
  await expectRefusal(
    vera.operators.setOperator({ operator: { name: 'vera', roles: ['admin'] } }),
    'PERMISSION_MISSING',
  )
})

test('who did it reaches the row, the event and the ledger', async () => {
  const olga = await a.operator('olga', ['operator'])
  const { peer } = await olga.peers.proposePeer({ name: 'from-olga' })
  await a.ledgerOf(peer?.id ?? '', 'federation.peer.proposed')
  expect(await actorsOf(peer?.id ?? '')).toEqual(new Set(['operator/olga']))
  const { invitations } = await olga.peers.listInvitations({ peerId: peer?.id ?? '' })
  expect(invitations.map(({ createdBy }) => createdBy)).toEqual(['operator/olga'])
})

test('an operator that is paused may nothing, and may again; its certificate it keeps all the while', async () => {
  const paul = await a.operator('paul', ['viewer'])
  expect(await reasonsOf(paul)).toEqual(all('ok'))
  await a.operators.setOperator({ operator: { name: 'paul', roles: ['viewer'], paused: true } })
  await expect.poll(() => reasonsOf(paul)).toEqual(all('OPERATOR_PAUSED'))
  for await (const { sequence } of paul.authority.watchTrust({})) {
    expect(sequence).toBeGreaterThan(0n)
    break
  }
  await a.operators.setOperator({ operator: { name: 'paul', roles: ['viewer'] } })
  // Where a service had no time to say that it knows, nobody waits for it longer than a lease: it may hear of it later.
  await expect.poll(() => reasonsOf(paul)).toEqual(all('ok'))
})

test('an operator that is removed may nothing anywhere, though its certificate is good; what it watches ends', async () => {
  const rolf = await a.operator('rolf', ['operator'])
  const watching = (async () => {
    for await (const _ of rolf.ledger.watchEvents({}));
  })()
  expect(await reasonsOf(rolf)).toEqual(all('ok'))
  await a.operators.removeOperator({ name: 'rolf' })
  await expectRefusal(watching, 'OPERATOR_UNKNOWN')
  await expect.poll(() => reasonsOf(rolf)).toEqual(all('OPERATOR_UNKNOWN'))
  expect(await rolf.operators.whoAmI({})).toMatchObject({ caller: 'operator/rolf', permissions: [] })
})

test('a program without a name of its own acts by a token, as whom it was made for, and only over its own connection', async () => {
  const machine = await a.operator('machine', [])
  await a.operator('tom', ['operator'])
  expect(await reasonsOf(machine)).toEqual(all('PERMISSION_MISSING'))
  const { token } = await a.operators.issueToken({ name: 'tom', certificateSha256: machine.certificateSha256 })
  const headers = { authorization: `Bearer ${token}` }
  expect(await reasonsOf(machine, { headers })).toEqual(all('ok'))
  expect(await machine.operators.whoAmI({}, { headers })).toMatchObject({ caller: 'operator/tom', by: 'token' })

  const { peer } = await machine.peers.proposePeer({ name: 'from-a-token' }, { headers })
  await a.ledgerOf(peer?.id ?? '', 'federation.peer.proposed')
  expect(await actorsOf(peer?.id ?? '')).toEqual(new Set(['operator/tom']))

  const thief = await a.operator('thief', ['viewer'])
  expect(await reasonsOf(thief, { headers })).toEqual(all('TOKEN_INVALID'))
  const service = createClient(OperatorService, a.transport('grant-authz', 'liveness'))
  await expectRefusal(service.listOperators({}, { headers }), 'CALLER_NOT_ALLOWED')

  await a.operators.removeOperator({ name: 'tom' })
  expect(await reasonsOf(machine, { headers })).toEqual(all('OPERATOR_UNKNOWN'))
})

describe('while grant-authz is away', () => {
  const HALF_A_MINUTE_MS = 30_000

  test('operators go on for half a minute; then nobody is let in, and everybody is again when it is back', async () => {
    const gina = await a.operator('gina', ['viewer'])
    /** How many of the other services give this answer. */
    const others = async (reason: string) => (await reasonsOf(gina)).filter((one) => one === reason).length
    expect(await others('ok')).toBe(6)
    const authz = a.platform.parts['grant-authz']
    await authz.pause()
    itIsLater({ stopwatchMs: HALF_A_MINUTE_MS / 2 })
    expect(await others('ok')).toBe(5)
    itIsLater({ stopwatchMs: HALF_A_MINUTE_MS / 2 })
    await until(async () => (await others('POLICY_STALE')) === 5)
    // Nobody is locked out for ever: what keeps a certificate does not ask who may what.
    for await (const { sequence } of gina.authority.watchTrust({})) {
      expect(sequence).toBeGreaterThan(0n)
      break
    }
    await authz.resume()
    await until(async () => (await others('ok')) === 6)
  })

  test('a service that starts lets no operator in before it has heard who they are, and then does', async () => {
    const nina = await a.operator('nina', ['viewer'])
    await a.platform.parts['grant-authz'].pause()
    await a.platform.parts['liveness'].pause()
    await a.platform.parts['liveness'].resume()
    await expectRefusal(nina.liveness.listFreshness({}), 'POLICY_STALE')
    await a.platform.parts['grant-authz'].resume()
    await until(async () => (await reasonOf(nina.liveness.listFreshness({}))) === 'ok')
  })
})

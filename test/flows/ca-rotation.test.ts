import { RotationStep, type Rotation } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { systemClock } from '@powernode/clock'
import { refusalOf } from '@powernode/rpc'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, PATIENCE_MS } from '../eventually.ts'
import { federate, TestPlatform } from '../mesh.ts'

let a: TestPlatform
let b: TestPlatform
let child: TestPlatform
/** A beat gives up after a part of its interval: a busy machine MUST NOT look like a failed rotation. */
const PATIENT = { HEARTBEAT_INTERVAL: '20s', STALE_AFTER: '60s' }

const start = (name: string) => TestPlatform.start(name, { registry: PATIENT })
beforeAll(async () => {
  ;[a, b, child] = await Promise.all([start('a'), start('b'), start('child')])
})
afterAll(() => Promise.all([a?.stop(), b?.stop(), child?.stop()]))

/**
 * Calls over the border without a pause, both ways, until told to stop: every failure is kept. One is no failure: a platform that
 * had no processor for a whole lease refuses, whatever is done with its CA, and says that the next call may be answered. So it
 * MUST be, or what stands still is no longer the machine.
 */
function traffic(calls: Readonly<Record<string, () => Promise<unknown>>>) {
  const stopping = new AbortController()
  const failures: string[] = []
  const made = new Map(Object.keys(calls).map((name) => [name, 0]))
  const running = Object.entries(calls).map(async ([name, call]) => {
    let isStale = false
    while (!stopping.signal.aborted) {
      try {
        await call()
        made.set(name, (made.get(name) ?? 0) + 1)
        isStale = false
      } catch (error) {
        const wasStale = isStale
        isStale = String(error).includes('POLICY_STALE')
        if (isStale && !wasStale) continue
        failures.push(`${systemClock.now().toISOString()} ${name}: ${String(error)}`)
      }
      await systemClock.sleep(20, stopping.signal)
    }
  })
  return {
    /** Resolves when each has been made some more times, some of them from begin to end after this was asked. */
    async goesOn() {
      const before = new Map(made)
      const isSo = () => [...made].every(([name, count]) => count >= (before.get(name) ?? 0) + 4)
      await eventually(
        async () => failures,
        () => isSo() || failures.length > 0,
      )
    },
    async end() {
      stopping.abort()
      await Promise.all(running)
      return failures
    },
  }
}

async function beat(from: TestPlatform, peerId: string): Promise<void> {
  const { freshness } = await from.liveness.beatPeer({ peerId })
  if (freshness?.lastError) throw new Error(freshness.lastError)
}

/** The traffic is an operator's: nobody waits for operators, so the test does, or it would be locked out and count that. */
async function operatorRenewed({ platform }: TestPlatform): Promise<void> {
  const client = new pg.Client(platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    const giveUp = AbortSignal.timeout(PATIENCE_MS)
    const sql = `select 1 from peer_registry.trust_holder where holder = 'operator/admin' and generation = 2`
    while (!giveUp.aborted && (await client.query(sql)).rowCount === 0) await systemClock.sleep(50, giveUp)
    giveUp.throwIfAborted()
  } finally {
    await client.end()
  }
}

/** News that a service of a platform has announced, and its ledger has not written down. */
async function unrecorded({ platform }: TestPlatform): Promise<readonly string[]> {
  const client = new pg.Client(platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    const outboxes = ['peer_registry', 'liveness', 'grant_authz', 'audit_ledger']
    const all = outboxes.map((schema) => `select id, subject from ${schema}.outbox`).join(' union all ')
    const sql = `select subject from (${all}) said where id not in (select id from audit_ledger.event)`
    return (await client.query<{ subject: string }>(sql)).rows.map(({ subject }) => subject)
  } finally {
    await client.end()
  }
}

/** The rotation once nobody is waited for any more. */
async function settled(platform: TestPlatform, met: (rotation: Rotation) => boolean): Promise<Rotation> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  let rotation: Rotation | undefined
  while (!giveUp.aborted) {
    rotation = (await platform.authority.getRotation({})).rotation
    if (rotation && met(rotation)) return rotation
    await systemClock.sleep(50, giveUp)
  }
  throw new Error(
    `still waiting: ${rotation?.holders.map((h) => `${h.holder} ${h.acknowledged} ${h.renewed} ${h.detail}`).join('; ')}`,
  )
}

test('the CA is replaced while peers call each other, and not one call fails', async () => {
  const [ab, ac] = await Promise.all([
    federate(a, b),
    federate(a, child, { accept: { trustMode: TrustMode.HIERARCHICAL } }),
  ])
  const before = await a.authority.getAuthority({})

  const rehearsed = await a.authority.planRotation({ rehearse: true })
  expect(rehearsed.rotation?.rehearsal).toBe(true)
  expect((await a.authority.getAuthority({})).authorities, 'a rehearsal changes nothing').toEqual(before.authorities)

  const { rotation } = await a.authority.planRotation({})
  const rotationId = rotation?.id ?? ''
  const holders = rotation?.holders.map(({ holder }) => holder) ?? []
  expect(holders).toEqual(
    expect.arrayContaining([`peer/${ab.onA}`, `peer/${ac.onA}`, 'service/peer-registry', 'service/nats']),
  )
  expect(await a.authority.applyRotation({ rotationId, step: RotationStep.SWITCHED }).catch(refusalOf)).toMatchObject({
    reason: 'ROTATION_STEP_NOT_ALLOWED',
  })

  const calls = traffic({
    'a beats b': () => beat(a, ab.onA),
    'b beats a': () => beat(b, ab.onB),
    'a beats child': () => beat(a, ac.onA),
    'child beats a': () => beat(child, ac.onB),
    'an operator of a': () => a.peers.listPeers({}),
  })
  await calls.goesOn()
  await a.authority.applyRotation({ rotationId, step: RotationStep.PUBLISHED })
  await settled(a, ({ holders: left }) => left.every(({ acknowledged }) => acknowledged))
  await calls.goesOn()
  await a.authority.applyRotation({ rotationId, step: RotationStep.SWITCHED })
  await settled(a, ({ holders: left }) => left.every(({ renewed }) => renewed))
  await operatorRenewed(a)
  await calls.goesOn()
  const { rotation: retired } = await a.authority.applyRotation({ rotationId, step: RotationStep.RETIRED })
  expect(retired?.step).toBe(RotationStep.RETIRED)
  // The bundle without the old root has to reach everybody too, and calls go on after it did.
  const { trustBundleSequence } = await a.peers.getPlatform({})
  for (const onA of [ab.onA, ac.onA])
    await a.until(onA, ({ acknowledgedBundleSequence }) => acknowledgedBundleSequence >= trustBundleSequence)
  await calls.goesOn()
  const failures = await calls.end()

  // What was signed under the old root, and what is signed under the new one: none of it is lost.
  await expect.poll(() => unrecorded(a)).toEqual([])
  expect(failures).toEqual([])
  const after = await a.authority.getAuthority({})
  expect(after.authorities.map(({ generation, status }) => [generation, status])).toEqual([
    [2, 'current'],
    [1, 'retired'],
  ])
  expect(after.rootsPem).not.toBe(before.rootsPem)
})

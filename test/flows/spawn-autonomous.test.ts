import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removePostgres } from '@powernode/dev/postgres'
import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { isAlive, processesWith } from '@powernode/process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestPlatform } from '../mesh.ts'
import { bootClone, copyPayload, type Clone } from './clone.ts'
import { type, typeJson, typeRefused } from './operator-at-keyboard.ts'
import { childOf, CLEAN, isActive, isGone, keyboardOf, machineOf, parentPlatform, slateOf, spawn, untilChild, type ChildJson } from './spawning.ts' // prettier-ignore

const dirOfClone = mkdtempSync(join(tmpdir(), 'powernode-clone-'))

let a: TestPlatform
let child: ChildJson
beforeAll(async () => {
  a = await parentPlatform('a')
  await spawn(a, 'east-1', 'autonomous_peer')
  await copyPayload(a, dirOfClone)
  child = await untilChild(a, 'east-1', isActive)
}, 300_000)
afterAll(async () => {
  await a?.stop()
  rmSync(dirOfClone, { recursive: true, force: true })
})

test('an autonomous peer comes up as an equal: no grant in either direction, nothing that travels by itself', async () => {
  const { peers } = await typeJson<{ peers: unknown[] }>(keyboardOf(a, child), 'peer list')
  expect(peers).toMatchObject([{ state: 'active', spawn_role: 'child', spawn_mode: 'autonomous_peer' }])
  for (const at of [a, keyboardOf(a, child)]) {
    expect(await typeJson(at, 'grant list')).toMatchObject({ grants: [] })
    expect(await typeJson(at, 'grant received')).toMatchObject({ grants: [] })
    expect(await typeJson(at, 'capability list')).toMatchObject({ capabilities: [] })
  }
  const { certificates } = await a.authority.listCertificates({ pageSize: 1_000 })
  expect(certificates.filter(({ spiffeId }) => spiffeId.includes('/instance/'))).toEqual([])
})

test('what its operators see of policies is their own', async () => {
  const { policies } = await typeJson<{ policies: { set_by: string }[] }>(keyboardOf(a, child), 'policy list')
  expect(policies.filter(({ set_by }) => set_by.startsWith('peer/'))).toEqual([])
})

test('it is no member of our cluster: there is nothing to promote, and no credential to replace', async () => {
  expect(await typeRefused(a, 'child promote east-1')).toMatchObject({ reason: 'NOT_CLUSTER_MEMBER' })
  expect(await typeRefused(a, 'child rotate-credential east-1')).toMatchObject({ reason: 'NOT_CLUSTER_MEMBER' })
})

describe('a second machine that boots the same payload', () => {
  let clone: Clone
  beforeAll(() => {
    clone = bootClone(dirOfClone)
  })
  afterAll(async () => {
    await clone?.end()
    removePostgres(join(clone.dir, 'platform', 'postgres'))
  })

  test('is refused for good, and says who must act', { timeout: 300_000 }, async () => {
    // Its last word: before that it may be seen to wait, while its registry has heard of the refusal and not ended the peering yet.
    const last = /progress .*(must act|rotate-token|terminate)/
    await expect.poll(() => clone.said(), { timeout: 240_000 }).toMatch(last) // a whole platform starts first
    expect(clone.said()).toMatch(/progress .*(INVITATION_SPENT|spent)/i)
  })

  test('has a platform that stays up, and is nobody’s child', async () => {
    expect(clone.isUp()).toBe(true)
    const keyboard = { platform: { fedctlContext: join(clone.dir, 'platform', 'fedctl.json') } }
    const { peers } = await typeJson<{ peers: { state: string }[] }>(keyboard, 'peer list')
    expect(peers.filter(({ state }) => state === 'active' || state === 'enrolled')).toEqual([])
  })

  test('raises an alarm at the parent that names where it came from, once; the parent keeps the child it has', async () => {
    const clones = async () => (await a.ledger.recentEvents({ kindPrefix: 'federation.spawn.clone_detected' })).events
    await expect.poll(clones).toHaveLength(1)
    const [event] = await clones()
    expect(event?.severity).toBe(Severity.CRITICAL)
    expect(JSON.stringify(event?.payload)).toMatch(/127\.0\.0\.1/)
    expect(await childOf(a, 'east-1')).toMatchObject({ state: 'active', peer_id: child.peer_id })
    expect((await a.peers.getPeer({ peer: child.peer_id })).peer?.state).toBe(PeerState.ACTIVE)
  })
})

test('killed it is seen to stand still, and started again it is the same child', async () => {
  for (const pid of processesWith(machineOf(a, child))) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await untilChild(a, 'east-1', ({ instance }) => instance?.state === 'stopped' || instance?.state === 'lost')
  const { exit, out } = await type(a, 'instance restart east-1 --wait 90s -o json')
  expect(exit, out).toBe(0)
  await a.until(child.peer_id, ({ state }) => state === PeerState.ACTIVE)
})

test('it outlives a restart of the service that made it, and is found again', async () => {
  const boots = () => processesWith(`boot.ts --dir ${machineOf(a, child)} `)
  const before = boots()
  expect(before).toHaveLength(1)
  await a.restart('spawn-provisioner', {})
  const again = await untilChild(a, 'east-1', ({ instance }) => instance?.state === 'running')
  expect(again.instance?.id).toBe(child.instance?.id)
  expect(boots()).toEqual(before)
})

test('terminated when it is long gone, nothing is left all the same', async () => {
  for (const pid of processesWith(machineOf(a, child))) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await typeJson(a, 'child terminate east-1 --reason gone')
  await untilChild(a, child.id, isGone)
  expect(await slateOf(a)).toEqual(CLEAN)
})

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathOf } from '@powernode/payload'
import { PeerState, SpawnMode, SpawnRole, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { Machine, prepareChild } from '../machine.ts'
import { PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'

/** The platform of a machine, and the platform that made the machine; what spawn-provisioner does is done by hand. */
let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let parent: TestPlatform
let child: TestPlatform
let machine: Machine
const used: string[] = []
beforeAll(async () => {
  mesh = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } })
  ;({ a: parent, b: child } = mesh)
})
afterAll(() => mesh?.stop())
beforeEach(() => {
  machine = new Machine(child)
})
afterEach(async () => {
  machine.remove()
  for (const peerId of used.splice(0)) await parent.peers.revokePeer({ peerId })
  await endAll(child)
  await endAll(parent)
})

async function prepared(mode: Parameters<typeof prepareChild>[1], ttlMs?: number) {
  const made = await prepareChild(parent, mode, ttlMs)
  used.push(made.peerId)
  return made
}

/** Whoever was told by the other side has ended the peering already. */
async function endAll({ peers: registry }: TestPlatform) {
  const { peers } = await registry.listPeers({})
  const living = peers.filter(({ state }) => state !== PeerState.REVOKED)
  await Promise.all(living.map(({ id }) => registry.revokePeer({ peerId: id }).catch(() => undefined)))
}

/** Every file below a directory, with what stands in it. */
const contents = (dir: string): string =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('\n')

describe('a machine that was made to be a child', () => {
  test('becomes one by itself, and is active on both sides', async () => {
    const { peerId, payload } = await prepared('managed_child')
    await machine.hand(payload)
    expect(await machine.firstRun()).toBe('finished')
    const ofChild = await parent.untilState(peerId, PeerState.ACTIVE)
    expect(ofChild).toMatchObject({
      spawnMode: SpawnMode.MANAGED_CHILD,
      spawnRole: SpawnRole.PARENT,
      trustMode: TrustMode.HIERARCHICAL,
      trustDomain: 'b.example',
    })
    // Where the child is reached is what the child said, and nothing the parent made up.
    expect(ofChild.url).toBe(child.platform.url)
    const summary = machine.marker()
    expect(summary).toMatchObject({ parent_peer_id: peerId, spawn_mode: 'managed_child', contract_version: 1 })
    const ofParent = await child.untilState(String(summary['peer_id']), PeerState.ACTIVE)
    expect(ofParent).toMatchObject({ spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.CHILD })
    expect(machine.progress()).toMatch(/^active/)
  })

  test('keeps no token: not in its payload, its state, or the rows and events of either platform', async () => {
    const { peerId, payload } = await prepared('managed_child')
    await machine.hand(payload)
    await machine.firstRun()
    expect(contents(machine.dir)).not.toContain(payload.acceptance_token)
    expect(existsSync(pathOf(machine.payloadRoot, 'acceptance_token'))).toBe(false)
    const events = await parent.ledgerOf(peerId, 'federation.peer.active')
    expect(events.join()).not.toContain(payload.acceptance_token)
  })

  test('does it once: another boot finds the marker, though the payload is there again', async () => {
    const { payload } = await prepared('autonomous_peer')
    await machine.hand(payload)
    await machine.firstRun()
    const before = machine.marker()
    await machine.hand(payload)
    expect(await machine.firstRun()).toBe('finished')
    expect(machine.marker()).toEqual(before)
  })

  test('whose agent was killed at any point becomes one all the same', async () => {
    const { peerId, payload } = await prepared('managed_child')
    await machine.hand(payload)
    for (const ms of [20, 60, 120, 250]) await machine.firstRun(AbortSignal.timeout(ms))
    expect(await machine.firstRun()).toBe('finished')
    await parent.untilState(peerId, PeerState.ACTIVE)
    await eventually(() => child.peers.listPeers({ states: [PeerState.ACTIVE] }), ({ peers }) => peers.length === 1) // prettier-ignore
  })

  test('whose agent dies of each answer that it waits for, one after the other, becomes one all the same', async () => {
    const { peerId, payload } = await prepared('managed_child')
    await machine.hand(payload)
    let deaths = 0
    while (!(await machine.dyingAt(deaths + 1))) deaths += 1
    expect(deaths).toBeGreaterThan(4)
    expect(machine.marker()).toMatchObject({ parent_peer_id: peerId })
    await parent.untilState(peerId, PeerState.ACTIVE)
    await eventually(() => child.peers.listPeers({ states: [PeerState.ACTIVE] }), ({ peers }) => peers.length === 1) // prettier-ignore
    expect(contents(machine.dir)).not.toContain(payload.acceptance_token)
  })

  test('goes on with another token, when the first was dead before it could speak', async () => {
    const { peerId, payload, registry } = await prepared('managed_child')
    const { invitation } = await registry.rotateBootInvitation({ peerId, tokenTtl: { seconds: 600n } })
    await machine.hand(payload)
    expect(await machine.firstRun()).toBe('refused')
    expect(machine.progress()).toContain('INVITATION_REVOKED')
    expect(machine.progress()).toContain('rotate-token')
    await machine.hand(payload, { acceptance_token: invitation!.acceptanceToken })
    expect(await machine.firstRun()).toBe('finished')
    await parent.untilState(peerId, PeerState.ACTIVE)
  })
})

describe('a machine that cannot become a child says why, and who has to act:', () => {
  test('nobody made it to be one', async () => {
    expect(await machine.firstRun()).toBe('finished')
    expect(machine.progress()).toContain('no boot payload')
  })

  test.each(['ca_pin', 'acceptance_token', 'parent_identity_key', 'hostname'] as const)(
    'its payload has no %s',
    async (key) => {
      const { payload } = await prepared('managed_child')
      await machine.hand(payload)
      rmSync(pathOf(machine.payloadRoot, key))
      expect(await machine.firstRun()).toBe('broken')
      expect(machine.progress()).toContain(`${key} is missing`)
      expect(existsSync(join(machine.stateDir, 'federation-accepted'))).toBe(false)
    },
  )

  test('the parent has another CA than the payload says', async () => {
    const { payload } = await prepared('managed_child')
    await machine.hand(payload, { ca_pin: '0'.repeat(64) })
    expect(await machine.firstRun()).toBe('refused')
    expect(machine.progress()).toMatch(/PIN|TRUSTED/)
  })

  test('the invitation was taken back because the spawn was cancelled', async () => {
    const { peerId, payload, registry } = await prepared('managed_child')
    await registry.cancelChild({ peerId, reason: 'not needed' })
    used.pop()
    await machine.hand(payload)
    expect(await machine.firstRun()).toBe('refused')
    expect(machine.progress()).toContain('INVITATION_REVOKED')
  })

  test('the parent cannot be reached: it waits, says so, and goes on as soon as it can', async () => {
    const { peerId, payload } = await prepared('managed_child')
    await machine.hand(payload)
    await parent.platform.parts['federation-gateway'].pause()
    const running = machine.firstRun()
    await expect.poll(() => machine.progress()).toContain('PEER_UNREACHABLE')
    await parent.platform.parts['federation-gateway'].resume()
    expect(await running).toBe('finished')
    await parent.untilState(peerId, PeerState.ACTIVE)
  })
})

test('another machine with the same payload is refused, and the first is not disturbed', async () => {
  const { peerId, payload } = await prepared('managed_child')
  await machine.hand(payload)
  await machine.firstRun()
  const clone = new Machine(parent) // a platform with another identity, booted with what the first was handed
  try {
    await clone.hand(payload)
    expect(await clone.firstRun()).toBe('refused')
  } finally {
    clone.remove()
  }
  await parent.untilState(peerId, PeerState.ACTIVE)
})

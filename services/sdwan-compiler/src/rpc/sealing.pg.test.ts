import { randomBytes } from 'node:crypto'
import { until } from '@powernode/events/testing'
import { SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resealSecrets } from '../operations/reseal-secrets.ts'
import { HUB, idOf, NetworkWorld, put } from '../testing/network-world.ts'

const [OLD, NEW] = [randomBytes(32), randomBytes(32)]

let world: NetworkWorld
const stopping: (() => unknown)[] = []
beforeEach(async () => {
  world = await NetworkWorld.open({ sealing: new SealingKey(OLD) })
  await starts(world.sealing)
})
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop()
  await world.close()
})

/** As every process does with the key that it is given. */
const starts = (sealing: SealingKey) => inTransaction(world.database.db, (tx) => resealSecrets(tx, sealing))

const secrets = async () =>
  (await sql<{ sealed: Buffer }>`select sealed from network_secret order by network_id`.execute(world.database.db)).rows

/** What a node is sent, as it comes. */
function watch(name: string): NodeState[] {
  const states: NodeState[] = []
  const giveUp = new AbortController()
  stopping.push(() => giveUp.abort())
  const stream = world.asNode(idOf(name)).watchDesiredState({}, { signal: giveUp.signal })
  void (async () => {
    for await (const { state } of stream) if (state) states.push(state)
  })().catch(() => undefined)
  return states
}

async function sent(states: readonly NodeState[], wanted: (state: NodeState) => boolean): Promise<NodeState> {
  let found: NodeState | undefined
  await until(async () => (found = states.findLast(wanted)) !== undefined)
  if (!found) throw new Error('nothing was sent')
  return found
}

test('a process that runs on with a sealing key that was replaced makes nothing anew and seals nothing, and says why', async () => {
  const lab = await world.network('lab', { presharedKeys: true })
  await world.member(lab.id, 'hub-1', HUB)
  const replica = world.replica(new SealingKey(NEW, OLD))
  stopping.push(() => replica.stop())
  expect(await starts(replica.sealing)).toMatchObject({ standing: 'newest', resealed: 1, lost: 0 })
  const before = await secrets()

  for (const asked of [{}, { dryRun: true }, { networks: ['lab'] }]) {
    const refused = await expectRefusal(world.alice.rekeyNetworks(asked), 'SEALING_KEY_REPLACED')
    expect(refused.next).toContain('SEALING_KEY_FILE')
  }
  await expectRefusal(world.network('other', { presharedKeys: true }), 'SEALING_KEY_REPLACED')
  expect((await world.alice.listProblems({})).problems).toMatchObject([{ code: 'SEALING_KEY_REPLACED', leftOut: true }])
  expect(await starts(world.sealing), 'and started again it is no better').toMatchObject({ standing: 'replaced', resealed: 0 }) // prettier-ignore
  expect(await secrets()).toEqual(before)

  expect((await replica.alice.listProblems({})).problems).toEqual([])
  expect((await replica.alice.rekeyNetworks({})).lines).toEqual([])
  expect((await replica.alice.rekeyNetworks({ networks: ['lab'] })).lines).toEqual(['network_rekey lab'])
})

test('a sealing key that comes out of nowhere is not believed before the one it follows is given up by its id', async () => {
  const { id } = await world.network('lab', { presharedKeys: true })
  const adopted = await starts(new SealingKey(NEW))
  expect(adopted).toMatchObject({ standing: 'unknown', resealed: 0, lost: 0 })
  const replica = world.replica(new SealingKey(NEW, undefined, adopted.newest))
  stopping.push(() => replica.stop())
  await expectRefusal(replica.alice.rekeyNetworks({}), 'SEALING_KEY_REPLACED')
  expect(await starts(replica.sealing)).toMatchObject({ standing: 'newest', resealed: 0, lost: 1 })
  expect((await replica.alice.listProblems({})).problems).toMatchObject([{ code: 'SECRET_LOST', record: `network/${id}` }]) // prettier-ignore
  expect((await replica.alice.rekeyNetworks({})).lines).toEqual(['network_rekey lab'])
})

test('a secret that is lost keeps nothing else from its nodes: what it is for is withheld, and sent once there is another', async () => {
  const lab = await world.network('lab', { presharedKeys: true })
  const other = await world.network('other', { firewallDefaultPolicy: 'drop' })
  const hub = await world.member(lab.id, 'hub-1', HUB)
  await world.member(lab.id, 'a', { nodeInstanceId: idOf('shared') })
  await world.member(other.id, 'b', { nodeInstanceId: idOf('shared') })
  const open = { networkId: other.id, name: 'web', action: 'accept', direction: 'ingress', protocol: 'tcp', dstPorts: { from: 4711, to: 4711 }, priority: 1 } as const // prettier-ignore
  const { items } = await world.change(put('firewallRule', open))
  const id = items[0]?.kind.value?.id ?? ''
  const states = watch('shared')
  const whole = await sent(states, ({ nftables }) => nftables.includes('4711'))
  const tunnelIn = ({ interfaces }: NodeState) => interfaces.find(({ config }) => config.includes(hub.publicKey))
  expect(Object.keys(tunnelIn(whole)?.preshared ?? {})).toEqual([hub.publicKey])

  const elsewhere = new SealingKey(OLD).seal(Buffer.alloc(32, 1), 'network_secret/another')
  await sql`update network_secret set sealed = ${elsewhere} where network_id = ${lab.id}`.execute(world.database.db)
  await world.change(put('firewallRule', { ...open, id, disabled: true }))
  const closed = await sent(states, ({ nftables }) => !nftables.includes('4711'))
  expect(tunnelIn(closed)).toMatchObject({ withheld: [hub.publicKey], preshared: {}, addresses: tunnelIn(whole)?.addresses, routes: tunnelIn(whole)?.routes }) // prettier-ignore
  const compiled = async () => (await world.alice.compileNode({ nodeInstanceId: idOf('shared') })).states[0]?.version
  expect(closed.version, 'it is not all that is wanted').not.toBe(await compiled())
  expect((await world.alice.listProblems({ network: 'lab' })).problems).toMatchObject([{ code: 'SECRET_LOST' }])

  await world.alice.rekeyNetworks({})
  const again = await sent(states, (state) => tunnelIn(state)?.withheld.length === 0 && !state.nftables.includes('4711')) // prettier-ignore
  expect(again.version).toBe(await compiled())
  expect(Object.keys(tunnelIn(again)?.preshared ?? {})).toEqual([hub.publicKey])
  expect(tunnelIn(again)?.preshared).not.toEqual(tunnelIn(whole)?.preshared)
})

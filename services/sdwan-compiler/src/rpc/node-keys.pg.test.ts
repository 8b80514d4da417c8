import { inTransaction } from '@powernode/postgres'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as state from '../store/intent-state.ts'
import { HUB, idOf, NetworkWorld, newKey } from '../testing/network-world.ts'

let world: NetworkWorld
beforeEach(async () => {
  world = await NetworkWorld.open()
})
afterEach(() => world.close())

const FOR_LONG = { timeoutMs: 60_000 }

test('a node that says the same of its keys, or what it may not, is answered while somebody else has the turn to change', async () => {
  const lab = await world.network('lab')
  const hub = await world.member(lab.id, 'hub-1', HUB)
  const spoke = await world.member(lab.id, 'spoke-1')
  const { states } = await world.alice.compileNode({ nodeInstanceId: idOf('node of spoke-1') })
  const name = states[0]?.interfaces[0]?.name ?? ''
  const node = world.asNode(idOf('node of spoke-1'))
  const register = (publicKey: string, its = name) => node.registerKeys({ keys: [{ interface: its, publicKey }] }, FOR_LONG) // prettier-ignore
  await inTransaction(world.database.db, async (tx) => {
    await state.takeTurn(tx)
    await register(spoke.publicKey)
    await expectRefusal(register(hub.publicKey), 'INTENT_EXISTS')
    await expectRefusal(register(newKey(), 'wg-ofsomebodyel'), 'NODE_NOT_FOUND')
  })
  const other = newKey()
  await register(other)
  const { item } = await world.alice.getIntent({ kind: 'member', id: 'spoke-1' })
  expect(item?.kind.value).toMatchObject({ publicKey: other })
})

import { SealingKey } from '@powernode/identity'
import { inTransaction, SealingKeyReplaced } from '@powernode/postgres'
import { SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { expect, test } from 'vitest'
import { roleNameOf, slotNameOf, type Member } from '../member.ts'
import * as members from '../store/members.ts'
import { SpawnWorld } from '../testing/world.ts'
import { BLANK, openPassword, passwordContext } from './admit-member.ts'
import { resealPasswords } from './reseal-passwords.ts'

test('a password that waits for its member outlives the sealing key, as long as the one before is at hand', async () => {
  const world = await SpawnWorld.open()
  try {
    const { id: childId } = await world.spawn('west-1', SpawnMode.CLUSTER_MEMBER)
    const [before, after] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const passwordSealed = new SealingKey(before).seal(Buffer.from('waits'), passwordContext(childId))
    const peerId = childId
    const member: Member = { ...BLANK, childId, peerId, slotName: slotNameOf(peerId), roleName: roleNameOf(peerId), since: world.clock.now(), primaryAddress: 'a:1', redisAddress: '', passwordSealed } // prettier-ignore
    await inTransaction(world.database.db, (tx) => members.insert(tx, member))

    const reseal = (sealing: SealingKey) => inTransaction(world.database.db, (tx) => resealPasswords(tx, sealing))
    expect(await reseal(new SealingKey(before))).toMatchObject({ standing: 'newest', resealed: 0, lost: 0 })
    expect(await reseal(new SealingKey(after)), 'it may yet be found').toMatchObject({
      standing: 'unknown',
      resealed: 0,
    })
    expect(await reseal(new SealingKey(after, before))).toMatchObject({ standing: 'newest', resealed: 1, lost: 0 })
    expect(await reseal(new SealingKey(after)), 'once is enough').toMatchObject({ resealed: 0, lost: 0 })
    expect(await reseal(new SealingKey(before))).toMatchObject({ standing: 'replaced' })
    const late = inTransaction(world.database.db, (tx) => members.save(tx, member))
    await expect(late, 'sealed by a replica that was not told').rejects.toThrow(SealingKeyReplaced)
    const [kept] = await inTransaction(world.database.db, members.all)
    expect(kept && openPassword(new SealingKey(after), kept)).toBe('waits')
  } finally {
    await world.close()
  }
})

import { SealBroken, SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { expect, test } from 'vitest'
import { NOW, testLedger, TRUST_DOMAIN } from '../../testing.ts'
import { takeKeys } from './take-keys.ts'

test('a sealing key that was replaced opens nothing any more: the ledger signs on with the same keys, sealed anew', async () => {
  const ledger = await testLedger()
  const take = (sealing: SealingKey) => inTransaction(ledger.db, (tx) => takeKeys(tx, NOW, { sealing, trustDomain: TRUST_DOMAIN })) // prettier-ignore
  const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  try {
    const { keys, resealed } = await take(new SealingKey(one))
    expect(resealed).toBe(0)
    await expect(take(new SealingKey(two)), 'the one before is not here').rejects.toThrow(SealBroken)

    const after = await take(new SealingKey(two, one))
    expect(after.resealed).toBe(2)
    const alone = await take(new SealingKey(two))
    expect(alone.resealed).toBe(0)
    for (const { keys: taken } of [after, alone]) expect(taken.publicKeys).toEqual(keys.publicKeys)
  } finally {
    await ledger.drop()
  }
})

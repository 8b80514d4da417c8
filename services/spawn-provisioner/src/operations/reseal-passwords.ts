import { SealBroken, type SealingKey } from '@powernode/identity'
import { adoptSealingKey, type Adopted } from '@powernode/postgres'
import * as members from '../store/members.ts'
import type { SpawnTx } from '../store/tables.ts'
import { openPassword, passwordContext } from './admit-member.ts'
import type { Member } from '../member.ts'

/** How many were sealed anew, and how many cannot be opened: those are made anew when an operator rotates them. */
export type Resealed = Adopted & { readonly resealed: number; readonly lost: number }

/**
 * The sealing key was replaced: a password that still waits for its member is sealed under the new one.
 * What opens with neither is left as it is: the key that opens it may yet be found. A process whose key is not the newest leaves
 * everything.
 */
export async function resealPasswords(tx: SpawnTx, sealing: SealingKey): Promise<Resealed> {
  const adopted = await adoptSealingKey(tx, sealing, async () =>
    (await members.all(tx)).every((member) => !member.passwordSealed || openedIfWeCan(sealing, member) !== undefined),
  )
  if (adopted.standing !== 'newest') return { ...adopted, resealed: 0, lost: 0 }
  let resealed = 0
  let lost = 0
  for (const { childId } of await members.all(tx)) {
    const member = await members.lock(tx, childId)
    if (!member?.passwordSealed || !sealing.isOutdated(member.passwordSealed)) continue
    const password = openedIfWeCan(sealing, member)
    if (password === undefined) {
      lost += 1
      continue
    }
    const passwordSealed = sealing.seal(Buffer.from(password), passwordContext(childId))
    await members.save(tx, { ...member, passwordSealed })
    resealed += 1
  }
  return { ...adopted, resealed, lost }
}

function openedIfWeCan(sealing: SealingKey, member: Member): string | undefined {
  try {
    return openPassword(sealing, member)
  } catch (error) {
    if (error instanceof SealBroken) return undefined
    throw error
  }
}

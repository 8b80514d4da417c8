import { createAuthority, createCrls } from '@powernode/identity'
import { newId, type Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { sealAuthority } from '../authority.ts'
import { rotationMoved, type By } from '../events.ts'
import type { Us } from '../platform.ts'
import type { Rotation, TrustHolder } from '../rotation.ts'
import * as authorities from '../store/authorities.ts'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'
import { rotationToWire } from '../wire-ca.ts'
import { listTrustHolders } from './list-trust-holders.ts'
import { crlNextUpdate } from './publish-bundle.ts'

/**
 * The CA is to be replaced: its next generation is made and sealed, and everybody who must learn it is listed.
 *
 * Nobody is told yet. A rehearsal makes the new CA too, to show that it can be made, and keeps nothing.
 */
export async function planRotation(
  tx: Tx<Tables>,
  now: Date,
  { us, by, rehearse }: { us: Us; by: By; rehearse: boolean },
): Promise<{ rotation: Rotation; holders: readonly TrustHolder[] }> {
  const [newest] = await authorities.lock(tx)
  const current = await authorities.current(tx)
  const open = await rotations.latest(tx)
  if (open && !['retired', 'cancelled'].includes(open.step))
    throw new Refusal('ROTATION_IN_PROGRESS', `a rotation is ${open.step}; finish or cancel it first`, {
      metadata: { rotation_id: open.id, step: open.step },
      next: 'fedctl ca show',
    })
  const generation = (newest ?? current).generation + 1
  const next = await createAuthority({ trustDomain: us.trustDomain, generation, now })
  const crls = await createCrls(next, [], { number: 1, now, nextUpdate: crlNextUpdate(now) })
  const rotation: Rotation = {
    id: newId(now),
    step: 'planned',
    fromGeneration: current.generation,
    toGeneration: generation,
    bundleSequence: 0,
    overridden: [],
    createdBy: by.actor,
    createdAt: now,
    updatedAt: now,
  }
  const holders = await listTrustHolders(tx, now, rotation)
  if (rehearse) return { rotation, holders }
  await authorities.insert(tx, sealAuthority(us.sealing, next, { status: 'next', crls, now }))
  await rotations.insert(tx, rotation)
  await rotationMoved(tx, by, { rotation: rotationToWire(rotation, holders), word: 'planned', at: now })
  return { rotation, holders }
}

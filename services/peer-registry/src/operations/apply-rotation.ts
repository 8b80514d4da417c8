import type { Tx } from '@powernode/postgres'
import { rotationMoved, type By } from '../events.ts'
import type { Us } from '../platform.ts'
import { checkNobodyLeft, checkStep, type Rotation, type RotationStep, type TrustHolder } from '../rotation.ts'
import * as authorities from '../store/authorities.ts'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'
import { rotationToWire } from '../wire-ca.ts'
import { listTrustHolders } from './list-trust-holders.ts'
import { publishBundle } from './publish-bundle.ts'

export type Applied = Exclude<RotationStep, 'planned'>

/**
 * A rotation takes its next step: publish, switch, retire; or is cancelled before the switch.
 *
 * The step, what is trusted, the new bundle and the news share one transaction. Nobody signs with a root that somebody
 * does not hold, unless an operator named that somebody and said to go on.
 */
export async function applyRotation(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; rotationId: string; step: Applied; override: readonly string[] },
): Promise<{ rotation: Rotation; holders: readonly TrustHolder[] }> {
  const { us, by, step } = said
  const before = await rotations.lock(tx, said.rotationId)
  if (before.step === step) return { rotation: before, holders: await listTrustHolders(tx, now, before) }
  checkStep(before, step)
  const overridden = [...new Set([...before.overridden, ...said.override])].toSorted()
  const entering: Rotation = { ...before, step, overridden, updatedAt: now }
  const holders = await listTrustHolders(tx, now, before)
  if (step === 'switched' || step === 'retired') checkNobodyLeft(entering, step, holders)

  await STEP[step](tx, before)
  await rotations.save(tx, entering)
  const sequence =
    step === 'cancelled' && before.step === 'planned' ? before.bundleSequence : await publishBundle(tx, now, us)
  const rotation = step === 'published' ? { ...entering, bundleSequence: sequence } : entering
  await rotations.save(tx, rotation)
  await rotationMoved(tx, by, { rotation: rotationToWire(rotation, holders), word: step, at: now })
  return { rotation, holders }
}

/** What each step changes; publishing only makes the next root part of the bundle. */
const STEP: Readonly<Record<Applied, (tx: Tx<Tables>, rotation: Rotation) => Promise<void>>> = {
  published: async () => {},
  switched: async (tx, { fromGeneration, toGeneration }) => {
    await authorities.setStatus(tx, fromGeneration, 'previous')
    await authorities.setStatus(tx, toGeneration, 'current')
  },
  retired: (tx, { fromGeneration }) => authorities.setStatus(tx, fromGeneration, 'retired'),
  cancelled: (tx, { toGeneration }) => authorities.setStatus(tx, toGeneration, 'retired'),
}

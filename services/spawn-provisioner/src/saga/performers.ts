import type { StepName } from '../step.ts'
import type { Performer } from './performer.ts'
import { awaitAccept, awaitActive, awaitBoot } from './steps/await-child.ts'
import { createInstance } from './steps/create-instance.ts'
import { preparePeer } from './steps/prepare-peer.ts'
import { prepareRole, prepareSlot } from './steps/prepare-replica.ts'

/** How each step is done and undone. */
export const PERFORMERS: Readonly<Record<StepName, Performer>> = {
  prepare_peer: preparePeer,
  prepare_slot: prepareSlot,
  prepare_role: prepareRole,
  create_instance: createInstance,
  await_boot: awaitBoot,
  await_accept: awaitAccept,
  await_active: awaitActive,
}

/**
 * In which order a child is undone. The invitation first, so that nobody can redeem it while its machine is ended; the
 * rest as it was made, backwards.
 */
export const UNDO_ORDER: readonly StepName[] = ['prepare_peer', 'create_instance', 'prepare_role', 'prepare_slot']

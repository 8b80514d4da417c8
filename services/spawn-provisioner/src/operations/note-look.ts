import { isUnspoken } from '../child.ts'
import type { Instance } from '../instance.ts'
import { extendedTo } from '../silence.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'

export type Seen = {
  readonly state: 'booting' | 'running' | 'stopped' | 'gone'
  readonly progress: string
}

const STATE = { booting: 'booting', running: 'running', stopped: 'stopped', gone: 'lost' } as const

/**
 * Notes how a machine was found; what it says is told to whoever watches the step that waits for it. Returns until when the invitation of its child is to live, if it has said something new
 * and that is later than it lives now.
 */
export async function noteLook(
  tx: SpawnTx,
  now: Date,
  { childId, seen }: { readonly childId: string; readonly seen: Seen },
): Promise<Date | undefined> {
  const child = await children.find(tx, childId)
  const instance = child && (await instances.find(tx, child.instanceId))
  if (!child || !instance || instance.state === 'gone') return undefined
  const { progress } = seen
  const isNew = progress !== instance.progress
  const state = STATE[seen.state]
  if (isNew) await steps.noteWord(tx, childId, progress)
  if (isNew || state !== instance.state) await instances.save(tx, after(instance, { state, progress }, now))
  return isNew && isUnspoken(child) ? extendedTo(child, now) : undefined
}

const after = (instance: Instance, seen: Pick<Instance, 'state' | 'progress'>, now: Date): Instance => ({
  ...instance,
  ...seen,
  ...(seen.progress !== instance.progress && { progressAt: now }),
  ...(seen.state !== instance.state && { since: now, reason: WHY[seen.state] ?? '' }),
})

const WHY: Readonly<Partial<Record<Instance['state'], string>>> = {
  stopped: 'its provider says that it does not run',
  lost: 'its provider has nothing of this name any more',
}

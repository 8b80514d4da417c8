import type { ChildMove, SpawnMode } from './child.ts'
import type { SpawnWord } from './spawn-word.ts'

export const STEP_NAMES = [
  'prepare_peer',
  'prepare_slot',
  'prepare_role',
  'create_instance',
  'await_boot',
  'await_accept',
  'await_active',
] as const
export type StepName = (typeof STEP_NAMES)[number]

export type StepStatus = 'pending' | 'running' | 'done' | 'failed' | 'undone' | 'skipped'

/** One step of the making of a child. */
export type Step = {
  readonly childId: string
  readonly position: number
  readonly name: StepName
  readonly status: StepStatus
  readonly attempts: number
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly detail: string
}

const OF_A_MEMBER: readonly StepName[] = ['prepare_slot', 'prepare_role']

/** The steps of a mode, in their order. */
export const stepsOf = (mode: SpawnMode): readonly StepName[] =>
  STEP_NAMES.filter((name) => mode === 'cluster_member' || !OF_A_MEMBER.includes(name))

/** The first step that is not done: where a spawn goes on, also after a crash. */
export const currentOf = (steps: readonly Step[]): Step | undefined => steps.find(({ status }) => status !== 'done')

/** What a child is when a step of it is done, and what is said then. */
export const AFTER: Readonly<Record<StepName, { readonly move?: ChildMove; readonly word?: SpawnWord }>> = {
  prepare_peer: { word: 'peer_prepared' },
  prepare_slot: { word: 'slot_prepared' },
  prepare_role: { word: 'role_prepared' },
  create_instance: { move: 'create', word: 'instance_created' },
  await_boot: {},
  await_accept: { move: 'speak', word: 'joined' },
  await_active: { move: 'live', word: 'active' },
}

/** What a child is when a step of it begins, and what is said then. */
export const BEGINNING: Readonly<Partial<Record<StepName, { readonly move?: ChildMove; readonly word?: SpawnWord }>>> =
  {
    create_instance: { move: 'prepare' },
    await_boot: { word: 'booting' },
  }

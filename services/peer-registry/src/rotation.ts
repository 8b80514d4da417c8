import { Refusal } from '@powernode/rpc'

export type RotationStep = 'planned' | 'published' | 'switched' | 'retired' | 'cancelled'

/** The replacement of one generation of the CA by the next. */
export type Rotation = {
  readonly id: string
  readonly step: RotationStep
  readonly fromGeneration: number
  readonly toGeneration: number
  /** The bundle that carries both roots; 0 before it is published. */
  readonly bundleSequence: number
  readonly overridden: readonly string[]
  readonly createdBy: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Somebody who must hold the new root before anything is signed with it. */
export type TrustHolder = {
  readonly holder: string
  readonly name: string
  readonly acknowledgedSequence: number
  readonly acknowledgedAt: Date | null
  /** Uses a certificate of the new generation; peers with a CA of their own need none. */
  readonly renewed: boolean
  readonly detail: string
}

/** Which step may follow which. After the switch there is no way back, only on. */
export const STEPS: Readonly<Record<RotationStep, readonly RotationStep[]>> = {
  planned: ['published', 'cancelled'],
  published: ['switched', 'cancelled'],
  switched: ['retired'],
  retired: [],
  cancelled: [],
}

export function checkStep(rotation: Rotation, to: RotationStep): void {
  if (STEPS[rotation.step].includes(to)) return
  const allowed = STEPS[rotation.step].join(' or ') || 'nothing'
  throw new Refusal(
    'ROTATION_STEP_NOT_ALLOWED',
    `a rotation that is ${rotation.step} cannot be ${to}; next is ${allowed}`,
    {
      metadata: { step: rotation.step, allowed: STEPS[rotation.step].join(',') },
    },
  )
}

/** Those a step still waits for: to switch, everybody's receipt; to retire, everybody's new certificate. */
export function waitingFor(
  rotation: Rotation,
  to: 'switched' | 'retired',
  holders: readonly TrustHolder[],
): readonly TrustHolder[] {
  const left = holders.filter(({ holder }) => !rotation.overridden.includes(holder))
  return to === 'switched'
    ? left.filter(({ acknowledgedSequence }) => acknowledgedSequence < rotation.bundleSequence)
    : left.filter(({ renewed }) => !renewed)
}

export function checkNobodyLeft(rotation: Rotation, to: 'switched' | 'retired', holders: readonly TrustHolder[]): void {
  const left = waitingFor(rotation, to, holders)
  if (left.length === 0) return
  const names = left.map(({ holder, name }) => (name ? `${holder} (${name})` : holder))
  throw new Refusal(
    'ROTATION_NOT_ACKNOWLEDGED',
    `${left.length} of ${holders.length} ${to === 'switched' ? 'do not hold the new root yet' : 'still use the old one'}: ${names.join(', ')}`,
    {
      metadata: { waiting: left.map(({ holder }) => holder).join(',') },
      next: `wait, or go on without them: fedctl ca rotate apply --step ${to} --override ${left[0]?.holder ?? ''}`,
    },
  )
}

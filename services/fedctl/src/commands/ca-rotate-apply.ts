import { Command, Option } from '@commander-js/extra-typings'
import { RotationStep, type Rotation } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { Problem, usage } from '../problem.ts'
import { waiting } from '../render/rotation.ts'
import { plural, word } from '../render/words.ts'
import { rotated } from '../rotated.ts'
import type { Session } from '../session.ts'
import { collect } from '../values.ts'
import { isWaiting, until } from '../wait.ts'

const STEPS = {
  published: RotationStep.PUBLISHED,
  switched: RotationStep.SWITCHED,
  retired: RotationStep.RETIRED,
  cancelled: RotationStep.CANCELLED,
} as const

/** What follows by itself when no step is named. */
const NEXT: Partial<Record<RotationStep, RotationStep>> = {
  [RotationStep.PLANNED]: RotationStep.PUBLISHED,
  [RotationStep.PUBLISHED]: RotationStep.SWITCHED,
  [RotationStep.SWITCHED]: RotationStep.RETIRED,
}

export const caRotateApply = (run: Run) =>
  new Command('apply')
    .description('take the next step of the plan; --wait until everybody has followed it')
    .argument('[rotation-id]', 'the one under way when not given')
    .addOption(new Option('--step <step>', 'the step to take; the next one when not given').choices(Object.keys(STEPS)))
    .option('--override <holder>', 'go on without this holder (peer/<id>, service/<name>); can be repeated', collect)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const before = await current(session)
        const step = options.step ? STEPS[options.step as keyof typeof STEPS] : NEXT[before.step]
        if (!step)
          throw usage(`the rotation is ${word(RotationStep, before.step)}: no step follows`, 'fedctl ca rotate plan')
        if (!options.dryRun && FINAL.has(step))
          await session.confirm(`${word(RotationStep, step)} cannot be undone. Go on?`)
        const { rotation } = await session.clients.authority.applyRotation({
          rotationId: named ?? before.id,
          step,
          override: options.override ?? [],
          dryRun: options.dryRun === true,
        })
        if (!isWaiting(options.wait) || options.dryRun) return rotated(rotation)
        return rotated(await untilFollowed(session, options.wait))
      }),
    )

const FINAL: ReadonlySet<RotationStep> = new Set([RotationStep.SWITCHED, RotationStep.RETIRED])

async function untilFollowed(session: Session, ms: number): Promise<Rotation> {
  return until(session, {
    ms,
    look: () => current(session),
    judge: (rotation) => (waiting(rotation).length === 0 ? 'done' : 'not yet'),
    missing: (rotation) => ({
      message: `${plural(waiting(rotation).length, 'holder')} had not followed: ${waiting(rotation)
        .map(({ holder, detail }) => (detail ? `${holder} (${detail})` : holder))
        .join(', ')}`,
      next: rotation.next,
    }),
  })
}

async function current({ clients }: Session): Promise<Rotation> {
  const { rotation } = await clients.authority.getRotation({})
  if (rotation) return rotation
  throw new Problem({
    reason: 'ROTATION_NOT_FOUND',
    message: 'no rotation is under way',
    next: 'fedctl ca rotate plan',
    exitCode: 2,
  })
}

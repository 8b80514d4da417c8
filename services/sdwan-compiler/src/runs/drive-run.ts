import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { ChangeIntentRequestSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Network } from '../network.ts'
import { noteRefusal, takeStep, type ChangeNetwork, type Taken } from '../operations/take-step.ts'
import { changing } from '../rpc/acts/change.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'

export type DriveDeps = Pick<SdwanDeps, 'db' | 'clock' | 'metrics' | 'compiler' | 'sealing' | 'config'>

type Driven = { readonly runId: string; readonly patient?: boolean | undefined }

/**
 * Drives a run to its end, step by step. Whoever asked for it does so at once; the loop (drive-runs.ts) does for those whose
 * process was killed. Two who drive the same run do not get in each other's way: each step is held by one of them.
 *
 * Resolves when the run is over, or somebody else drives it and we are not patient. Rejects on a fault; then it stands where it stood.
 */
export async function driveRun(
  deps: DriveDeps,
  { runId, patient = false }: Driven,
  signal: AbortSignal,
): Promise<'over' | 'busy'> {
  while (!signal.aborted) {
    const taken = await oneStep(deps, { runId, patient })
    if (taken !== 'taken') return taken
  }
  return 'busy'
}

async function oneStep(deps: DriveDeps, { runId, patient = false }: Driven): Promise<Taken<Network>['outcome']> {
  const { db, clock, compiler, metrics } = deps
  const counted = metrics.counter('fed_sdwan_run_steps_total', 'Steps of runs of skills, by how they went', [
    'step',
    'outcome',
  ])
  try {
    const taken = await inTransaction(db, (tx) =>
      takeStep(tx, clock.now(), { runId, change: changeFor(deps), patient }),
    )
    if (taken.outcome !== 'taken') return taken.outcome
    if (taken.kept) compiler.keep(taken.kept)
    if (taken.step) counted.inc({ step: taken.step.name, outcome: 'done' })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await inTransaction(db, (tx) => noteRefusal(tx, clock.now(), { runId, refusal: error }))
    counted.inc({ step: 'any', outcome: 'refused' })
  }
  return 'taken'
}

// oxlint-disable-next-line max-params -- the shape of ChangeNetwork
const changeFor =
  (deps: DriveDeps): ChangeNetwork<Network> =>
  async (tx, now, changes, by) =>
    (
      await changing(deps, create(ChangeIntentRequestSchema, { changes: [...changes] }), by, { skipReach: true })(
        tx,
        now,
      )
    ).network

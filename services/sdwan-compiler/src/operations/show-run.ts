import type { ChangePlan } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import type { Run as WireRun } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { composeOutputs, isolateOutputs } from '../run-outputs.ts'
import { idMadeBy } from '../run-changes.ts'
import type { Run, RunStep } from '../run.ts'
import * as runs from '../store/runs.ts'
import type { SdwanTx } from '../store/tables.ts'
import { composeOf, isolateOf, runToWire } from '../wire-run.ts'

type Shown = {
  readonly run: Run
  readonly steps: readonly RunStep[]
  readonly rehearsed?: { readonly plan: ChangePlan | undefined }
}

/** A run as people see it: what it has made, under the names that they look for. */
export async function showRun(tx: SdwanTx, _now: Date, { run, steps, rehearsed }: Shown): Promise<WireRun> {
  const rest = rehearsed === undefined ? {} : { rehearsed }
  if (run.skill === 'sdwan_federation_compose')
    return runToWire({ run, steps, outputs: composeOutputs(composeOf(run), steps), ...rest })
  const ground = await runs.standing(tx, idMadeBy(steps, 'create_network'))
  return runToWire({ run, steps, outputs: isolateOutputs(isolateOf(run), steps, ground), ...rest })
}

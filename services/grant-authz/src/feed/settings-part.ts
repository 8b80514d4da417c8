import { create } from '@bufbuild/protobuf'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import * as rows from '../store/policy-rows.ts'
import type { GrantTx } from '../store/tables.ts'
import type { PolicyPart } from './policy-part.ts'

/** What holds for all grants. */
export const settingsPart: PolicyPart = {
  readAll: (tx) => changedSince(tx, -1n),
  readSince: changedSince,
}

async function* changedSince(tx: GrantTx, epoch: bigint): AsyncGenerator<PolicyPage> {
  const strictAxes = await rows.strictAxesSince(tx, epoch)
  if (strictAxes !== undefined) yield create(PolicyPageSchema, { settings: { strictAxes } })
}

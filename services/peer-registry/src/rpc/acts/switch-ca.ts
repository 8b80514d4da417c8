import type { GatedAct } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import { ApplyRotationRequestSchema, type ApplyRotationRequest } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { applyRotation } from '../../operations/apply-rotation.ts'
import type { Tables } from '../../store/tables.ts'
import { ROTATION_STEPS } from '../../wire-ca.ts'
import { wordOf } from '../../wire-words.ts'
import type { Asked } from './asked.ts'

export const SWITCH_CA = 'federation.ca_switch'

/** A rotation of our CA takes its next step. */
export async function rotate(tx: Tx<Tables>, now: Date, { us, by, req }: Asked<ApplyRotationRequest>) {
  const step = wordOf(ROTATION_STEPS, req.step)
  if (step === undefined || step === 'planned')
    throw new Refusal('REQUEST_INVALID', 'a rotation is applied by publishing, switching, retiring or cancelling')
  const { rotationId, override } = req
  return applyRotation(tx, now, { us, by, rotationId, step, override })
}

/** Of its steps the one that lets the next generation sign has to be approved. The others take nothing away from anybody. */
export const isSwitch = ({ step }: ApplyRotationRequest): boolean => wordOf(ROTATION_STEPS, step) === 'switched'

export const switching = (
  req: ApplyRotationRequest,
  { rehearse }: { rehearse: () => Promise<unknown> },
): GatedAct<typeof ApplyRotationRequestSchema> => ({
  action: SWITCH_CA,
  schema: ApplyRotationRequestSchema,
  request: req,
  summary: `sign with the next generation of our CA (rotation ${req.rotationId})`,
  effects: async () => {
    await rehearse()
    return [
      'every certificate from then on is signed by the next generation',
      ...req.override.map((holder) => `${holder} may be cut off: it has not said that it trusts the next generation`),
    ]
  },
})

import { RotationSchema, RotationStep, type Rotation } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { EXIT } from './exit-codes.ts'
import type { Outcome } from './output.ts'
import { plain } from './plain.ts'
import { rotationText, waiting } from './render/rotation.ts'

/** The outcome of a step of a rotation: exit 3 while somebody is still waited for. */
export function rotated(rotation: Rotation | undefined): Outcome {
  if (!rotation) throw new Error('the CA answered without a rotation')
  const isOpen = !rotation.rehearsal && rotation.step !== RotationStep.PLANNED && waiting(rotation).length > 0
  return {
    data: { rotation: plain(RotationSchema, rotation) },
    text: (canvas) => rotationText(rotation, canvas),
    exit: isOpen ? EXIT.doneWithOpenItems : EXIT.done,
  }
}

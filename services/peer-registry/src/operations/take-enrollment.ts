import { fromBinary } from '@bufbuild/protobuf'
import type { Tx } from '@powernode/postgres'
import { EnrollmentSchema, type Enrollment } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import * as parentages from '../store/parentages.ts'
import type { Tables } from '../store/tables.ts'

/**
 * What our parent handed over with its answer; undefined when that was nothing, or is carried out.
 *
 * It rests sealed until whoever carries it out says that it is done, and no longer: then it is erased, for good.
 */
export async function takeEnrollment(
  tx: Tx<Tables>,
  now: Date,
  { us, peerId, done }: { us: Us; peerId: string; done: boolean },
): Promise<Enrollment | undefined> {
  const parentage = await parentages.lock(tx, peerId)
  if (!parentage || parentage.doneAt) return undefined
  if (done) {
    await parentages.put(tx, { ...parentage, enrollmentSealed: null, doneAt: now })
    return undefined
  }
  const { enrollmentSealed: sealed } = parentage
  return sealed ? fromBinary(EnrollmentSchema, us.sealing.open(sealed, SEALED.enrollment(peerId))) : undefined
}

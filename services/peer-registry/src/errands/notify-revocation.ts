import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { NotifyRevocationRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { retryAt } from '../errand.ts'
import { settleNotice } from '../operations/settle-notice.ts'
import { envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import { toPeer, type Performer } from './performer.ts'

/** Tells the other side that the peering has ended. Nothing here waits for the dead: it ended when we said so. */
export const notifyRevocation: Performer = {
  async perform({ db, clock, federation }, errand, signal) {
    const notice = envelopeFrom(errand.statement ?? Buffer.alloc(0))
    const request = create(NotifyRevocationRequestSchema, { notice })
    const { receipt } = await federation.notifyRevocation(request, toPeer(errand, signal))
    await inTransaction(db, (tx) => settleNotice(tx, clock.now(), { errand, heard: { receipt } }))
  },
  /**
   * Whoever refuses to hear it has ended the peering as well, or has never heard of us. That has to be their own word:
   * when it is we who would not speak to the server we met, somebody on the road may want the notice to be forgotten.
   */
  refused: ({ db, clock, jitter }, errand, { by, reason, message }) =>
    inTransaction(db, (tx) =>
      by === 'them'
        ? settleNotice(tx, clock.now(), { errand, why: `${reason}: ${message}` })
        : errands.postpone(tx, errand, retryAt(clock.now(), errand.attempts, jitter()), `${reason}: ${message}`),
    ),
  expired: ({ db, clock }, errand) =>
    inTransaction(db, (tx) => settleNotice(tx, clock.now(), { errand, why: errand.lastError || 'it was never tried' })),
}

import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { NotifyRelationshipRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { retryAt } from '../errand.ts'
import { envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import { toPeer, type Performer } from './performer.ts'

/** Tells the other side what we are to each other now. It holds here already: nothing waits for them. */
export const notifyRelationship: Performer = {
  async perform({ db, federation }, errand, signal) {
    const notice = envelopeFrom(errand.statement ?? Buffer.alloc(0))
    await federation.notifyRelationship(create(NotifyRelationshipRequestSchema, { notice }), toPeer(errand, signal))
    await inTransaction(db, (tx) => errands.settle(tx, errand))
  },
  /** Whatever they say no to, they have to hear it: tried again, slower and slower, until it runs out. */
  refused: ({ db, clock, jitter }, errand, { reason, message }) =>
    inTransaction(db, (tx) =>
      errands.postpone(tx, errand, retryAt(clock.now(), errand.attempts, jitter()), `${reason}: ${message}`),
    ),
  expired: ({ db }, errand) => inTransaction(db, (tx) => errands.settle(tx, errand)),
}

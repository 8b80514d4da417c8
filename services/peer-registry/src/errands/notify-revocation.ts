import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { NotifyRevocationRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { settleNotice } from '../operations/settle-notice.ts'
import { envelopeFrom } from '../statements.ts'
import { toPeer, type Performer } from './performer.ts'

/** Tells the other side that the peering has ended. Nothing here waits for the dead: it ended when we said so. */
export const notifyRevocation: Performer = {
  async perform({ db, clock, federation }, errand, signal) {
    const notice = envelopeFrom(errand.statement ?? Buffer.alloc(0))
    await federation.notifyRevocation(create(NotifyRevocationRequestSchema, { notice }), toPeer(errand, signal))
    await inTransaction(db, (tx) => settleNotice(tx, clock.now(), errand.peerId, true))
  },
  /** Whoever refuses to hear it has ended the peering as well, or has never heard of us. */
  refused: ({ db, clock }, errand) => inTransaction(db, (tx) => settleNotice(tx, clock.now(), errand.peerId, false)),
  expired: ({ db, clock }, errand) => inTransaction(db, (tx) => settleNotice(tx, clock.now(), errand.peerId, false)),
}

import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { BY_OURSELVES } from '../events.ts'
import { receiveTrustBundle } from '../operations/receive-trust-bundle.ts'
import * as errands from '../store/errands.ts'
import { toPeer, type Performer } from './performer.ts'

/** Fetches the bundle of a peer whose heartbeat spoke of a newer one than we hold. */
export const fetchBundle: Performer = {
  async perform({ db, clock, us, federation }, errand, signal) {
    const { trustBundle: bundle = create(EnvelopeSchema) } = await federation.getTrustBundle({}, toPeer(errand, signal))
    await inTransaction(db, async (tx) => {
      await receiveTrustBundle(tx, clock.now(), { us, by: BY_OURSELVES, peerId: errand.peerId, bundle })
      await errands.remove(tx, errand.peerId, 'fetch_bundle')
    })
  },
  /** The next heartbeat that speaks of it puts it on the list again. */
  refused: ({ db }, errand) => inTransaction(db, (tx) => errands.remove(tx, errand.peerId, 'fetch_bundle')),
  expired: ({ db }, errand) => inTransaction(db, (tx) => errands.remove(tx, errand.peerId, 'fetch_bundle')),
}

import { create } from '@bufbuild/protobuf'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { inTransaction } from '@powernode/postgres'
import { PublishTrustBundleRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { passBundle } from '../operations/pass-bundle.ts'
import { storeReceipt } from '../operations/store-receipt.ts'
import { envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as platform from '../store/platform.ts'
import { toPeer, type Performer } from './performer.ts'

/** Hands our newest trust bundle to a peer and keeps its signed receipt. */
export const deliverBundle: Performer = {
  async perform({ db, clock, federation }, errand, signal) {
    const { bundle } = await inTransaction(db, (tx) => platform.read(tx))
    const request = create(PublishTrustBundleRequestSchema, { trustBundle: envelopeFrom(bundle) })
    const { receipt = create(EnvelopeSchema) } = await federation.publishTrustBundle(request, toPeer(errand, signal))
    await inTransaction(db, async (tx) => {
      await storeReceipt(tx, clock.now(), { peerId: errand.peerId, receipt, bundle })
      await errands.remove(tx, errand.peerId, 'deliver_bundle')
    })
  },
  /** Tried again, later, while the receipt is missing. A peer that holds a later bundle of ours knows more than we do. */
  refused: ({ db, clock, us, jitter }, errand, { by, reason, message, metadata }) =>
    inTransaction(db, async (tx) => {
      if (by === 'them' && reason === 'BUNDLE_SEQUENCE_OLD')
        await passBundle(tx, clock.now(), { us, held: Number(metadata['held_sequence']) })
      await errands.postpone(tx, errand, laterThan(clock.now(), jitter()), `${reason}: ${message}`)
    }),
  expired: ({ db }, errand) => inTransaction(db, (tx) => errands.remove(tx, errand.peerId, 'deliver_bundle')),
}

const laterThan = (now: Date, jitter: number): Date => new Date(now.getTime() + 60_000 * (1 + jitter))

import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { AcceptRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { BY_OURSELVES } from '../events.ts'
import { failRedemption } from '../operations/fail-redemption.ts'
import { storeAgreement } from '../operations/store-agreement.ts'
import { SEALED } from '../secrets.ts'
import { envelopeFrom } from '../statements.ts'
import { toPeer, type Performer } from './performer.ts'

/** Takes the invitation to the platform that made it: always the same bytes, so always the same answer. */
export const redeem: Performer = {
  async perform(deps, errand, signal) {
    const { us, db, clock, federation } = deps
    const token = us.sealing.open(errand.tokenSealed ?? Buffer.alloc(0), SEALED.acceptanceToken(errand.peerId))
    const request = create(AcceptRequestSchema, {
      acceptanceToken: token.toString('utf8'),
      acceptance: envelopeFrom(errand.statement ?? Buffer.alloc(0)),
    })
    const answer = await federation.accept(request, toPeer(errand, signal))
    await inTransaction(db, (tx) => storeAgreement(tx, clock.now(), { us, by: BY_OURSELVES, errand, answer }))
  },
  refused: ({ db, clock }, errand, { by, reason, message }) =>
    inTransaction(db, (tx) =>
      failRedemption(tx, clock.now(), errand, {
        why: `${by === 'them' ? 'the other side' : 'this platform'} refused: ${reason}: ${message}`,
        refused: { reason, message },
      }),
    ),
  expired: ({ db, clock }, errand) =>
    inTransaction(db, (tx) =>
      failRedemption(tx, clock.now(), errand, {
        why: `the invitation ran out before it was redeemed; last: ${errand.lastError}`,
        refused: { reason: 'INVITATION_EXPIRED', message: `it was not redeemed in time; last: ${errand.lastError}` },
      }),
    ),
}

import { create } from '@bufbuild/protobuf'
import { createCsr } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { RenewCertificateRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { storeCertificate } from '../operations/store-certificate.ts'
import * as errands from '../store/errands.ts'
import { toPeer, type Performer } from './performer.ts'

/** Under hierarchical trust: a new key, and a new certificate for it from the platform that signs for us. */
export const renewCertificate: Performer = {
  async perform({ db, clock, us, federation }, errand, signal) {
    const { csrDer, privateKeyPkcs8Der: key } = await createCsr()
    const request = create(RenewCertificateRequestSchema, { csrDer: Uint8Array.from(csrDer) })
    const { certificateChain: chain } = await federation.renewCertificate(request, toPeer(errand, signal))
    await inTransaction(db, async (tx) => {
      await storeCertificate(tx, clock.now(), { us, peerId: errand.peerId, key, chain })
      await errands.remove(tx, errand.peerId, 'renew_certificate')
    })
  },
  refused: ({ db, clock }, errand, { reason, message }) =>
    inTransaction(db, (tx) =>
      errands.postpone(tx, errand, new Date(clock.now().getTime() + 60_000), `${reason}: ${message}`),
    ),
  expired: ({ db }, errand) => inTransaction(db, (tx) => errands.remove(tx, errand.peerId, 'renew_certificate')),
}

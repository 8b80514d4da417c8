import { timersToWire } from '../wire-description.ts'
import { create } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { caPinOf, fingerprintOf } from '@powernode/identity'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { callerOf, callerText, requestOf } from '@powernode/rpc'
import { contractDigest } from '../contract.ts'
import { CONTRACT_TEXT } from '../contract-text.ts'
import { keyPairFrom } from '../ledger-keys.ts'
import { advertisePrefix } from '../operations/advertise-prefix.ts'
import { endorseLedgerKeys } from '../operations/endorse-ledger-keys.ts'
import { readLocal, localToWire, withoutKeys } from '../feed/routes.ts'
import { receiveRevocation } from '../operations/receive-revocation.ts'
import { receiveTrustBundle } from '../operations/receive-trust-bundle.ts'
import { signPeerCertificate } from '../operations/sign-peer-certificate.ts'
import { act, enforce, type RpcDeps } from './door.ts'

/** The only reader that shows our certificates to peers, and so the only one that is given their keys. */
const DOOR = 'service/federation-gateway'

type Handlers = Pick<
  ServiceImpl<typeof PeerRegistryService>,
  | 'getPlatform'
  | 'receiveTrustBundle'
  | 'signPeerCertificate'
  | 'receiveRevocation'
  | 'endorseLedgerKeys'
  | 'advertisePrefix'
  | 'watchPeers'
>

/** The gateway's half of the contract between platforms: what a peer asked, once the gateway knows who it is. */
export const borderHandlers = (deps: RpcDeps): Handlers => ({
  getPlatform: () =>
    act(deps, async (tx) => {
      const local = await readLocal(tx)
      const { platform, trustBundle, trustBundleSequence } = localToWire(deps.us, local)
      return {
        ...(platform && { platform }),
        ...(trustBundle && { trustBundle }),
        trustBundleSequence,
        identityFingerprint: fingerprintOf(deps.us.key.publicKey),
        caPin: local.roots[0] ? caPinOf(local.roots[0]) : '',
        contractSha256: contractDigest(CONTRACT_TEXT),
        timers: timersToWire(deps.us.self.timers),
      }
    }),

  receiveTrustBundle: (req, context) =>
    act(deps, async (tx, now) => {
      const bundle = req.trustBundle ?? create(EnvelopeSchema)
      const said = { us: deps.us, by: requestOf(context), peerId: req.peerId, bundle }
      return { receipt: await receiveTrustBundle(tx, now, said) }
    }),

  signPeerCertificate: (req, context) =>
    act(deps, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), peerId: req.peerId, csrDer: req.csrDer }
      const chain = await signPeerCertificate(tx, now, said)
      return { certificateChain: chain.map((der) => Uint8Array.from(der)) }
    }),

  async receiveRevocation(req, context) {
    const notice = req.notice ?? create(EnvelopeSchema)
    const said = { us: deps.us, by: requestOf(context), peerId: req.peerId, notice }
    const { receipt } = await enforce(deps, context, async (tx, now) => ({
      receipt: await receiveRevocation(tx, now, said),
    }))
    return { receipt }
  },

  endorseLedgerKeys: (req) =>
    act(deps, async (tx, now) => ({
      ledgerKeys: await endorseLedgerKeys(tx, now, { us: deps.us, pair: keyPairFrom(req) }),
    })),

  advertisePrefix: ({ prefixAdvertisement }) =>
    act(deps, async (tx) => {
      await advertisePrefix(tx, prefixAdvertisement)
      return { prefixAdvertisement: deps.us.self.prefixAdvertisement || prefixAdvertisement }
    }),

  watchPeers: (requests, context) => {
    const updates = deps.feed.follow(requests, context.signal)
    return callerText(callerOf(context)) === DOOR ? updates : withoutKeys(updates)
  },
})

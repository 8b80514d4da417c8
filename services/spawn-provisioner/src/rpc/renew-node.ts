import { hash, type X509Certificate } from 'node:crypto'
import type { HandlerContext } from '@connectrpc/connect'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { renewedBy, spiffeIdOf, spiffeUri, type SpiffeId } from '@powernode/identity'
import { CertificateKind } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { NodeRenewal } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { Refusal, takeOrRefuse, within, type RateLimit } from '@powernode/rpc'
import * as children from '../store/children.ts'
import { look, type RpcDeps } from './door.ts'

type Asked = { readonly peerId: string; readonly csrDer: Uint8Array; readonly renewal: NodeRenewal }

/** So often a node may try in ten minutes: it tries again after one at the earliest, and each try asks the CA twice. */
export const RENEWALS = { points: 10, seconds: 600 } as const

/**
 * Another certificate for the node of a child, by the one that it has: signed for when the child was enrolled, in force, not
 * taken back, and shown by whoever holds its key. So a stolen platform's line alone gets nobody a node's certificate. What shows
 * none of this node is no try of it.
 */
export async function renewNode(
  deps: RpcDeps & { readonly renewals: RateLimit },
  { peerId, csrDer, renewal }: Asked,
  context: HandlerContext,
) {
  const child = await look(deps, (tx) => children.findByPeer(tx, peerId))
  const leaf = renewedBy(renewal, csrDer)
  const id = leaf && spiffeIdOf(leaf)
  const isShown = child?.ending === null && id?.kind === 'instance' && id.name === child.instanceId
  if (isShown) takeOrRefuse(deps.renewals, child.id, 'renewals of this node')
  if (!isShown || !leaf || !(await isInForce(deps, { id, leaf }, context)))
    throw new Refusal('CERTIFICATE_NOT_TRUSTED', 'the certificate shown is not that of this node, or is over', {
      next: `fedctl cert issue ${child?.instanceId ?? '<instance>'} --kind instance --out <folder>`,
    })
  const { chain } = await deps.authority.issueCertificate(
    { kind: CertificateKind.INSTANCE, name: child.instanceId, csrDer, peerId },
    within(context),
  )
  return { certificateChain: chain, intendedSubject: child.instanceId }
}

type Shown = { readonly id: SpiffeId; readonly leaf: X509Certificate }

/** As our CA knows it, since what is revoked, and what is over, is known there. */
async function isInForce(
  { authority, clock }: RpcDeps,
  { id, leaf }: Shown,
  context: HandlerContext,
): Promise<boolean> {
  const asked = { kind: CertificateKind.INSTANCE, spiffeIds: [spiffeUri(id)] }
  const { certificates } = await authority.listCertificates(asked, within(context))
  const fingerprint = hash('sha256', leaf.raw, 'hex')
  const known = certificates.find((one) => one.fingerprint === fingerprint)
  if (!known || known.revokedAt || !known.notAfter) return false
  return timestampDate(known.notAfter) > clock.now()
}

import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { spiffeUri } from '@powernode/identity'
import type { Certificate } from '../certificate.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import * as peers from '../store/peers.ts'
import * as spawnedChildren from '../store/spawned-children.ts'
import type { Tables } from '../store/tables.ts'
import { checkMeasure } from './check-measure.ts'
import { issueCertificate, type Wanted } from './issue-certificate.ts'

/**
 * An operator has a certificate issued, by hand. One for a machine that we made bears its peering, and ends with it like every
 * other; after that end it is what the operator lets in, and nobody else's.
 */
export async function issueForOperator(
  tx: Tx<Tables>,
  now: Date,
  wanted: Wanted,
): Promise<{ certificate: Certificate; chain: readonly Buffer[] }> {
  const peerId = wanted.kind === 'instance' ? await peeringOf(tx, wanted.name) : null
  return issueCertificate(tx, now, { ...wanted, peerId })
}

/** The peering of a machine that we made, locked: whoever ends it finds what is signed now. */
async function peeringOf(tx: Tx<Tables>, instanceId: string): Promise<string | null> {
  for (const peerId of await spawnedChildren.peersOfInstance(tx, instanceId))
    if ((await peers.lock(tx, peerId)).state !== 'revoked') return peerId
  return null
}

/**
 * A node of a child has a certificate issued, its first or its next: whoever asks for it is no person.
 *
 * What was revoked, node or peering, MUST stay so whatever was under way: one that asks without pause would else have its next
 * certificate from the moment between a look and a signature. So both are read here, under the locks that revocation takes.
 */
export async function issueNodeCertificate(
  tx: Tx<Tables>,
  now: Date,
  wanted: Wanted,
): Promise<{ certificate: Certificate; chain: readonly Buffer[] }> {
  const { us, kind, name, peerId } = wanted
  const peer = peerId === null ? undefined : await peers.lock(tx, peerId)
  if (peer?.state === 'revoked') throw new Refusal('PEER_REVOKED', 'the peering is over: its node gets no certificate')
  await authorities.lockOut(tx)
  const spiffeId = spiffeUri({ trustDomain: us.trustDomain, kind, name })
  const newest = await certificates.newestOf(tx, spiffeId)
  if (newest?.revokedAt)
    throw new Refusal('CERTIFICATE_NOT_FOUND', `the certificate of ${kind}/${name} was revoked: it gets no other`, {
      next: `fedctl cert issue ${name} --kind ${kind} --out <folder>, if it is to be let in again`,
    })
  checkMeasure(await certificates.livingOf(tx, spiffeId, now), now, 'this node')
  return issueCertificate(tx, now, wanted)
}

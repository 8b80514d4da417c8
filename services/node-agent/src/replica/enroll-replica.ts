import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Client } from '@connectrpc/connect'
import { createCsr, tlsContentOf } from '@powernode/identity'
import type { ClusterMembership } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { pathIn, writeOwned, type ReplicaHome } from './replica-home.ts'

type Way = {
  readonly federation: Pick<Client<typeof FederationService>, 'enrollNode'>
  readonly home: ReplicaHome
  /** Our id of the peering with the parent. */
  readonly peerId: string
}

const ANSWERS_WITHIN_MS = 15_000

/**
 * The certificate by which the primary knows us, in the name of our role: for a key that is made here and never leaves.
 *
 * Key and request rest on the disk before the parent is asked, so a lost answer is asked for in the same words, which the
 * spent token allows. What comes back MUST be for our key, in our role's name, under a root that vouches for the primary.
 */
export async function enrollReplica(
  { federation, home, peerId }: Way,
  { replicaEnrollment, roleName, primaryRoots }: ClusterMembership,
  signal: AbortSignal,
): Promise<{ readonly cert: string; readonly key: string }> {
  if (!replicaEnrollment)
    throw new Refusal('ENROLLMENT_PENDING', 'the parent sent no token for the certificate of a replica')
  const { csrDer, privateKeyPkcs8Der } = await keptRequest(home, replicaEnrollment.bootstrapToken)
  const { certificateChain: chain } = await federation.enrollNode(
    { bootstrapToken: replicaEnrollment.bootstrapToken, csrDer },
    { headers: { 'powernode-peer-id': peerId }, signal, timeoutMs: ANSWERS_WITHIN_MS },
  )
  const [leafDer] = chain
  const root = chain.at(-1)
  if (!leafDer || !root || !primaryRoots.some((known) => Buffer.from(known).equals(root)))
    throw notAsPromised('it is not under a root of our parent')
  const leaf = new X509Certificate(leafDer)
  if (!leaf.checkPrivateKey(createPrivateKey({ key: privateKeyPkcs8Der, format: 'der', type: 'pkcs8' })))
    throw notAsPromised('it is for another key')
  if (!leaf.subject.split('\n').includes(`CN=${roleName}`)) throw notAsPromised('it is in another name')
  return tlsContentOf({ chain, privateKeyPkcs8Der, roots: [root] })
}

/** The certificate is in use: nobody needs its request again. */
export function forgetRequest(home: ReplicaHome): void {
  rmSync(pathIn(home, 'request'), { force: true })
}

const notAsPromised = (why: string): Refusal =>
  new Refusal('CERTIFICATE_NOT_TRUSTED', `the certificate that our parent sent is not the one it promised: ${why}`)

/** One request for one token: another token means another key. */
async function keptRequest(home: ReplicaHome, token: string): Promise<{ csrDer: Buffer; privateKeyPkcs8Der: Buffer }> {
  const path = pathIn(home, 'request')
  const [forToken, csr = '', key = ''] = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  if (forToken === token) return { csrDer: Buffer.from(csr, 'base64'), privateKeyPkcs8Der: Buffer.from(key, 'base64') }
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const lines = [token, csrDer.toString('base64'), privateKeyPkcs8Der.toString('base64'), '']
  writeOwned({ ...home, owner: undefined }, path, lines.join('\n'))
  return { csrDer, privateKeyPkcs8Der }
}

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '@connectrpc/connect'
import { caPinOf, createCsr } from '@powernode/identity'
import type { NodeEnrollment } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { writeDurably } from './write-durably.ts'

export type Certified = {
  /** Leaf first, DER. */
  readonly chain: readonly Uint8Array[]
  readonly privateKeyPkcs8Der: Uint8Array
}

type Asked = {
  readonly federation: Pick<Client<typeof FederationService>, 'enrollNode'>
  /** Our id of the peering with the parent. */
  readonly peerId: string
  readonly enrollment: NodeEnrollment
  /** SHA-256 of the parent's root, hex. */
  readonly caPin: string
  /** Where the key is kept. */
  readonly dir: string
  readonly signal: AbortSignal
}

/**
 * Shows a bootstrap token to the parent and gets a certificate for a key that is made here and never leaves.
 *
 * Key and request rest on the disk before the parent is asked, so whoever asks again because an answer was lost says the
 * same again. What comes back is checked: it MUST be for our key, in the name we were promised, under the parent's root.
 */
export async function askCertificate(asked: Asked): Promise<Certified> {
  const { federation, peerId, enrollment, caPin, dir, signal } = asked
  const { csrDer, privateKeyPkcs8Der } = await keptRequest(dir)
  const { certificateChain: chain } = await federation.enrollNode(
    { bootstrapToken: enrollment.bootstrapToken, csrDer },
    { headers: { 'powernode-peer-id': peerId }, signal, timeoutMs: 15_000 },
  )
  const isOurs = (root: Uint8Array) => caPinOf(root) === caPin
  checkCertified(chain, { privateKeyPkcs8Der, subject: enrollment.intendedSubject, isOurs })
  return { chain, privateKeyPkcs8Der }
}

type Promised = {
  readonly privateKeyPkcs8Der: Uint8Array
  /** The instance's id. */
  readonly subject: string
  /** Whether a root is one that we know our parent by. */
  readonly isOurs: (root: Uint8Array) => boolean
}

/** What came back MUST be for our key, in the name of this node, under a root of our parent. */
export function checkCertified(chain: readonly Uint8Array[], { privateKeyPkcs8Der, subject, isOurs }: Promised): void {
  const [leafDer] = chain
  const root = chain.at(-1)
  if (!leafDer || !root || !isOurs(root)) throw notAsPromised('it is not under the root of our parent')
  const leaf = new X509Certificate(leafDer)
  const key = createPrivateKey({ key: Buffer.from(privateKeyPkcs8Der), format: 'der', type: 'pkcs8' })
  if (!leaf.checkPrivateKey(key)) throw notAsPromised('it is for another key')
  if (!(leaf.subjectAltName ?? '').endsWith(`/instance/${subject}`)) throw notAsPromised('it is in another name')
}

const notAsPromised = (why: string): Refusal =>
  new Refusal('CERTIFICATE_NOT_TRUSTED', `the certificate that our parent sent is not the one it promised: ${why}`)

async function keptRequest(dir: string) {
  const path = join(dir, 'request')
  if (existsSync(path)) {
    const [csr = '', key = ''] = (await readFile(path, 'utf8')).split('\n')
    return { csrDer: Buffer.from(csr, 'base64'), privateKeyPkcs8Der: Buffer.from(key, 'base64') }
  }
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const lines = [csrDer, privateKeyPkcs8Der].map((der) => Buffer.from(der).toString('base64'))
  await writeDurably(path, `${lines.join('\n')}\n`, 0o600)
  return { csrDer: Buffer.from(csrDer), privateKeyPkcs8Der: Buffer.from(privateKeyPkcs8Der) }
}

import {
  CertificateRefused,
  CsrInvalid,
  issueCertificate as sign,
  type Authority,
  type CertificateWanted,
  type Issued,
  type SpiffeId,
} from '@powernode/identity'
import { spiffeUri } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { openAuthority } from '../authority.ts'
import type { Certificate, CertificateKind } from '../certificate.ts'
import { certificateToWire } from '../wire-ca.ts'
import { certificateChanged, type By } from '../events.ts'
import type { Us } from '../platform.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import type { Tables } from '../store/tables.ts'

/** One leaf. Its holder's request only proves possession of a key, and a key that we made proves itself; the name is decided here. */
export type Leaf = {
  readonly kind: CertificateKind & SpiffeId['kind']
  readonly name: string
  readonly holder: CertificateWanted['holder']
  readonly hosts: readonly string[]
  readonly ttlMs: number
  readonly peerId: string | null
  /** In the place of the name: only for instances. */
  readonly commonName?: string | undefined
}

type Signed = { readonly certificate: Certificate; readonly chain: readonly Buffer[] }
type Signer = { readonly us: Us; readonly by: By }

export type Wanted = Signer & Omit<Leaf, 'holder'> & { readonly csrDer: Uint8Array }

/** Signs a leaf with the current generation, and notes it, so that it can be found and taken back. Heard by audit-ledger. */
export async function issueCertificate(tx: Tx<Tables>, now: Date, wanted: Wanted): Promise<Signed> {
  const { us, by, csrDer, ...leaf } = wanted
  return await issueBy(tx, now, { us, by, authority: await currentOf(tx, us) }, { ...leaf, holder: { csrDer } })
}

/** The same for several, in their order: the CA is opened once. */
export async function issueCertificates<L extends Leaf>(
  tx: Tx<Tables>,
  now: Date,
  signer: Signer,
  leaves: readonly L[],
): Promise<readonly (Signed & { readonly leaf: L })[]> {
  const authority = await currentOf(tx, signer.us)
  const signed: (Signed & { readonly leaf: L })[] = []
  for (const leaf of leaves) signed.push({ leaf, ...(await issueBy(tx, now, { ...signer, authority }, leaf)) })
  return signed
}

const currentOf = async (tx: Tx<Tables>, us: Us) => openAuthority(us.sealing, await authorities.current(tx))

async function issueBy(
  tx: Tx<Tables>,
  now: Date,
  { us, by, authority }: Signer & { readonly authority: Authority },
  { kind, name, hosts, peerId, ...leaf }: Leaf,
): Promise<Signed> {
  const spiffeId: SpiffeId = { trustDomain: us.trustDomain, kind, name }
  const issued = await refusingBad(() =>
    sign(authority, {
      holder: leaf.holder,
      spiffeId,
      commonName: leaf.commonName,
      hosts,
      notBefore: now,
      notAfter: new Date(now.getTime() + leaf.ttlMs),
      usages: USAGES[kind],
    }),
  )
  const certificate: Certificate = {
    serial: issued.serial,
    kind,
    spiffeId: spiffeUri(spiffeId),
    generation: issued.generation,
    notBefore: issued.notBefore,
    notAfter: issued.notAfter,
    fingerprint: issued.fingerprint,
    peerId,
    hosts,
    commonName: leaf.commonName ?? null,
    revokedAt: null,
    revocationReason: '',
  }
  await certificates.insert(tx, certificate)
  await certificateChanged(tx, by, { certificate: certificateToWire(certificate), word: 'issued', at: now })
  return { certificate, chain: issued.chain }
}

/** An operator only calls; everybody else is called too. */
const USAGES = {
  operator: ['client'],
  service: ['server', 'client'],
  peer: ['server', 'client'],
  instance: ['server', 'client'],
} as const

async function refusingBad(issue: () => Promise<Issued>): Promise<Issued> {
  try {
    return await issue()
  } catch (error) {
    if (error instanceof CsrInvalid) throw new Refusal('CSR_INVALID', error.message)
    if (error instanceof CertificateRefused) throw new Refusal('HOST_NOT_ALLOWED', error.message)
    throw error
  }
}

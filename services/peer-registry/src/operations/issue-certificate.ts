import {
  CertificateRefused,
  CsrInvalid,
  issueCertificate as sign,
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

export type Wanted = {
  readonly us: Us
  readonly by: By
  readonly kind: CertificateKind & SpiffeId['kind']
  readonly name: string
  readonly csrDer: Uint8Array
  readonly hosts: readonly string[]
  readonly ttlMs: number
  readonly peerId: string | null
  /** In the place of the name: only for instances. */
  readonly commonName?: string | undefined
}

/**
 * Signs a leaf with the current generation, and notes it, so that it can be found and taken back.
 *
 * The request only proves possession of a key; the name is decided here. Heard by audit-ledger.
 */
export async function issueCertificate(
  tx: Tx<Tables>,
  now: Date,
  wanted: Wanted,
): Promise<{ certificate: Certificate; chain: readonly Buffer[] }> {
  const { us, by, kind, name, hosts, peerId } = wanted
  const authority = openAuthority(us.sealing, await authorities.current(tx))
  const spiffeId: SpiffeId = { trustDomain: us.trustDomain, kind, name }
  const issued = await refusingBad(() =>
    sign(authority, {
      holder: { csrDer: wanted.csrDer },
      spiffeId,
      commonName: wanted.commonName,
      hosts,
      notBefore: now,
      notAfter: new Date(now.getTime() + wanted.ttlMs),
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
    commonName: wanted.commonName ?? null,
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

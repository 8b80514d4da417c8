import type { Authority, SealingKey } from '@powernode/identity'
import type { SealedAuthority } from './certificate.ts'
import { SEALED } from './secrets.ts'

/** Opens one generation of the CA, to sign with. Nothing keeps it: the keys rest sealed. */
export function openAuthority(sealing: SealingKey, sealed: SealedAuthority): Authority {
  const { generation, rootCertificate, rootKeySealed, issuingCertificate, issuingKeySealed } = sealed
  return {
    generation,
    rootCertificate,
    rootKey: sealing.open(rootKeySealed, SEALED.rootKey(generation)),
    issuingCertificate,
    issuingKey: sealing.open(issuingKeySealed, SEALED.issuingKey(generation)),
  }
}

/** One generation as it rests. */
export function sealAuthority(
  sealing: SealingKey,
  authority: Authority,
  { status, crls, now }: { status: SealedAuthority['status']; crls: readonly Buffer[]; now: Date },
): SealedAuthority {
  const { generation, rootCertificate, rootKey, issuingCertificate, issuingKey } = authority
  return {
    generation,
    status,
    rootCertificate,
    rootKeySealed: sealing.seal(rootKey, SEALED.rootKey(generation)),
    issuingCertificate,
    issuingKeySealed: sealing.seal(issuingKey, SEALED.issuingKey(generation)),
    crlNumber: 1,
    crls: crls.map((der) => der.toString('base64')),
    crlsUpdatedAt: now,
    createdAt: now,
  }
}

/** The generations somebody must trust now, the signing one first. The next is among them once it is published. */
export function trusted(authorities: readonly SealedAuthority[], nextIsPublished: boolean): readonly SealedAuthority[] {
  const order = ['current', 'next', 'previous'] as const
  return order.flatMap((status) =>
    status === 'next' && !nextIsPublished ? [] : authorities.filter((authority) => authority.status === status),
  )
}

import { X509Certificate } from 'node:crypto'
import { prolongIssuing as prolong } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { openAuthority } from '../authority.ts'
import type { SealedAuthority } from '../certificate.ts'
import type { Us } from '../platform.ts'
import * as authorities from '../store/authorities.ts'
import type { Tables } from '../store/tables.ts'

/**
 * The issuing CA gets a new certificate under the same root when a third of its life is left: without one nothing could
 * be signed any more after a year, not even for our own services. Nobody has to be told, since all trust the root.
 * How long the root lasts is for an operator to decide, by a rotation.
 */
export async function prolongIssuing(tx: Tx<Tables>, now: Date, us: Us): Promise<number> {
  const ending = (await authorities.lock(tx)).filter((authority) => isSigning(authority) && isEnding(authority, now))
  for (const sealed of ending) {
    const { issuingCertificate } = await prolong(openAuthority(us.sealing, sealed), now)
    await authorities.saveIssuing(tx, sealed.generation, issuingCertificate)
  }
  return ending.length
}

const isSigning = ({ status }: SealedAuthority): boolean => status === 'current' || status === 'next'

function isEnding({ issuingCertificate, rootCertificate }: SealedAuthority, now: Date): boolean {
  const { validFromDate, validToDate } = new X509Certificate(issuingCertificate)
  const thirdMs = (validToDate.getTime() - validFromDate.getTime()) / 3
  return (
    validToDate.getTime() - now.getTime() < thirdMs && validToDate < new X509Certificate(rootCertificate).validToDate
  )
}

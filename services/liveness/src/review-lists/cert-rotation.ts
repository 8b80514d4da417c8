import { AGREED, isPlatform, type CertificateEnd } from '../findings/evidence.ts'
import type { ReviewEvidence } from './evidence.ts'
import type { ReviewItem } from './review.ts'

/** The source documents: a certificate that has used so much of its life should be replaced. */
const USED = 0.75

/** Certificates of a peering that have used three quarters of their life: the oldest first. Nobody rotates trust by himself. */
export function rotationCandidates({ peers, certificates }: ReviewEvidence, now: Date): readonly ReviewItem[] {
  const all = peers
    .filter((peer) => isPlatform(peer) && AGREED.has(peer.state))
    .flatMap((peer) => lasting(certificates.get(peer.peerId) ?? []).map((end) => ({ peerId: peer.peerId, end })))
    .map((one) => ({ ...one, used: usedOf(one.end, now) }))
    .filter(({ used }) => used >= USED)
  return all.toSorted((a, b) => b.used - a.used).map(itemOf)
}

/** Of each sort the one that lasts longest: while it lasts the others may go. */
function lasting(ends: readonly CertificateEnd[]): readonly CertificateEnd[] {
  const sorts = Map.groupBy(ends, ({ certificate }) => certificate.split(' ')[0] ?? '')
  return [...sorts.values()].flatMap((sort) => sort.toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime())[0] ?? []) // prettier-ignore
}

function usedOf({ notBefore, notAfter }: CertificateEnd, now: Date): number {
  const life = notBefore ? notAfter.getTime() - notBefore.getTime() : 0
  if (!notBefore || life <= 0) return now >= notAfter ? 1 : 0
  return (now.getTime() - notBefore.getTime()) / life
}

function itemOf({ peerId, end, used }: { peerId: string; end: CertificateEnd; used: number }): ReviewItem {
  const [sort = '', id = ''] = end.certificate.split(' ')
  const ends = end.notAfter.toISOString()
  return {
    peerId,
    subject: id,
    message: `${WHAT[sort] ?? 'a certificate'} has used ${Math.floor(Math.min(1, used) * 100)} % of its life and ends at ${ends}`,
    suggestion: MENDED[sort] ?? '',
    command: `fedctl doctor peer ${peerId}`,
  }
}

const WHAT: Readonly<Record<string, string>> = {
  root: 'the last of its roots that we trust',
  leaf: 'the certificate that it signed for us',
  signed: 'the certificate that we signed for it',
}
const MENDED: Readonly<Record<string, string>> = {
  root: 'its operators replace their CA before it ends (fedctl ca rotate plan, there)',
  leaf: 'it should have been renewed by itself by now: see what keeps it',
  signed: 'the peer should have renewed it by itself by now: see what keeps it',
}

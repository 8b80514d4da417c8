import type { Client } from '@connectrpc/connect'
import { spiffeUri } from '@powernode/identity'
import { CertificateKind, type CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { isOver, type CertificateEnd, type PeerRow } from '../findings/evidence.ts'
import { everyPage } from './every-page.ts'
import { at } from './from-wire.ts'

/** How many identities one question names. */
const AT_ONCE = 200
/** No certificate for a peer lives longer. */
const LONGEST_LIFE_MS = 366 * 86_400_000

/**
 * The certificates that we signed for peers and that are still good, by peer. Asked by identity: only of peers that live on
 * such a one, or did until they were revoked not long ago. All of them, page by page: one that had hundreds of certificates signed
 * MUST NOT make those of others look as if there were none.
 */
export async function readSigned(
  authority: Client<typeof CertificateAuthorityService>,
  rows: readonly PeerRow[],
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, readonly CertificateEnd[]>> {
  const asked = rows.filter((row) => row.signedByUs && (!isOver(row) || isRecent(row.revokedAt, now)))
  if (asked.length === 0) return new Map()
  const { trustDomain } = await authority.getAuthority({}, { signal })
  const ids = asked.map(({ peerId }) => spiffeUri({ trustDomain, kind: 'peer', name: peerId }))
  const found = new Map<string, CertificateEnd[]>()
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const spiffeIds = ids.slice(from, from + AT_ONCE)
    const kind = CertificateKind.PEER
    const certificates = await everyPage(async (page) => {
      const answer = await authority.listCertificates({ ...page, kind, spiffeIds }, { signal })
      return { items: answer.certificates, next: answer.nextPageToken }
    })
    for (const { peerId, serial, notBefore, notAfter, revokedAt } of certificates) {
      const ends = at(notAfter)
      if (revokedAt || !ends) continue
      const end = { certificate: `signed ${serial}`, notBefore: at(notBefore), notAfter: ends }
      const ofPeer = found.get(peerId)
      if (ofPeer) ofPeer.push(end)
      else found.set(peerId, [end])
    }
  }
  return found
}

const isRecent = (revokedAt: Date | undefined, now: Date): boolean =>
  revokedAt === undefined || now.getTime() - revokedAt.getTime() < LONGEST_LIFE_MS

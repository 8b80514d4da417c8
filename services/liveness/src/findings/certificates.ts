import { REACHABLE, type CertificateEnd, type PeerEvidence } from './evidence.ts'
import type { Seen } from './seen.ts'

const WARN_MS = 30 * 86_400_000

/** What vouches for a peer, or for us there, by what it is. */
export type Vouching = 'root' | 'leaf' | 'signed'

export type Ending = { readonly what: Vouching; readonly end: CertificateEnd; readonly state: 'ended' | 'ending' }

/**
 * Which of the certificates end, or have ended: of each sort the one that lasts longest, for while it lasts the others may
 * go. Soon is 30 days, and of one that lives shorter than 90 the last third of its life: it is renewed then by itself, and one
 * that was made for a day would be about to end all day long.
 */
export function endings(certificates: readonly CertificateEnd[], now: Date): readonly Ending[] {
  return (['root', 'leaf', 'signed'] as const).flatMap((what): Ending[] => {
    const end = lastOf(certificates.filter(({ certificate }) => certificate.startsWith(`${what} `)))
    if (!end) return []
    if (end.notAfter <= now) return [{ what, end, state: 'ended' }]
    return end.notAfter.getTime() - now.getTime() <= warnMs(end) ? [{ what, end, state: 'ending' }] : []
  })
}

const lastOf = (ends: readonly CertificateEnd[]): CertificateEnd | undefined =>
  ends.reduce<CertificateEnd | undefined>(
    (last, one) => (last && last.notAfter >= one.notAfter ? last : one),
    undefined,
  )

const warnMs = ({ notBefore, notAfter }: CertificateEnd): number =>
  notBefore ? Math.min(WARN_MS, (notAfter.getTime() - notBefore.getTime()) / 3) : WARN_MS

/** Nothing vouches for the peer any more: whatever it shows is refused. */
export function trustOver(peer: PeerEvidence, { end }: Ending): Seen {
  const at = end.notAfter.toISOString()
  const message = `the last of its roots that we trust ended at ${at}: whatever it shows is refused`
  const remedy = `it has to send its newer trust bundle; what is wrong on the way: fedctl doctor peer ${peer.peerId}; or begin anew: fedctl peer revoke ${peer.peerId}, fedctl peer re-peer ${peer.peerId}`
  return { message, remedy, waitingOn: 'them', payload: { expires_at: at, certificate: end.certificate } }
}

/** A certificate that ends soon, or has ended. Nobody rotates trust by himself. */
export function certificateOver(peer: PeerEvidence, { what, end, state }: Ending): Seen {
  const at = end.notAfter.toISOString()
  const ends = state === 'ended' ? 'ended' : 'ends'
  return {
    about: what,
    message: `${WHAT[what]} (${end.certificate.split(' ')[1]}) ${ends} at ${at}`,
    ...MENDED[what](peer),
    payload: { expires_at: at, certificate: end.certificate },
  }
}

/** Of certificates that we signed only the living are listed: a peer that lives on ours and has none has let it end. */
export function noneLeft(peer: PeerEvidence): readonly Seen[] {
  if (!peer.signedByUs || !REACHABLE.has(peer.state)) return []
  if (peer.certificates.some(({ certificate }) => certificate.startsWith('signed '))) return []
  return [{ about: 'signed', message: 'no certificate that we signed for it is good any more', ...MENDED.signed(peer) }]
}

const WHAT: Readonly<Record<Vouching, string>> = {
  root: 'the last of its roots that we trust',
  leaf: 'the certificate that it signed for us',
  signed: 'the certificate that we signed for it',
}

const MENDED: Readonly<Record<Vouching, (peer: PeerEvidence) => Pick<Seen, 'remedy' | 'waitingOn'>>> = {
  root: () => ({ remedy: 'its operator replaces its CA: fedctl ca rotate plan, there', waitingOn: 'them' }),
  leaf: ({ peerId }) => ({
    remedy: `it is renewed by itself while the peer answers; what keeps it: fedctl doctor peer ${peerId}`,
    waitingOn: 'us',
  }),
  signed: () => ({
    remedy: 'the peer renews it by itself while it reaches us: its operator looks there, by fedctl doctor',
    waitingOn: 'them',
  }),
}

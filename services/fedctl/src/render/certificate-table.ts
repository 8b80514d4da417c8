import { CertificateKind, type Certificate } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import { table } from './table.ts'
import { left } from './time.ts'
import { word } from './words.ts'

export function certificateTable(certificates: readonly Certificate[], { now, to, width }: Canvas): string {
  if (certificates.length === 0) return 'no certificates'
  return table(
    certificates,
    [
      { title: 'SERIAL', text: ({ serial }) => serial },
      { title: 'KIND', text: ({ kind }) => word(CertificateKind, kind) },
      { title: 'STATUS', text: (cert) => statusOf(cert, now), colour: (cert) => COLOURS(to)[statusOf(cert, now)] },
      { title: 'EXPIRES', text: ({ notAfter }) => left(notAfter, now) },
      { title: 'GENERATION', text: ({ generation }) => String(generation) },
      { title: 'SPIFFE ID', text: ({ spiffeId }) => spiffeId || '-' },
    ],
    to,
    width,
  )
}

type Status = 'valid' | 'expired' | 'revoked'

function statusOf({ revokedAt, notAfter }: Certificate, now: Date): Status {
  if (revokedAt) return 'revoked'
  return Number(notAfter?.seconds ?? 0n) * 1_000 <= now.getTime() ? 'expired' : 'valid'
}

const COLOURS = (to: Canvas['to']): Readonly<Record<Status, (text: string) => string>> => ({
  valid: to.good,
  expired: to.dim,
  revoked: to.bad,
})

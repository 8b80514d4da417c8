import { X509Certificate } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import {
  AuthoritySchema,
  CertificateKind,
  CertificateSchema,
  RotationSchema,
  RotationStep,
  TrustHolderSchema,
  type Authority as WireAuthority,
  type Certificate as WireCertificate,
  type Rotation as WireRotation,
} from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Certificate, SealedAuthority } from './certificate.ts'
import { waitingFor, type Rotation, type RotationStep as Step, type TrustHolder } from './rotation.ts'
import { stamps } from './wire.ts'

export const CERTIFICATE_KINDS = {
  service: CertificateKind.SERVICE,
  operator: CertificateKind.OPERATOR,
  peer: CertificateKind.PEER,
  instance: CertificateKind.INSTANCE,
  root: CertificateKind.ROOT,
  issuing: CertificateKind.ISSUING,
} as const satisfies Record<Certificate['kind'], CertificateKind>

export const ROTATION_STEPS = {
  planned: RotationStep.PLANNED,
  published: RotationStep.PUBLISHED,
  switched: RotationStep.SWITCHED,
  retired: RotationStep.RETIRED,
  cancelled: RotationStep.CANCELLED,
} as const satisfies Record<Step, RotationStep>

export const certificateToWire = (certificate: Certificate): WireCertificate =>
  create(CertificateSchema, {
    serial: certificate.serial,
    kind: CERTIFICATE_KINDS[certificate.kind],
    spiffeId: certificate.spiffeId,
    generation: certificate.generation,
    revocationReason: certificate.revocationReason,
    fingerprint: certificate.fingerprint,
    peerId: certificate.peerId ?? '',
    ...stamps({
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      revokedAt: certificate.revokedAt,
    }),
  })

export const authorityToWire = (authority: SealedAuthority): WireAuthority =>
  create(AuthoritySchema, {
    generation: authority.generation,
    status: authority.status,
    root: caToWire(authority.rootCertificate, 'root', authority.generation),
    issuing: caToWire(authority.issuingCertificate, 'issuing', authority.generation),
  })

function caToWire(der: Buffer, kind: 'root' | 'issuing', generation: number): WireCertificate {
  const certificate = new X509Certificate(der)
  return create(CertificateSchema, {
    serial: certificate.serialNumber.toLowerCase(),
    kind: CERTIFICATE_KINDS[kind],
    spiffeId: certificate.subjectAltName?.replace(/^URI:/, '') ?? '',
    generation,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    ...stamps({ notBefore: certificate.validFromDate, notAfter: certificate.validToDate }),
  })
}

/** A rotation with everybody it waits for, and the command that comes next. */
export function rotationToWire(rotation: Rotation, holders: readonly TrustHolder[], rehearsal = false): WireRotation {
  return create(RotationSchema, {
    id: rotation.id,
    step: ROTATION_STEPS[rotation.step],
    fromGeneration: rotation.fromGeneration,
    toGeneration: rotation.toGeneration,
    bundleSequence: BigInt(rotation.bundleSequence),
    holders: holders.map((holder) =>
      create(TrustHolderSchema, {
        holder: holder.holder,
        name: holder.name,
        acknowledgedSequence: BigInt(holder.acknowledgedSequence),
        acknowledged: rotation.bundleSequence > 0 && holder.acknowledgedSequence >= rotation.bundleSequence,
        overridden: rotation.overridden.includes(holder.holder),
        detail: holder.detail,
        renewed: holder.renewed,
        ...stamps({ acknowledgedAt: holder.acknowledgedAt }),
      }),
    ),
    createdBy: rotation.createdBy,
    rehearsal,
    next: nextOf(rotation, holders, rehearsal),
    ...stamps({ createdAt: rotation.createdAt, updatedAt: rotation.updatedAt }),
  })
}

function nextOf(rotation: Rotation, holders: readonly TrustHolder[], rehearsal: boolean): string {
  if (rehearsal) return 'fedctl ca rotate plan'
  const apply = (step: string) => `fedctl ca rotate apply --step ${step}`
  if (rotation.step === 'planned') return apply('published')
  if (rotation.step === 'published')
    return waitingFor(rotation, 'switched', holders).length > 0
      ? 'fedctl ca show (receipts come in)'
      : apply('switched')
  if (rotation.step === 'switched')
    return waitingFor(rotation, 'retired', holders).length > 0
      ? 'fedctl ca show (certificates are being renewed)'
      : apply('retired')
  return ''
}

import { hash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate, type Duration, type Timestamp } from '@bufbuild/protobuf/wkt'
import { ChainLinkSchema, type ChainLink } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { nameOf, oneLine, type Link } from './judge-chain.ts'

export function linkToWire({ certificate, fault }: Link): ChainLink {
  return create(ChainLinkSchema, {
    subject: said(oneLine(certificate.subject)),
    issuer: said(oneLine(certificate.issuer)),
    spiffeId: nameOf(certificate) ?? '',
    serial: said(certificate.serialNumber.toLowerCase()),
    notBefore: moment(certificate.validFromDate),
    notAfter: moment(certificate.validToDate),
    sha256: hash('sha256', certificate.raw, 'hex'),
    fault: said(fault),
  })
}

/** A certificate may name any year, or what is no date at all; a Timestamp goes from the year 1 to 9999. */
export function moment(date: Date): Timestamp {
  const ms = Number.isNaN(date.getTime()) ? 0 : date.getTime()
  return timestampFromDate(new Date(Math.min(LAST_MS, Math.max(FIRST_MS, ms))))
}
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59Z')

export function took(ms: number): Duration {
  return durationFromMs(Math.round(ms))
}

/** A text that somebody else chose part of: of one line, without control characters, and no longer than it has to be. */
export function said(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, LONGEST)
}

const LONGEST = 512

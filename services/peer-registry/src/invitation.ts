import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Refusal } from '@powernode/rpc'
import type { ContractWindow } from './contract.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
export const DEFAULT_TTL_MS = 7 * DAY_MS
export const MIN_TTL_MS = HOUR_MS
export const MAX_TTL_MS = 30 * DAY_MS

/** One invitation as it rests: the digest of the token, never the token. */
export type Invitation = {
  readonly id: string
  readonly peerId: string
  readonly name: string
  readonly note: string
  readonly tokenDigest: Buffer
  readonly createdBy: string
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly redeemedAt: Date | null
  /** The identity key that redeemed it: only this key may ask again. */
  readonly redeemedBy: Buffer | null
  /** SHA-256 of the acceptance that redeemed it, and the answer it got, to be given again. */
  readonly acceptanceDigest: Buffer | null
  readonly answer: Buffer | null
  readonly revokedAt: Date | null
  /** Set once, when the running out was announced. */
  readonly expiredAt: Date | null
}

export type InvitationStatus = 'open' | 'redeemed' | 'expired' | 'revoked'

export function statusOf(invitation: Invitation, now: Date): InvitationStatus {
  if (invitation.redeemedAt) return 'redeemed'
  if (invitation.revokedAt) return 'revoked'
  return invitation.expiresAt <= now ? 'expired' : 'open'
}

/** 32 random bytes, base64url: shown once, then only its digest exists. */
export const mintToken = (): string => randomBytes(32).toString('base64url')

/** What is stored of a token. A fast hash is right: the token has 256 random bits. */
export const digestOf = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest()

export function checkTtl(ttlMs: number): number {
  if (ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS) return ttlMs
  throw new Refusal('INVITATION_TTL_OUT_OF_RANGE', 'an invitation lives between 1 hour and 30 days', {
    metadata: { min_seconds: `${MIN_TTL_MS / 1000}`, max_seconds: `${MAX_TTL_MS / 1000}` },
    next: 'choose --ttl between 1h and 30d',
  })
}

/** All that an invitation tells its receiver before anything is sent. */
export type InvitationText = {
  readonly token: string
  readonly urls: readonly string[]
  readonly identityKey: Buffer
  readonly platformName: string
  readonly trustDomain: string
  /** SHA-256 of the inviter's root CA certificate (DER). */
  readonly caPin: Buffer
  readonly window: ContractWindow
  readonly expiresAt: Date
}

const PREFIX = 'pni1.'

/**
 * An invitation as one line of text: `pni1.` + base64url(JSON, CRC-32).
 *
 * The checksum tells a mangled paste from a refused one; it protects nothing else. What makes an
 * invitation trustworthy is the channel it came over, and then the pin and the identity key in it.
 */
export function encodeInvitation(said: InvitationText): string {
  const body = Buffer.from(
    JSON.stringify({
      t: said.token,
      u: said.urls,
      k: said.identityKey.toString('base64url'),
      n: said.platformName,
      d: said.trustDomain,
      p: said.caPin.toString('base64url'),
      w: [said.window.min, said.window.max, said.window.features],
      e: Math.floor(said.expiresAt.getTime() / 1000),
    }),
  )
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return PREFIX + Buffer.concat([body, sum]).toString('base64url')
}

export const isInvitationText = (text: string): boolean => text.trim().startsWith(PREFIX)
export const isBareToken = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text.trim())

/** Reads an invitation; white space that a chat program put in is forgiven, anything else is refused. */
export function decodeInvitation(text: string): InvitationText {
  const packed = text.replaceAll(/\s/g, '')
  if (!packed.startsWith(PREFIX)) throw malformed('it does not begin with pni1.')
  const bytes = Buffer.from(packed.slice(PREFIX.length), 'base64url')
  const body = bytes.subarray(0, -4)
  if (bytes.length < 8 || crc32(body) !== bytes.readUInt32BE(bytes.length - 4))
    throw malformed('its checksum does not match: it was cut short or changed on the way')
  return readBody(body)
}

function readBody(body: Buffer): InvitationText {
  const said = parsed(body)
  const [min, max, features] = Array.isArray(said['w']) ? (said['w'] as unknown[]) : []
  const urls = said['u']
  if (
    typeof said['t'] !== 'string' ||
    !isBareToken(said['t']) ||
    !isTexts(urls) ||
    urls.length === 0 ||
    typeof said['k'] !== 'string' ||
    typeof said['n'] !== 'string' ||
    typeof said['d'] !== 'string' ||
    typeof said['p'] !== 'string' ||
    typeof said['e'] !== 'number' ||
    typeof min !== 'number' ||
    typeof max !== 'number' ||
    !isTexts(features)
  )
    throw malformed('a part of it is missing')
  const identityKey = Buffer.from(said['k'], 'base64url')
  const caPin = Buffer.from(said['p'], 'base64url')
  if (identityKey.length !== 32 || caPin.length !== 32) throw malformed('its key or its CA pin has the wrong length')
  return {
    token: said['t'],
    urls,
    identityKey,
    platformName: said['n'],
    trustDomain: said['d'],
    caPin,
    window: { min, max, features },
    expiresAt: new Date(said['e'] * 1000),
  }
}

function parsed(body: Buffer): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(body.toString('utf8'))
    if (said && typeof said === 'object') return said as Record<string, unknown>
  } catch {
    // JSON.parse is the library that forces this catch; the refusal below says all there is to say.
  }
  throw malformed('it is not an invitation of this version')
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((part) => typeof part === 'string')

const malformed = (why: string): Refusal =>
  new Refusal('INVITATION_MALFORMED', `this is not a whole invitation: ${why}`, {
    next: 'copy the invitation again, from pni1. to its end',
  })

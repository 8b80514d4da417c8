import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { isTrustDomain } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'
import { z } from 'zod'
import type { ContractWindow } from './contract.ts'
import { checkedKey } from './identity-key.ts'

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
  /** Made for a machine that we made: it lives as long as the boot goes on, and is handed to nobody else. */
  readonly bootBound: boolean
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

const MINUTE_MS = 60_000

/** The life of a boot-bound invitation, counted from now each time: it is meant to be moved on, not to be long. */
export function checkBootTtl(ttlMs: number): number {
  if (ttlMs >= MINUTE_MS && ttlMs <= DEFAULT_TTL_MS) return ttlMs
  throw new Refusal('SPAWN_TTL_OUT_OF_RANGE', 'the invitation of a child lives between 1 minute and 7 days', {
    metadata: { min_seconds: `${MINUTE_MS / 1000}`, max_seconds: `${DEFAULT_TTL_MS / 1000}` },
    next: 'choose --token-ttl between 1m and 7d',
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
  const bytes = fromBase64url(packed.slice(PREFIX.length))
  const body = bytes?.subarray(0, -4)
  if (!bytes || !body || bytes.length < 8 || crc32(body) !== bytes.readUInt32BE(bytes.length - 4))
    throw malformed('its checksum does not match: it was cut short or changed on the way')
  return readBody(body)
}

/** Only the one spelling of these bytes: Node forgives letters that do not belong, and we do not. */
function fromBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

const LAST_SECOND = Date.parse('9999-12-31T23:59:59Z') / 1000
const bytes32 = z.string().transform((text, context) => {
  const bytes = fromBase64url(text)
  if (bytes?.length === 32) return bytes
  context.addIssue('is not 32 bytes')
  return z.NEVER
})
const version = z.number().int().min(1).max(1_000_000)
const feature = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/)

/** What the text holds. Whoever made it may be hostile, so each part is held to the limits it has everywhere else. */
const BODY = z.object({
  t: z.string().refine(isBareToken),
  u: z.array(z.string().max(512)).min(1).max(10),
  k: bytes32,
  n: z.string().max(128),
  d: z.string().refine(isTrustDomain),
  p: bytes32,
  w: z.tuple([version, version, z.array(feature).max(64)]).refine(([min, max]) => min <= max),
  e: z.number().int().min(0).max(LAST_SECOND),
})

function readBody(body: Buffer): InvitationText {
  const { success, data } = BODY.safeParse(parsed(body))
  if (!success) throw malformed('a part of it is missing or out of bounds')
  const [min, max, features] = data.w
  return {
    token: data.t,
    urls: data.u,
    identityKey: Buffer.from(checkedKey(data.k)),
    platformName: data.n,
    trustDomain: data.d,
    caPin: data.p,
    window: { min, max, features },
    expiresAt: new Date(data.e * 1000),
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    // JSON.parse is the library that forces this catch; the refusal says all there is to say.
    throw malformed('it is not an invitation of this version')
  }
}

const malformed = (why: string): Refusal =>
  new Refusal('INVITATION_MALFORMED', `this is not a whole invitation: ${why}`, {
    next: 'copy the invitation again, from pni1. to its end',
  })

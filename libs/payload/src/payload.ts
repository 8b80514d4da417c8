import { isTrustDomain, platformIdOf } from '@powernode/identity'
import { z } from 'zod'

const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const httpsUrl = z
  .string()
  .max(512)
  .refine(isHttps, 'is not https://host:port')
  .describe("https URL of the parent's federation-gateway")
const uuid = z.string().regex(UUID, 'is not a UUID')
const text = z.string().max(256)

/** What each key of the payload may hold. The names are those of facts.md §4, and our additions. */
const SHAPE = {
  acceptance_token: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'is not a token of 43 characters'),
  ca_pin: z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex'),
  parent_identity_key: z.string().refine(isIdentityKey, 'is not an Ed25519 key of 32 bytes in base64url'),
  parent_platform_id: z.string().regex(/^[a-z2-7]{32}$/, 'is not a platform id'),
  parent_peer_id: uuid,
  spawn_mode: z.enum(['managed_child', 'autonomous_peer', 'cluster_member'], 'is no mode of spawning'),
  contract_version: z
    .string()
    .regex(/^v[1-9][0-9]{0,5}$/, 'is not v1, v2, …')
    .default('v1'),
  child_template_id: text,
  hostname: z.string().regex(HOSTNAME, 'is not a host name'),
  trust_domain: z.string().refine(isTrustDomain, 'is not a trust domain'),
  instance_id: uuid,
  contact: text,
  jurisdiction: z.string().max(64),
  advertise_url: httpsUrl.optional(),
  region: z.string().max(128).optional(),
  // The last, because it is what says that there is a payload at all (write-payload.ts).
  parent_url: httpsUrl,
} as const

/** What a machine is handed so that it comes up as a child of ours. Only the token is a secret. */
export type Payload = Readonly<z.infer<typeof WHOLE>>
export type PayloadKey = keyof typeof SHAPE

/** Every key, in the order in which they are written. */
export const PAYLOAD_KEYS = Object.keys(SHAPE) as readonly PayloadKey[] // keys of a constant

/** A platform id is derived from the key: a payload in which they differ was put together from two. */
const WHOLE = z
  .object(SHAPE)
  .refine((said) => platformIdOf(Buffer.from(said.parent_identity_key, 'base64url')) === said.parent_platform_id, {
    path: ['parent_platform_id'],
    message: 'is not the id of the platform with that parent_identity_key',
  })

/** What a template may say in the place of the parent. */
const OF_TEMPLATE = z.object(SHAPE).pick({ contact: true, jurisdiction: true, advertise_url: true }).partial()

/** Which of these a machine could not be handed, by key, though a template says so: `contact: …`. Other keys are none of ours. */
export function problemsOfTemplate(said: Readonly<Record<string, unknown>>): readonly string[] {
  const { error } = OF_TEMPLATE.safeParse(said)
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
}

/** The payload that a machine found, as it cannot be used: every key that is wrong, and never a value. */
export class PayloadBroken extends Error {
  override readonly name = 'PayloadBroken'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the boot payload cannot be used: ${problems.join('; ')}`)
    this.problems = problems
  }
}

/** Stands in the place of a token that the platform has taken over. */
const TAKEN = 'x'.repeat(43)

/**
 * The payload with these values, or `PayloadBroken` naming each key that is missing or wrong.
 *
 * `tokenTaken`: the platform holds the token already, so that it may be missing; then it reads as empty.
 */
export function payloadFrom(
  said: Readonly<Partial<Record<PayloadKey, string | undefined>>>,
  { tokenTaken = false }: { readonly tokenTaken?: boolean } = {},
): Payload {
  const set = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== ''))
  const isTaken = tokenTaken && !set['acceptance_token']
  const read = WHOLE.safeParse(isTaken ? { ...set, acceptance_token: TAKEN } : set)
  if (!read.success)
    throw new PayloadBroken(
      read.error.issues.map(({ path, message }) => {
        const key = String(path[0] ?? '')
        return `${key} ${key in set ? message : 'is missing'}`
      }),
    )
  return isTaken ? { ...read.data, acceptance_token: '' } : read.data
}

/** Key and value of all that is set, as it is written. */
export function entriesOf(payload: Payload): readonly (readonly [PayloadKey, string])[] {
  return PAYLOAD_KEYS.flatMap((key): (readonly [PayloadKey, string])[] => {
    const value = payload[key]
    return value === undefined ? [] : [[key, value]]
  })
}

/** What may be shown of it, and kept. */
export function withoutToken(payload: Payload): Record<string, string> {
  return Object.fromEntries(entriesOf(payload).filter(([key]) => key !== 'acceptance_token'))
}

/** The trust domain of a child: its host name if that is a whole name, else a name below its parent's. */
export const trustDomainFor = (hostname: string, parentTrustDomain: string): string =>
  hostname.includes('.') ? hostname : `${hostname}.${parentTrustDomain}`

function isHttps(url: string): boolean {
  const { protocol, pathname, search, hash, username, password } = URL.parse(url) ?? {}
  return protocol === 'https:' && pathname === '/' && `${search}${hash}${username}${password}` === ''
}

function isIdentityKey(key: string): boolean {
  const bytes = Buffer.from(key, 'base64url')
  return bytes.length === 32 && bytes.toString('base64url') === key
}

import { request } from 'node:https'
import { z } from 'zod'

const PATIENCE_MS = 10_000
const MOST_BYTES = 65_536
const OK = 200

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) })
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const
const jwkSet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) })

/**
 * The public keys of an OpenID Connect issuer, as a JWK Set: where they are it says itself (OpenID Connect Discovery §4).
 *
 * Only over https, with a certificate for its name, and never by a redirect: whoever can answer here decides who our
 * operators are. The issuer MUST call itself exactly as our configuration does. Keys that are not for signatures, or not
 * public, are left out.
 */
export async function askIssuer(issuer: string, signal: AbortSignal): Promise<string> {
  const said = discovery.parse(await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal))
  if (said.issuer !== issuer) throw new Error(`the issuer at ${issuer} calls itself ${said.issuer}`)
  const { keys } = jwkSet.parse(await getJson(said.jwks_uri, signal))
  const fit = keys.filter((key) => (key['use'] ?? 'sig') === 'sig' && !PRIVATE.some((part) => part in key))
  if (fit.length === 0) throw new Error(`the issuer at ${issuer} has no public key for signatures`)
  return JSON.stringify({ keys: fit })
}

async function getJson(url: string, signal: AbortSignal): Promise<unknown> {
  return JSON.parse(await get(url, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]))) as unknown // looked at by zod
}

function get(url: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const asked = request(url, { signal, agent: false, headers: { accept: 'application/json' } }, (answer) => {
    if (answer.statusCode !== OK) {
      answer.destroy()
      return reject(new Error(`${url} answered ${answer.statusCode}`))
    }
    const parts: Buffer[] = []
    let size = 0
    answer.on('error', reject)
    answer.on('data', (part: Buffer) => {
      size += part.length
      if (size > MOST_BYTES) answer.destroy(new Error(`${url} answered more than ${MOST_BYTES} bytes`))
      else parts.push(part)
    })
    answer.on('end', () => resolve(Buffer.concat(parts).toString()))
  })
  asked.on('error', reject)
  asked.end()
  return promise
}

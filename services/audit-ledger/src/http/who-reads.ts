import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { Code } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { checkLeafProfile, spiffeIdOf } from '@powernode/identity'
import {
  holderFrom,
  refusalOf,
  STATUS,
  type OperatorCaller,
  type OperatorLookup,
  type Permission,
} from '@powernode/rpc'
import { refusal, type HttpAnswer } from './route.ts'

type Deps = {
  readonly trustDomain: string
  readonly operators: OperatorLookup
  readonly clock: Clock
  readonly stillMay: (socket: TLSSocket) => boolean
}

const READING: Permission = 'system.federation.read'

/** The operator who asks, when it may read; else what it is told. Services have no business here, and peers have their mirror. */
export async function whoReads(
  deps: Deps,
  req: IncomingMessage,
  signal: AbortSignal,
): Promise<OperatorCaller | HttpAnswer> {
  const socket = req.socket as TLSSocket // the server is an HTTPS server
  const certificate = socket.authorized && deps.stillMay(socket) ? socket.getPeerX509Certificate() : undefined
  if (!certificate) return refusal(401, 'a certificate of an operator of this platform is needed')
  const { trustDomain } = deps
  const verdict = checkLeafProfile(certificate, { now: deps.clock.now(), trustDomain, usage: 'client' })
  const holder = verdict.ok ? holderFrom(spiffeIdOf(certificate), trustDomain) : undefined
  if (holder?.kind !== 'operator') return refusal(403, 'the certificate is not that of an operator of this platform')
  const certificateSha256 = createHash('sha256').update(certificate.raw).digest('base64url')
  const token = /^bearer +(.*)$/i.exec(req.headers.authorization ?? '')?.[1]
  try {
    const operator = await deps.operators.identify({ holder, certificateSha256, token }, signal)
    return operator.permissions.has(READING) ? operator : refusal(403, `this takes ${READING}`)
  } catch (error) {
    const refused = refusalOf(error)
    if (!refused) throw error
    return refusal(HTTP_STATUS[STATUS[refused.reason]] ?? 403, refused.message)
  }
}

const HTTP_STATUS: Partial<Readonly<Record<Code, number>>> = {
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.Unavailable]: 503,
}

import { constants, sensitiveHeaders, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { status as Status, type MetadataValue, type StatusObject } from '@grpc/grpc-js'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { CallHeaders } from './unary.ts'
import { DECISION_ID, LEDGER_SEQUENCE, RECEIPT, type Visit } from './visit.ts'

const { HTTP2_HEADER_STATUS, HTTP2_HEADER_CONTENT_TYPE } = constants
/** As a list, which Node sends as it is. */
export const HEADERS = [HTTP2_HEADER_STATUS, '200', HTTP2_HEADER_CONTENT_TYPE, 'application/grpc+proto', 'grpc-accept-encoding', 'identity,deflate,gzip'] // prettier-ignore
export const HEADERS_ALONE = { [HTTP2_HEADER_STATUS]: 200, [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto' }
const ANSWERS = { waitForTrailers: true, sendDate: false }
const DATED_ANSWERS = { waitForTrailers: true, sendDate: true }
const HEALTH = `/${Health.typeName}/${Health.method.check.name}`

/** Whoever asks for our health learns what time it is here: when beats fail, a peer can compare the clocks by nothing else. */
export function answersTo(path: string): typeof ANSWERS {
  return path === HEALTH ? DATED_ANSWERS : ANSWERS
}
export const ENDS = { endStream: true }
export const OK: OutgoingHttpHeaders = { 'grpc-status': Status.OK }
export const TIMEOUT = 'grpc-timeout'

const TIMEOUT_FORM = /^(?<amount>\d{1,8})(?<unit>[HMSmun])$/
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }
/** What one timer of Node can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Whether the call is one as nearly all are, and is attended to here; grpc-js unpacks messages, and words refusals of what is no gRPC. */
export function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding']
  return (
    textOf(headers[HTTP2_HEADER_CONTENT_TYPE])?.startsWith('application/grpc') === true &&
    (encoding === undefined || encoding === 'identity')
  )
}

/** How long a caller says that it waits. */
export function msOf(timeout: string): number {
  const { amount, unit = '' } = TIMEOUT_FORM.exec(timeout)?.groups ?? {}
  if (amount === undefined) throw new Refusal('REQUEST_INVALID', `Invalid grpc-timeout value "${timeout}"`)
  return Math.min(Number(amount) * (UNIT_MS[unit] ?? 0), LONGEST_TIMER_MS)
}

/** What no two calls have alike stays out of the table of headers (RFC 7541 §6.2.3), where it would take the place of those that all have. */
const DECIDED = { ...OK, [sensitiveHeaders]: [DECISION_ID, LEDGER_SEQUENCE, RECEIPT] }

/** What follows an answer: that it is one, and where the decision about its call is written down. */
export function trailersAfter({ decisionId, sequence, receipt }: Visit): OutgoingHttpHeaders {
  if (decisionId === '') return OK
  const trailers: OutgoingHttpHeaders = { ...DECIDED, [DECISION_ID]: decisionId }
  if (sequence !== undefined) trailers[LEDGER_SEQUENCE] = String(sequence)
  if (receipt !== undefined) trailers[RECEIPT] = Buffer.from(receipt).toString('base64')
  return trailers
}

export function trailersOf({ code, details, metadata }: StatusObject): OutgoingHttpHeaders {
  return { 'grpc-status': code, 'grpc-message': encodeURI(details), ...metadata?.toHttp2Headers() }
}

export function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

/** The headers of a call where they lie, for a handler that asks for two or three of them. */
export class HeldHeaders implements CallHeaders {
  readonly #headers: IncomingHttpHeaders

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers
  }

  get(name: string): MetadataValue[] {
    const value = this.#headers[name]
    if (value === undefined) return []
    return typeof value === 'string' ? [value] : value
  }
}

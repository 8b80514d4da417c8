import { patient } from '@powernode/clock'
import type { DescMethod } from '@bufbuild/protobuf'
import { Refusal } from '../errors/refusal.ts'

const DEFAULT_MS = 10_000
const UNARY_MAX_MS = 60_000

const GRPC = 'grpc-timeout'
const CONNECT = 'connect-timeout-ms'
const GRPC_UNIT_MS = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 } as const

/**
 * Puts the deadline we keep into the request's headers, where the protocol layer picks it up; says so when the one
 * that is there cannot be read.
 *
 * A call that answers once ends after 10 s when its caller set no deadline, and after 60 s whatever was asked.
 * A stream lasts as long as its caller wants.
 */
export function limitDeadline(header: Headers, method: DescMethod): Refusal | undefined {
  const isGrpc = header.get('content-type')?.startsWith('application/grpc') ?? false
  const name = isGrpc ? GRPC : CONNECT
  const value = header.get(name)
  const askedMs = value === null ? undefined : isGrpc ? grpcTimeoutMs(value) : connectTimeoutMs(value)
  if (Number.isNaN(askedMs)) {
    header.delete(name)
    return new Refusal('REQUEST_INVALID', `the header ${name} is malformed`, { metadata: { header: name } })
  }
  if (method.methodKind === 'unary') {
    const ms = Math.max(1, Math.round(Math.min(askedMs ?? patient(DEFAULT_MS), UNARY_MAX_MS)))
    header.set(name, isGrpc ? `${ms}m` : String(ms))
  }
  return undefined
}

/** How long a caller in gRPC says that it waits, in headers that `limitDeadline` has looked at. */
export function timeoutOf(header: Headers): number | undefined {
  const value = header.get(GRPC)
  return value === null ? undefined : Math.min(grpcTimeoutMs(value), LONGEST_TIMER_MS)
}

/** What one timer of Node can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** gRPC over HTTP/2: at most eight digits and a unit. */
function grpcTimeoutMs(value: string): number {
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? []
  return amount && unit ? Number(amount) * GRPC_UNIT_MS[unit as keyof typeof GRPC_UNIT_MS] : Number.NaN // no other unit matches
}

/** Connect: at most ten digits, milliseconds. */
function connectTimeoutMs(value: string): number {
  return /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
}

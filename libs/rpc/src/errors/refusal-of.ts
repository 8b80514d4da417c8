import { fromBinary, type Message } from '@bufbuild/protobuf'
import { anyUnpack, durationMs } from '@bufbuild/protobuf/wkt'
import { ConnectError } from '@connectrpc/connect'
import type { ServiceError } from '@grpc/grpc-js'
import {
  ErrorInfoSchema,
  HelpSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@powernode/proto/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@powernode/proto/google/rpc/status_pb.ts'
import { isMessage } from '@bufbuild/protobuf'
import { DETAIL_TYPES, ERROR_DOMAIN } from './details.ts'
import { isReason, Refusal } from './refusal.ts'

/**
 * The refusal in an error that a client of ours caught, from either wire library; undefined for everything else.
 *
 * A reason we do not know, or of another domain, is not a refusal of ours: what it means is not ours to guess.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (error instanceof ConnectError) return fromDetails(error.rawMessage, error.findDetails(DETAIL_TYPES))
  if (isServiceError(error)) return fromDetails(error.details, statusDetails(error))
  return undefined
}

function fromDetails(message: string, details: readonly Message[]): Refusal | undefined {
  const info = details.find((detail) => isMessage(detail, ErrorInfoSchema))
  if (!info || info.domain !== ERROR_DOMAIN || !isReason(info.reason)) return undefined
  const retry = details.find((detail) => isMessage(detail, RetryInfoSchema))
  const { next, ...metadata } = info.metadata
  return new Refusal(info.reason, message, {
    metadata,
    details: details.filter((detail) => !OURS.some((schema) => isMessage(detail, schema))),
    ...(next !== undefined && { next }),
    ...(retry?.retryDelay && { retryAfterMs: durationMs(retry.retryDelay) }),
  })
}

/** Details that are made anew when the refusal is sent on. */
const OURS = [ErrorInfoSchema, RetryInfoSchema, HelpSchema, RequestInfoSchema]

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error
}

/** The details a gRPC error carries in its trailer; none when the trailer is not what it should be. */
function statusDetails({ metadata }: ServiceError): Message[] {
  const [bytes] = metadata.get('grpc-status-details-bin')
  if (!(bytes instanceof Buffer)) return []
  try {
    return fromBinary(StatusSchema, bytes).details.flatMap((any) => anyUnpack(any, DETAIL_TYPES) ?? [])
  } catch {
    return [] // a foreign server's malformed trailer is no reason for us to fault
  }
}

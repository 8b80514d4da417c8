import { create, createRegistry, isMessage, type DescMessage, type Message } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { file_powernode_federation_v1_platform } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  ErrorInfoSchema,
  file_google_rpc_error_details,
  HelpSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@powernode/proto/google/rpc/error_details_pb.ts'
import type { Refusal } from './refusal.ts'

/** The domain of every `google.rpc.ErrorInfo` of ours. */
export const ERROR_DOMAIN = 'powernode'

/** Every type of message that may accompany an error. */
export const DETAIL_FILES = [file_google_rpc_error_details, file_powernode_federation_v1_platform]
export const DETAIL_TYPES = createRegistry(...DETAIL_FILES)

/** A message with its descriptor, which is what both wire libraries pack from. */
export type Detail = { readonly desc: DescMessage; readonly value: Message }

/**
 * What a refusal says beside its status: ErrorInfo first, because that is what programs look for; then when to try
 * again, where to read on, which request it was, and the refusal's own messages.
 */
export function refusalDetails(refusal: Refusal, requestId?: string): Detail[] {
  const { reason, metadata, next, retryAfterMs } = refusal
  return [
    {
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, {
        reason,
        domain: ERROR_DOMAIN,
        metadata: { ...metadata, ...(next && { next }) },
      }),
    },
    ...(retryAfterMs === undefined
      ? []
      : [{ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) }) }]),
    ...refusal.details.map(withDescriptor),
    {
      desc: HelpSchema,
      value: create(HelpSchema, { links: [{ description: reason, url: `docs/errors.md#${reason.toLowerCase()}` }] }),
    },
    ...requestInfo(requestId),
  ]
}

/** The id under which our log knows the request: all that a fault tells. */
export function requestInfo(requestId: string | undefined): Detail[] {
  return requestId ? [{ desc: RequestInfoSchema, value: create(RequestInfoSchema, { requestId }) }] : []
}

function withDescriptor(value: Message): Detail {
  const desc = DETAIL_TYPES.getMessage(value.$typeName)
  if (!desc || !isMessage(value, desc)) throw new Error(`${value.$typeName} is not a type of error detail`)
  return { desc, value }
}

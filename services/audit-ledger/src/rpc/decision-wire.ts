import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { Refusal } from '@powernode/rpc'
import { isId } from '../decision.ts'

/** The decision that is the payload of a call: the gateway wrote it, in the JSON of the proto. */
export function decisionFromBody(body: string): Decision {
  return fromJson(DecisionSchema, JSON.parse(body) as JsonValue, { ignoreUnknownFields: true })
}

/** Where the next page begins: opaque to callers, so that it may mean something else one day. */
export function pageToken({ at, id }: { readonly at: Date; readonly id: string }): string {
  return Buffer.from(`${at.getTime()} ${id}`).toString('base64url')
}

export function readPageToken(token: string): { readonly at: Date; readonly id: string } | undefined {
  if (token === '') return undefined
  const [ms = '', id = ''] = Buffer.from(token, 'base64url').toString().split(' ')
  if (!/^\d{1,15}$/.test(ms) || !isId(id))
    throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is none of ours: start from the first page')
  return { at: new Date(Number(ms)), id }
}

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { DescMethod } from '@bufbuild/protobuf'
import { REQUEST_ID, requestIdFrom } from '../calls/request-id.ts'
import { childOf, TRACEPARENT } from '../calls/trace.ts'
import { authorizer } from './authorize.ts'
import { createRecorder, type Origin } from './call-record.ts'
import type { DispatchOptions } from './dispatch.ts'
import { ServedTalk } from './served-talk.ts'

/**
 * Answers a method of many messages and as many answers as bytes: for one that is called all the time, where the layers that
 * make it look like any other call would cost more than what it does.
 */
export type Talk = {
  /** Messages of one stream that are worked on at a time. More are not read, and so held back with whoever tells them. */
  readonly atOnce: number
  /** Called in the order of the messages; the answers leave in that order. The first that fails ends the stream, after those before it. */
  readonly answer: (message: Buffer) => Promise<Uint8Array>
}

/** Takes a call on the stream it came over; false: it is for somebody else to answer. */
export type TakeTalk = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, origin: Origin) => boolean

/**
 * The calls in gRPC to methods that have a talk, from their headers to their trailers. In all other protocols the same
 * methods are answered by their handlers, behind the dispatch. Both pass the same:
 *
 *     request id, trace ▸ who is it, may they? ▸ deadline ▸ size ▸ answer, or refusal, and a record of it
 */
export function createTalks({ mounts, operators, clock, logger, metrics, stopping }: DispatchOptions): TakeTalk {
  const record = createRecorder({ logger, metrics })
  const authorize = authorizer(mounts, operators)
  const served = new Map<unknown, { readonly method: DescMethod; readonly talk: Talk }>()
  for (const { service, talks = {} } of mounts) {
    for (const method of service.methods) {
      const talk = talks[method.localName]
      if (talk) served.set(`/${service.typeName}/${method.name}`, { method, talk })
    }
  }
  return (stream, headers, origin) => {
    const found = served.get(headers[constants.HTTP2_HEADER_PATH])
    if (!found || !isPlain(headers)) return false
    const requestId = requestIdFrom(textOf(headers[REQUEST_ID]))
    const trace = childOf(textOf(headers[TRACEPARENT]))
    const call = record({ method: found.method, origin, requestId, trace })
    void new ServedTalk({ ...found, call, authorize, clock, stopping }, stream, headers).begin()
    return true
  }
}

/** What everybody sends whose gRPC is made for us; whoever wants its messages packed is told by the dispatch that they must not be. */
function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding']
  return (
    headers[constants.HTTP2_HEADER_METHOD] === 'POST' &&
    /^application\/grpc(\+proto)?$/.test(headers['content-type'] ?? '') &&
    (encoding === undefined || encoding === 'identity')
  )
}

function textOf(value: string | readonly string[] | undefined): string | null {
  return (typeof value === 'string' ? value : value?.[0]) ?? null
}

import { fromBinary, fromJsonString, type DescMessage, type DescMethod } from '@bufbuild/protobuf'
import type { UniversalServerRequest } from '@connectrpc/connect/protocol'
import { Refusal } from '../errors/refusal.ts'
import type { CallRecord } from './call-record.ts'
import { nextUntil } from './until.ts'

/** The largest message we read; also the limit of one message in a stream. */
export const MESSAGE_MAX_BYTES = 1_048_576

const ENVELOPE_BYTES = 5
const FLAG_COMPRESSED = 0b0000_0001
/** Connect's end of stream carries JSON of its own, gRPC-Web's carries trailers. */
const FLAGS_END_OF_STREAM = 0b1000_0010

type Body = UniversalServerRequest['body']

/**
 * Passes a request body on, and refuses what cannot be a message of this type.
 *
 * The protocol layer would notice too, but with errors of its own that name no reason, and before any interceptor
 * runs; so each message is looked at here first. Decoding twice costs microseconds. Reading ends with the call, so
 * a sender that dawdles holds nothing beyond its deadline.
 */
export async function* checkedBody(
  { body, header }: UniversalServerRequest,
  { input, methodKind }: DescMethod,
  call: CallRecord,
): AsyncGenerator<Uint8Array> {
  const { enveloped, json } = formOf(header)
  const single = methodKind === 'unary' || methodKind === 'server_streaming'
  try {
    const chunks = untilEndOf(call, body)
    yield* enveloped ? eachEnvelope(chunks, { schema: input, json, single }) : wholeMessage(chunks, input, json)
  } catch (error) {
    throw call.begun ? error : call.fail(error)
  }
}

/** What the headers alone say against reading the body. */
export function objectionToBody(header: Headers): Refusal | undefined {
  if (ENCODINGS.some((name) => (header.get(name) ?? 'identity') !== 'identity')) return compressed()
  const announced = Number(header.get('content-length') ?? 0)
  return formOf(header).enveloped || announced <= MESSAGE_MAX_BYTES ? undefined : tooLarge()
}

const ENCODINGS = ['content-encoding', 'grpc-encoding', 'connect-content-encoding']

/** Whether messages have the five-byte prefix of gRPC and of Connect streams, and how each is written. */
function formOf(header: Headers): { readonly enveloped: boolean; readonly json: boolean } {
  const type = header.get('content-type') ?? ''
  return { enveloped: /^application\/(grpc|connect)/i.test(type), json: /^application\/([a-z-]+\+)?json/i.test(type) }
}

async function* untilEndOf(call: CallRecord, body: Body): AsyncGenerator<Uint8Array> {
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body))
    throw new Error('the body was parsed before us')
  if (!call.signal) throw new Error('the body is read before the gate')
  const iterator = body[Symbol.asyncIterator]()
  for (let step = await nextUntil(call.signal, iterator); !step.done; step = await nextUntil(call.signal, iterator)) {
    yield step.value
  }
}

async function* wholeMessage(
  chunks: AsyncIterable<Uint8Array>,
  schema: DescMessage,
  json: boolean,
): AsyncGenerator<Uint8Array> {
  const read: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    read.push(chunk)
    size += chunk.length
    if (size > MESSAGE_MAX_BYTES) throw tooLarge()
  }
  const message = Buffer.concat(read)
  check(schema, message, json)
  yield message
}

async function* eachEnvelope(
  chunks: AsyncIterable<Uint8Array>,
  { schema, json, single }: { readonly schema: DescMessage; readonly json: boolean; readonly single: boolean },
): AsyncGenerator<Uint8Array> {
  let held = Buffer.alloc(0)
  let messages = 0
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk])
    for (let size = envelopeSize(held); size <= held.length; size = envelopeSize(held)) {
      if (!(held.readUInt8() & FLAGS_END_OF_STREAM)) {
        if (single && ++messages > 1) throw unreadable('it takes one message, and here is another')
        check(schema, held.subarray(ENVELOPE_BYTES, size), json)
      }
      yield held.subarray(0, size)
      held = held.subarray(size)
    }
  }
  if (held.length > 0) throw unreadable('the body ends in the middle of a message')
  if (single && messages === 0) throw unreadable('there is no message')
}

/** How long the envelope at the start of `bytes` is; without end while its prefix has not arrived. */
function envelopeSize(bytes: Buffer): number {
  if (bytes.length < ENVELOPE_BYTES) return Infinity
  if (bytes.readUInt8() & FLAG_COMPRESSED) throw compressed()
  const size = bytes.readUInt32BE(1)
  if (size > MESSAGE_MAX_BYTES) throw tooLarge()
  return ENVELOPE_BYTES + size
}

function check(schema: DescMessage, bytes: Uint8Array, json: boolean): void {
  try {
    if (json) fromJsonString(schema, UTF8.decode(bytes))
    else fromBinary(schema, bytes)
  } catch (error) {
    throw unreadable(json && error instanceof Error ? error.message : `the body is not a ${schema.typeName}`)
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function tooLarge(): Refusal {
  return new Refusal('MESSAGE_TOO_LARGE', `a message may have ${MESSAGE_MAX_BYTES} bytes at most`, {
    metadata: { limit_bytes: String(MESSAGE_MAX_BYTES) },
  })
}

/** We take no compressed messages: an honest one saves nothing inside the mesh, a dishonest one is a bomb. */
function compressed(): Refusal {
  return new Refusal('REQUEST_INVALID', 'send messages uncompressed')
}

function unreadable(why: string): Refusal {
  return new Refusal('REQUEST_INVALID', `the request cannot be read: ${why}`)
}

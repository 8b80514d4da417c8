import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import type { DescMethod } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { findTrailerError } from '@connectrpc/connect/protocol-grpc'
import { REQUEST_ID, requestIdFrom } from '../calls/request-id.ts'
import { childOf, TRACEPARENT, traceparentOf } from '../calls/trace.ts'
import { FrameReader } from '../frames/frame.ts'
import { until } from '../server/until.ts'
import { keepSession, type Session } from './session.ts'
import { ANSWER_MAX_BYTES, sessionTo, type TransportOptions } from './transport.ts'

/** One long call of many messages and as many answers, as bytes. */
export type ClientTalk = {
  /** Sends a message with its frame header (`headed`). */
  readonly send: (frame: Buffer) => void
  /** Resolves when the server has said that it is over; rejects when it ended any other way. */
  readonly ended: Promise<void>
}

/** Begins such a call, whose every answer goes to `onAnswer`; `signal` ends it. */
export type OpenTalk = (
  method: DescMethod,
  onAnswer: (message: Buffer) => void,
  signal: AbortSignal,
) => Promise<ClientTalk>

/**
 * The road to one server of ours for calls whose messages are bytes already, in gRPC over an HTTP/2 session of its own: the same
 * certificates are demanded and shown as by any other client of ours. Open until `signal` aborts.
 */
export function openTalks(options: TransportOptions, signal: AbortSignal): OpenTalk {
  const session = keepSession(sessionTo(options), signal)
  return async (method, onAnswer, ending) => {
    const opening = begin(session, method)
    opening.then(
      (stream) => ending.aborted && stream.close(constants.NGHTTP2_CANCEL),
      () => {},
    )
    return new Talk(await until(ending, opening), onAnswer, ending)
  }
}

function begin(session: Session, { parent, name }: DescMethod): Promise<ClientHttp2Stream> {
  const headers = {
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    [REQUEST_ID]: requestIdFrom(undefined),
    [TRACEPARENT]: traceparentOf(childOf(undefined)),
  }
  return session.request('POST', `/${parent.typeName}/${name}`, headers, {})
}

class Talk implements ClientTalk {
  readonly ended: Promise<void>
  readonly #stream: ClientHttp2Stream
  readonly #end = Promise.withResolvers<void>()
  readonly #frames = new FrameReader(ANSWER_MAX_BYTES)
  #said: IncomingHttpHeaders = {}

  constructor(stream: ClientHttp2Stream, onAnswer: (message: Buffer) => void, signal: AbortSignal) {
    this.#stream = stream
    this.ended = this.#end.promise
    this.ended.catch(() => {}) // heard by whoever waits for it
    const hangUp = (): void => this.#fail(new ConnectError('the caller hung up', Code.Canceled))
    signal.addEventListener('abort', hangUp, { once: true })
    stream.on('response', (headers) => this.#begun(headers))
    stream.on('trailers', (trailers) => (this.#said = trailers))
    stream.on('error', (error) => this.#end.reject(lost(error)))
    stream.on('close', () => {
      signal.removeEventListener('abort', hangUp)
      this.#closed()
    })
    stream.on('data', (bytes: Buffer) => {
      try {
        this.#frames.read(bytes, onAnswer)
      } catch (error) {
        this.#fail(error)
      }
    })
    if (signal.aborted) hangUp()
  }

  send(frame: Buffer): void {
    if (!this.#stream.destroyed && !this.#stream.writableEnded) this.#stream.write(frame)
  }

  #begun(headers: IncomingHttpHeaders): void {
    if (headers['grpc-status'] !== undefined)
      this.#said = headers // all that it says
    else if (String(headers[constants.HTTP2_HEADER_STATUS]) !== '200')
      this.#fail(
        new ConnectError(`the server answers ${String(headers[constants.HTTP2_HEADER_STATUS])}`, Code.Unavailable),
      )
  }

  #closed(): void {
    const status = this.#said['grpc-status']
    if (status === undefined) return this.#end.reject(lost(undefined))
    const error = findTrailerError(textsOf(this.#said))
    if (error) this.#end.reject(error)
    else this.#end.resolve()
  }

  #fail(error: unknown): void {
    this.#end.reject(error)
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }
}

function lost(cause: unknown): ConnectError {
  const why = cause instanceof Error ? cause.message : 'the stream ended without a word'
  return new ConnectError(`the connection was lost: ${why}`, Code.Unavailable, undefined, undefined, cause)
}

function textsOf(headers: IncomingHttpHeaders): Headers {
  const texts = Object.entries(headers).filter((one): one is [string, string] => typeof one[1] === 'string')
  return new Headers(texts.filter(([name]) => !name.startsWith(':')))
}

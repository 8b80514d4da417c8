import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { DescMethod } from '@bufbuild/protobuf'
import type { Clock } from '@powernode/clock'
import { REQUEST_ID } from '../calls/request-id.ts'
import { CANCELED, expectedEnd } from '../errors/expected.ts'
import { toGrpcStatus } from '../errors/grpc-status.ts'
import { Refusal } from '../errors/refusal.ts'
import { FrameReader, framed } from '../frames/frame.ts'
import type { Authorize } from './authorize.ts'
import type { CallRecord } from './call-record.ts'
import { limitDeadline, timeoutOf } from './deadline.ts'
import { keepAsking } from './outcome.ts'
import { MESSAGE_MAX_BYTES } from './request-body.ts'
import type { Talk } from './talks.ts'
import { until } from './until.ts'

const CONTENT = { 'content-type': 'application/grpc+proto' }
/** What of the headers says who calls, and how long they wait. */
const TOLD = ['authorization', 'content-type', 'grpc-timeout']

type Parts = {
  readonly method: DescMethod
  readonly talk: Talk
  readonly call: CallRecord
  readonly authorize: Authorize
  readonly clock: Clock
  readonly stopping: AbortSignal
}

/** One such call. Nothing of what it brings is read before it is known who calls, and that they may. */
export class ServedTalk {
  readonly #parts: Parts
  readonly #stream: ServerHttp2Stream
  readonly #header = new Headers()
  readonly #frames = new FrameReader(MESSAGE_MAX_BYTES)
  /** Ends the call: aborts with the reason that is told. */
  readonly #ending = new AbortController()
  readonly #answers: Promise<Uint8Array>[] = []
  #isAnswering = false
  #isAllRead = false
  /** What speaks against the rest of what came. */
  #objection: unknown
  #isOver = false
  #trailers: OutgoingHttpHeaders = { 'grpc-status': 0 }

  constructor(parts: Parts, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#parts = parts
    this.#stream = stream
    for (const name of TOLD) if (typeof headers[name] === 'string') this.#header.set(name, headers[name])
    stream.on('error', () => {}) // always followed by its close
    stream.on('close', () => this.#close())
  }

  async begin(): Promise<void> {
    const { call, method, authorize, stopping } = this.#parts
    const { signal } = this.#ending
    const stop = (): void => this.#ending.abort(stopping.reason)
    stopping.addEventListener('abort', stop, { once: true })
    signal.addEventListener('abort', () => {
      stopping.removeEventListener('abort', stop)
      this.#fail(signal.reason)
    })
    if (stopping.aborted) return stop()
    const ask = () => authorize({ origin: call.origin, method, header: this.#header, signal })
    try {
      const objection = limitDeadline(this.#header, method)
      call.caller = await until(signal, ask())
      call.begun = true
      if (objection) throw objection
    } catch (error) {
      return this.#fail(error)
    }
    if (this.#isOver) return
    if (call.caller.kind === 'operator') void keepAsking(ask, this.#ending, this.#parts.clock, signal)
    void this.#keepDeadline()
    this.#listen()
  }

  #listen(): void {
    const stream = this.#stream
    stream.respond(
      { [constants.HTTP2_HEADER_STATUS]: 200, ...CONTENT, [REQUEST_ID]: this.#parts.call.requestId },
      { waitForTrailers: true },
    )
    stream.removeAllListeners('wantTrailers') // the one of Node's response, which has none to send, and would
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers))
    stream.on('drain', () => this.#readOn())
    stream.on('end', () => this.#allRead())
    stream.on('data', (bytes: Buffer) => this.#read(bytes))
  }

  #read(bytes: Buffer): void {
    if (this.#isOver || this.#objection) return
    try {
      this.#frames.read(bytes, this.#take)
    } catch (error) {
      this.#refuse(error)
    }
    if (!this.#isOver && !this.#hasRoom()) this.#stream.pause()
  }

  readonly #take = (message: Buffer): void => {
    const answer = this.#parts.talk.answer(message)
    answer.catch(() => {}) // heard when it is its turn
    this.#answers.push(answer)
    if (!this.#isAnswering) void this.#answerAll()
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true
    try {
      for (let next = this.#answers[0]; next && !this.#isOver; next = this.#answers[0]) {
        const bytes = await next
        void this.#answers.shift()
        if (this.#isOver) return
        this.#stream.write(framed(bytes))
        this.#readOn()
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#isAnswering = false
    if (this.#objection) this.#fail(this.#objection)
    else if (this.#isAllRead) this.#succeed()
  }

  /** Reads nothing more than whoever calls can take answers for. */
  #hasRoom(): boolean {
    return this.#answers.length < this.#parts.talk.atOnce && !this.#stream.writableNeedDrain
  }

  #readOn(): void {
    if (this.#stream.isPaused() && this.#hasRoom()) this.#stream.resume()
  }

  #allRead(): void {
    if (this.#isOver || this.#objection) return
    if (!this.#frames.isBetween)
      return this.#refuse(new Refusal('REQUEST_INVALID', 'the request cannot be read: the body ends in the middle of a message')) // prettier-ignore
    this.#isAllRead = true
    if (!this.#isAnswering) this.#succeed()
  }

  /** What came before is answered first. */
  #refuse(error: unknown): void {
    this.#objection = error
    if (!this.#isAnswering) this.#fail(error)
  }

  #succeed(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.call.succeed()
    this.#stream.end()
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    const { call } = this.#parts
    call.fail(error)
    const end = expectedEnd(error)
    if (end === CANCELED || this.#stream.destroyed || this.#stream.closed) return
    const { code, details, metadata } = toGrpcStatus(end ?? error, call.requestId)
    const trailers = { 'grpc-status': code, 'grpc-message': encodeURIComponent(details), ...metadata?.toHttp2Headers() }
    if (this.#stream.headersSent) {
      this.#trailers = trailers
      this.#stream.end()
    } else {
      this.#stream.respond({ [constants.HTTP2_HEADER_STATUS]: 200, ...CONTENT, ...trailers }, { endStream: true })
    }
    this.#stream.resume() // what still comes is read, and forgotten
  }

  /** The stream is over: with its last answer, or because the caller has gone. */
  #close(): void {
    if (!this.#isOver) this.#parts.call.abandon()
    this.#isOver = true
    this.#ending.abort()
  }

  async #keepDeadline(): Promise<void> {
    const ms = timeoutOf(this.#header)
    if (ms === undefined) return
    await this.#parts.clock.sleep(ms, this.#ending.signal)
    this.#ending.abort(new Refusal('DEADLINE_EXCEEDED', 'the deadline passed before there was an answer'))
  }
}

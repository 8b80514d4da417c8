import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { childOf, framed, Refusal, REQUEST_ID, requestIdFrom, TRACEPARENT } from '@powernode/rpc'
import { admit, dawdled, REFUSED_GRACE_MS, isUntrusted, type Attendance } from './admit.ts'
import type { Awaited } from './arrivals.ts'
import { Body } from './body.ts'
import {
  answersTo,
  ENDS,
  HEADERS,
  HEADERS_ALONE,
  HeldHeaders,
  msOf,
  OK,
  textOf,
  TIMEOUT,
  trailersAfter,
  trailersOf,
} from './grpc-wire.ts'
import type { Session } from './sessions.ts'
import { timeLeftMs, type Asked, type CallHeaders, type Respond } from './unary.ts'
import type { Visit } from './visit.ts'

/** What answers calls to one path. */
export type Answerer = { readonly rpc: string; readonly path: string; readonly respond: Respond }

const CALL = Symbol('call')
/**
 * The call is kept on its stream, and taken off when that is over: V8 frees a stream late (it belongs to a C++ object), and
 * whatever listeners made for each call would hold until then is copied by the garbage collector, again and again.
 */
type Attended = ServerHttp2Stream & { [CALL]?: UnaryCall | undefined }

/**
 * One call with one message and one answer, from its headers to its trailers: the same steps as attendance() makes of
 * grpc-js' calls, without what grpc-js needs to be ready for every other kind of call, which costs more than the call.
 *
 *     headers ▸ admitted? ▸ message there in time? ▸ its turn ▸ answer, or refusal
 */
export class UnaryCall implements Asked, Awaited {
  readonly visit: Visit
  readonly headers: CallHeaders
  dueMs = 0
  readonly #stream: Attended
  readonly #parts: Attendance
  readonly #session: Session
  readonly #answerer: Answerer
  readonly #body: Body
  /** Nothing that comes or is done from now on changes what the caller is told. */
  #isOver = false
  #trailers = OK
  #deadlineMs = Infinity
  #timer: NodeJS.Timeout | undefined
  #hungUp: AbortController | undefined

  // oxlint-disable-next-line max-params -- made in one place only: of what, from whom, and for whom
  constructor(
    parts: Attendance,
    session: Session,
    answerer: Answerer,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
  ) {
    this.#stream = stream
    this.#parts = parts
    this.#session = session
    this.#answerer = answerer
    this.#body = new Body(parts.calls.messageBytes)
    this.headers = new HeldHeaders(headers)
    this.#stream[CALL] = this
    stream.on('error', ignored)
    stream.on('close', onClose)
    this.visit = parts.record({
      rpc: answerer.rpc,
      visitor: session.visitor,
      requestId: requestIdFrom(textOf(headers[REQUEST_ID])),
      trace: childOf(textOf(headers[TRACEPARENT])),
    })
    parts.arrivals.expect(this)
    try {
      this.#keepDeadline(textOf(headers[TIMEOUT]))
      admit(parts, answerer.path, this.visit)
    } catch (error) {
      this.#fail(error)
      if (isUntrusted(error)) session.end(REFUSED_GRACE_MS)
      return
    }
    stream.on('data', onData)
    stream.on('end', onEnd)
    stream.on('wantTrailers', onWantTrailers)
  }

  /** What is left of the caller's deadline, or of ours. */
  get timeoutMs(): number {
    return timeLeftMs(this.#deadlineMs, this.#parts.clock.now(), this.#parts.calls)
  }

  /** Made for those only who ask: of most calls nobody does, and it is one of the dearer things about a call. */
  get signal(): AbortSignal {
    if (!this.#hungUp) {
      this.#hungUp = new AbortController()
      if (this.#isOver) this.#hungUp.abort()
    }
    return this.#hungUp.signal
  }

  /** The message is not there in time. */
  late(): void {
    this.#fail(dawdled())
    this.#session.end(REFUSED_GRACE_MS)
  }

  receive(bytes: Buffer): void {
    if (this.#isOver) return
    const objection = this.#body.add(bytes)
    if (objection) this.#fail(objection)
  }

  /** All is there that comes. */
  arrived(): void {
    this.#parts.arrivals.forget(this)
    if (this.#isOver || this.#stream.destroyed || this.#stream.closed) return
    const { message } = this.#body
    if (!message)
      return this.#fail(new Refusal('REQUEST_INVALID', `there is no whole message for ${this.#answerer.rpc}`))
    this.#parts.turns.take(() => this.#isOver || this.#handle(message))
  }

  /** The answer has left, but for this. */
  sendTrailers(): void {
    this.visit.succeed()
    this.#stream.sendTrailers(this.#trailers)
  }

  /** The stream is over: with the answer, or because the caller has gone. */
  close(): void {
    this.#end()
    this.visit.abandon()
    this.#hungUp?.abort()
  }

  #handle(message: Buffer): void {
    this.#answerer.respond(message, this).then(
      (bytes) => this.#answer(bytes),
      (error: unknown) => this.#fail(error),
    )
  }

  #answer(bytes: Uint8Array): void {
    if (this.#isOver || this.#isGone()) return
    this.#isOver = true
    this.#trailers = trailersAfter(this.visit)
    this.#stream.respond(HEADERS, answersTo(this.#answerer.path))
    this.#stream.end(framed(bytes))
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    const status = this.visit.fail(error)
    this.#end()
    if (this.#isGone()) return
    this.#stream.respond({ ...HEADERS_ALONE, ...trailersOf(status) }, ENDS)
    this.#stream.resume() // what still comes is read, and forgotten
  }

  #end(): void {
    this.#isOver = true
    this.#parts.arrivals.forget(this)
    clearTimeout(this.#timer)
  }

  #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  #keepDeadline(timeout: string | undefined): void {
    if (timeout === undefined) return
    const ms = msOf(timeout)
    this.#deadlineMs = this.#parts.clock.now().getTime() + ms
    // oxlint-disable-next-line mesh/words -- as grpc-js: nearly all are taken back, and the promises of a sleep cost more than the call
    this.#timer = setTimeout(onDeadline, ms, this)
  }

  /** The caller waits no longer. */
  expire(): void {
    if (this.#stream.headersSent) {
      // Half of the answer has left: it ends as what it is, late.
      const status = this.visit.fail(late())
      this.#trailers = trailersOf(status)
    } else this.#fail(late())
    this.#hungUp?.abort()
  }
}

function onData(this: Attended, bytes: Buffer): void {
  this[CALL]?.receive(bytes)
}

function onEnd(this: Attended): void {
  this[CALL]?.arrived()
}

function onWantTrailers(this: Attended): void {
  this[CALL]?.sendTrailers()
}

function onClose(this: Attended): void {
  this[CALL]?.close()
  this[CALL] = undefined
}

function onDeadline(call: UnaryCall): void {
  call.expire()
}

/** An error on a stream is always followed by its close. */
function ignored(): void {}

function late(): Refusal {
  return new Refusal('DEADLINE_EXCEEDED', 'the deadline passed before there was an answer')
}

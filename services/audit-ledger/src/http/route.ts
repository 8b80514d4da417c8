/** What a route is asked. */
export type HttpRequest = {
  /** The path behind the route's own, as it was sent: no query, no dot segments, nothing percent-encoded. */
  readonly rest: string
  readonly body: Buffer
  /** Aborts when whoever asks has gone, and when the server stops. */
  readonly signal: AbortSignal
}

export type HttpAnswer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/**
 * One thing that is answered over HTTPS at TLOG_LISTEN.
 *
 * `open` routes answer anybody, with or without a certificate, and MUST judge what they are sent by its signatures alone.
 * All others answer operators of this platform who may read (`system.federation.read`).
 */
export type HttpRoute = {
  /** GET routes answer HEAD as well. */
  readonly method: 'GET' | 'POST'
  /** '/add-checkpoint', or with a slash at the end everything below it. */
  readonly path: string
  readonly open: boolean
  /** More than this is refused unread (413). */
  readonly bodyMaxBytes: number
  readonly answer: (request: HttpRequest) => Promise<HttpAnswer>
}

export const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } as const

/** A plain sentence, for a person with curl. */
export function refusal(status: number, sentence: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { ...PLAIN, ...headers }, body: `${sentence}\n` }
}

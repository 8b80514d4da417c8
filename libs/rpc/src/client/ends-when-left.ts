import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { CallOptions, Client } from '@connectrpc/connect'

/**
 * Makes a stream end on the server when its reader leaves the loop over it, by `break` or by an error of its own.
 * The library's client would let it go on, unread, for as long as the connection lasts.
 */
export function endsWhenLeft<S extends DescService>(service: S, client: Client<S>): Client<S> {
  const calls = client as Record<string, AnyStream> // a client has a function for each method, under its local name
  const wrapped = service.methods.filter(answersInStream).map(({ localName }) => [localName, leaving(calls[localName])])
  return { ...client, ...Object.fromEntries(wrapped) }
}

type AnyStream = (message: unknown, options?: CallOptions) => AsyncIterable<unknown>

function answersInStream({ methodKind }: DescMethod): boolean {
  return methodKind === 'server_streaming' || methodKind === 'bidi_streaming'
}

function leaving(call: AnyStream | undefined): AnyStream | undefined {
  return (
    call &&
    ((message, options = {}) => {
      const left = new AbortController()
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal
      return untilLeft(call(message, { ...options, signal }), left)
    })
  )
}

async function* untilLeft<T>(messages: AsyncIterable<T>, left: AbortController): AsyncGenerator<T> {
  try {
    yield* messages
  } finally {
    left.abort()
  }
}

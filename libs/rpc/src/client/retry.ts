import { ConnectError, type Interceptor } from '@connectrpc/connect'

const ATTEMPTS = 3

/**
 * Repeats a unary call that the server says it never looked at: RST_STREAM with REFUSED_STREAM, which is what happens
 * to a call that meets a server's goodbye on the way (RFC 9113 §8.7). Nothing else is ever repeated here: whether a
 * call that may have been served can be made again is for its caller to know.
 */
export const retryUntouched: Interceptor = (next) => async (req) => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await next(req)
    } catch (error) {
      if (req.stream || attempt === ATTEMPTS || req.signal.aborted || !isRefusedStream(error)) throw error
    }
  }
}

/** Node tells it in an error's text or in a code on the stream, whichever the library sees first; both name the code. */
function isRefusedStream(error: unknown): boolean {
  return error instanceof ConnectError && !error.isWireError && error.rawMessage.includes('REFUSED_STREAM')
}

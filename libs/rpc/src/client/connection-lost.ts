import { Code, ConnectError, type Interceptor } from '@connectrpc/connect'

/**
 * Calls a connection that broke under a call by its name: UNAVAILABLE.
 *
 * The library tells it as CANCELED, ABORTED or INTERNAL, depending on how the socket died, and a caller that never
 * canceled anything would believe it had. Whether the server did what it was asked is not known then.
 */
export const connectionLost: Interceptor = (next) => async (req) => {
  const named = (error: unknown): unknown => (req.signal.aborted ? error : unavailable(error))
  try {
    const res = await next(req)
    return res.stream ? { ...res, message: renaming(res.message, named) } : res
  } catch (error) {
    throw named(error)
  }
}

async function* renaming<T>(messages: AsyncIterable<T>, named: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages
  } catch (error) {
    throw named(error)
  }
}

function unavailable(error: unknown): unknown {
  if (!(error instanceof ConnectError) || error.isWireError) return error // what a server said, it said
  const broken = BROKEN.has(error.code) || /^(http\/2 )?stream closed with error/i.test(error.rawMessage)
  if (!broken) return error
  return new ConnectError(`the connection was lost: ${error.rawMessage}`, Code.Unavailable, undefined, undefined, error)
}

const BROKEN: ReadonlySet<Code> = new Set([Code.Canceled, Code.Aborted])

import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { ConnectError, Code } from '@connectrpc/connect'
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import type { Origin } from './call-record.ts'
import type { Connections } from './connections.ts'
import type { Dispatch } from './dispatch.ts'
import { LIMITS } from './limits.ts'
import type { TakeTalk } from './talks.ts'

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

const BAD_REQUEST = 400

type ListenerParts = {
  readonly dispatch: Dispatch
  readonly takeTalk: TakeTalk
  readonly connections: Connections
  readonly clock: Clock
  readonly logger: Logger
}

/** Takes requests from node:http2 (and HTTP/1.1 beside it) to the dispatch, and its answers back. */
export function createListener({
  dispatch,
  takeTalk,
  connections,
  clock,
  logger,
}: ListenerParts): (req: Request, res: Response) => void {
  return (req, res) => {
    const done = connections.busy(req.socket)
    if ('stream' in res) res.stream.once('close', done)
    else res.once('close', done)
    const origin = connections.originOf(req.socket)
    forgetUnreadBody(req, clock)
    if ('stream' in req && takeTalk(req.stream, req.headers, origin)) return
    answer(dispatch, origin, [req, res]).catch((error: unknown) => {
      if (hungUp(error)) return
      logger.error({ error, outcome: 'fault' }, 'answering failed')
      if (!res.headersSent) res.statusCode = BAD_REQUEST
      res.end()
    })
  }
}

async function answer(dispatch: Dispatch, origin: Origin, [req, res]: [Request, Response]): Promise<void> {
  const request = universalRequestFromNodeRequest(req, res, undefined, undefined)
  const response = await dispatch(request, origin)
  await universalResponseToNodeResponse(response, res)
}

/**
 * Reads on and forgets what comes after an answer that did not need it, so that its sender gets to the answer; but not
 * for ever. HTTP/1.1 does the same by itself.
 */
function forgetUnreadBody(req: Request, clock: Clock): void {
  if (!('stream' in req)) return
  const { stream } = req
  stream.once('finish', () => {
    if (req.complete) return
    const closed = new AbortController()
    stream.once('close', () => closed.abort())
    stream.removeAllListeners('data') // the request's own, which would fill a buffer that nobody empties, and pause
    stream.resume()
    void clock.sleep(LIMITS.unreadBodyMs, closed.signal).then(() => stream.close(constants.NGHTTP2_NO_ERROR))
  })
}

function hungUp(error: unknown): boolean {
  const { code } = ConnectError.from(error)
  return code === Code.Aborted || code === Code.Canceled
}

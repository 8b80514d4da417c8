import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { ConnectError, Code } from '@connectrpc/connect'
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node'
import type { Logger } from '@powernode/process'
import type { Connections } from './connections.ts'
import type { Dispatch } from './dispatch.ts'

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

const BAD_REQUEST = 400

/** Takes requests from node:http2 (and HTTP/1.1 beside it) to the dispatch, and its answers back. */
export function createListener(
  dispatch: Dispatch,
  connections: Connections,
  logger: Logger,
): (req: Request, res: Response) => void {
  return (req, res) => {
    const done = connections.busy(req.socket)
    if ('stream' in res) res.stream.once('close', done)
    else res.once('close', done)
    letGoOfUnreadBody(req, res)
    answer(dispatch, connections, req, res).catch((error: unknown) => {
      if (hungUp(error)) return
      logger.error({ error, outcome: 'fault' }, 'answering failed')
      if (!res.headersSent) res.statusCode = BAD_REQUEST
      res.end()
    })
  }
}

async function answer(dispatch: Dispatch, connections: Connections, req: Request, res: Response): Promise<void> {
  const request = universalRequestFromNodeRequest(req, res, undefined, undefined)
  const response = await dispatch(request, connections.originOf(req.socket))
  await universalResponseToNodeResponse(response, res)
}

/** An answer that came before the whole question ends the exchange: the rest would fill buffers that nobody empties. */
function letGoOfUnreadBody(req: Request, res: Response): void {
  if ('stream' in req) {
    req.stream.once('finish', () => {
      if (!req.complete) req.stream.close(constants.NGHTTP2_NO_ERROR)
    })
  } else if (!('stream' in res)) {
    res.once('finish', () => {
      if (!req.complete) req.destroy()
    })
  }
}

function hungUp(error: unknown): boolean {
  const { code } = ConnectError.from(error)
  return code === Code.Aborted || code === Code.Canceled
}

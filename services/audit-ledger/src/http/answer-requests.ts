import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '@powernode/clock'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import { callerText, type OperatorLookup } from '@powernode/rpc'
import { readBody, type Unread } from './read-body.ts'
import { PLAIN, refusal, type HttpAnswer, type HttpRoute } from './route.ts'
import { whoReads } from './who-reads.ts'

type Deps = {
  readonly trustDomain: string
  readonly operators: OperatorLookup
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Whether a connection is still as good as when it was made. */
  readonly stillMay: (socket: TLSSocket) => boolean
  readonly stopping: AbortSignal
}

/** Requests that strangers may have under way at a time, all together: what they ask costs us a look at the database. */
const STRANGERS_AT_ONCE = 16

/** Finds the route of each request, and answers it; one line of log and one count each. */
export function answerRequests(
  deps: Deps,
  routes: readonly HttpRoute[],
): (req: IncomingMessage, res: ServerResponse) => void {
  const { logger, metrics } = deps
  const requests = metrics.counter('fed_audit_http_requests_total', 'Requests over HTTPS', ['route', 'status'])
  let strangers = 0

  async function answerTo(req: IncomingMessage, res: ServerResponse, known: Known): Promise<HttpAnswer> {
    const found = routeOf(routes, req)
    if ('status' in found) return found
    const { route, rest } = found
    known.route = route.path
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, deps.stopping])
    if (route.open) return whole(req, { route, rest }, { signal, inTurn: answerStranger })
    const reader = await whoReads(deps, req, signal)
    if ('status' in reader) return reader
    known.caller = callerText(reader)
    return whole(req, { route, rest }, { signal, inTurn: (answer) => answer() })
  }

  /** Only now that the request is here as a whole: who dawdles over it takes nobody's place. */
  async function answerStranger(answer: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    if (strangers >= STRANGERS_AT_ONCE) return refusal(503, 'too many at once; try again', { 'retry-after': '1' })
    strangers += 1
    return answer().finally(() => (strangers -= 1))
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const time = elapsed()
    const known: Known = { route: 'none', caller: undefined }
    const answer = await answerTo(req, res, known).catch((error: unknown) => {
      logger.error({ error, path: req.url, outcome: 'fault' }, 'answering failed')
      return refusal(500, 'something went wrong here')
    })
    send(req, res, answer)
    requests.inc({ route: known.route, status: String(answer.status) })
    const outcome = answer.status < 400 ? 'ok' : String(answer.status)
    const { remoteAddress } = req.socket
    const fields = { caller: known.caller, remote_address: remoteAddress, outcome, ms: Math.round(time() * 100) / 100 }
    logger.info({ path: req.url, ...fields }, 'request')
  }
  return (req, res) => void handle(req, res)
}

type Known = { route: string; caller: string | undefined }

type Answer = () => Promise<HttpAnswer>
type How = { readonly signal: AbortSignal; readonly inTurn: (answer: Answer) => Promise<HttpAnswer> }

/** The route's answer, once all that was sent is read. */
async function whole(req: IncomingMessage, { route, rest }: Found, { signal, inTurn }: How): Promise<HttpAnswer> {
  const body = await readBody(req, route.bodyMaxBytes)
  if (isUnread(body)) return refusal(413, `at most ${route.bodyMaxBytes} bytes`)
  return inTurn(() => route.answer({ rest, body, signal }))
}

const isUnread = (body: Buffer | Unread): body is Unread => !Buffer.isBuffer(body)

/** Paths of ours are plain: whatever is written in another way, or leads upwards, is no path at all. */
const PATH = /^(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/

function routeOf(routes: readonly HttpRoute[], { url = '', method = '' }: IncomingMessage): Found | HttpAnswer {
  const matching = PATH.test(url) ? routes.filter(({ path }) => url === path || (path.endsWith('/') && url.startsWith(path))) : [] // prettier-ignore
  const route = matching.find((one) => one.method === method || (one.method === 'GET' && method === 'HEAD'))
  if (route) return { route, rest: url.slice(route.path.length) }
  if (matching.length === 0) return refusal(404, 'there is nothing here')
  const allow = matching.map((one) => (one.method === 'GET' ? 'GET, HEAD' : one.method)).join(', ')
  return refusal(405, `this takes ${allow}`, { allow })
}

type Found = { readonly route: HttpRoute; readonly rest: string }

function send(req: IncomingMessage, res: ServerResponse, { status, headers, body = '' }: HttpAnswer): void {
  const bytes = Buffer.from(body)
  res.writeHead(status, { ...PLAIN, 'x-content-type-options': 'nosniff', ...headers, 'content-length': bytes.length })
  if (!req.complete) res.once('finish', () => req.socket.destroySoon()) // what it still sends is not read
  res.end(req.method === 'HEAD' ? undefined : bytes)
}

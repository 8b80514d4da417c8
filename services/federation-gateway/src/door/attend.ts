import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { ServerInterceptingCall, status as Status, type Metadata, type ServerInterceptor } from '@grpc/grpc-js'
import { childOf, REQUEST_ID, requestIdFrom, TRACEPARENT } from '@powernode/rpc'
import { admit, dawdled, isUntrusted, REFUSED_GRACE_MS, type Attendance } from './admit.ts'
import type { Attend } from './grpc-server.ts'
import { refusalBehind } from './library-status.ts'
import type { Session } from './sessions.ts'
import { UnaryCall, type Answerer } from './unary-call.ts'
import type { Visit } from './visit.ts'

/**
 * What every call on a connection passes before its message is read:
 *
 *     request id, trace ▸ rate ▸ method known? ▸ which peer, in which state? ▸ contract = agreed? ▸ message there in time?
 *     ▸ its turn
 *
 * What it refuses costs its sender the headers only: of a message nothing is read or held. Whoever has gone, or was
 * answered, before its turn has come is not worked for any more.
 */
export function attendance(parts: Attendance): (session: Session) => Attend {
  return (session) =>
    Object.assign(interceptor(parts, session), {
      unary: (answerer: Answerer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
        void new UnaryCall(parts, session, answerer, stream, headers),
    })
}

function interceptor(parts: Attendance, session: Session): ServerInterceptor {
  return ({ path }, call) => {
    const { visitor } = session
    const rpc = parts.isServed(path) ? path.slice(1) : 'unknown'
    let visit: Visit | undefined
    let arrived: () => void = () => {}
    let isOver = false
    const send = call.sendStatus.bind(call)
    // On the innermost call object, because the library sends statuses of its own past all interceptors.
    call.sendStatus = (status) => {
      isOver = true
      arrived()
      visit ??= parts.record({ rpc, visitor, requestId: requestIdFrom(undefined), trace: childOf(undefined) })
      if (status.code === Status.OK) visit.succeed()
      const typed = status.code === Status.OK || status.metadata?.get('grpc-status-details-bin').length
      send(typed ? status : visit.fail(refusalBehind(status) ?? new Error(status.details)))
    }

    return new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            visit = parts.record({
              rpc,
              visitor,
              requestId: requestIdFrom(text(metadata, REQUEST_ID)),
              trace: childOf(text(metadata, TRACEPARENT)),
            })
            parts.visits.set(metadata, visit)
            const awaited = {
              dueMs: 0,
              late() {
                if (visit) call.sendStatus(visit.fail(dawdled()))
                session.end(REFUSED_GRACE_MS)
              },
            }
            parts.arrivals.expect(awaited)
            arrived = () => parts.arrivals.forget(awaited)
            try {
              admit(parts, path, visit)
            } catch (error) {
              call.sendStatus(visit.fail(error))
              if (isUntrusted(error)) session.end(REFUSED_GRACE_MS)
              return
            }
            proceed(metadata)
          },
          onReceiveMessage(message, proceed) {
            if (parts.isTalk(path)) arrived()
            proceed(message)
          },
          onReceiveHalfClose(proceed) {
            arrived()
            parts.turns.take(() => isOver || proceed())
          },
          onCancel() {
            isOver = true
            arrived()
            visit?.abandon()
          },
        })
      },
    })
  }
}

function text(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}

import { createContextKey, type CallOptions, type HandlerContext } from '@connectrpc/connect'
import { callerText, type Caller } from './caller.ts'
import { REQUEST_ID } from './request-id.ts'
import { TRACEPARENT, traceparentOf, type Trace } from './trace.ts'
import { Refusal } from '../errors/refusal.ts'

/** Who calls, as their certificate says. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: 'caller' })
/** The id that finds the request in the logs of every service it touched. */
export const requestIdKey = createContextKey('', { description: 'request id' })
/** Our span of the request's trace. */
export const traceKey = createContextKey<Trace>({ traceId: '', spanId: '', flags: '' }, { description: 'trace' })

/** The caller of the request being served. Authorization ran before the handler, so there MUST be one. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey)
  if (!caller) throw new Error('a handler was reached without a caller')
  return caller
}

/** What events and rows keep of the request that caused them. */
export type RequestOrigin = { readonly actor: string; readonly requestId: string; readonly traceparent: string }

/** Who did it, and under which ids the logs know it. */
export function requestOf(context: HandlerContext): RequestOrigin {
  return {
    actor: callerText(callerOf(context)),
    requestId: context.values.get(requestIdKey),
    traceparent: traceparentOf(context.values.get(traceKey)),
  }
}

/**
 * Who did it, provided that it is a person: what lets agents do more is not for agents to decide, whatever their roles.
 * `what` completes the sentence that refuses them.
 */
export function personOf(context: HandlerContext, what: string): RequestOrigin {
  const caller = callerOf(context)
  if (caller.kind === 'operator' && !caller.agent) return requestOf(context)
  throw new Refusal('PERMISSION_MISSING', `${callerText(caller)} is no person, and only people ${what}`)
}

/**
 * Options of a call made on behalf of the one being served: same request id and trace, what is left of the deadline,
 * given up when the caller gives up. Passed by hand, so that who acts for whom can be read in the code:
 *
 *     await peers.getPeer({ peer }, within(context))
 */
export function within(context: HandlerContext): CallOptions {
  const timeoutMs = context.timeoutMs()
  return {
    headers: {
      [REQUEST_ID]: context.values.get(requestIdKey),
      [TRACEPARENT]: traceparentOf(context.values.get(traceKey)),
    },
    signal: context.signal,
    ...(timeoutMs !== undefined && { timeoutMs: Math.max(1, timeoutMs) }),
  }
}

import { create, type DescMethod, type DescService } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { Caller } from '../calls/caller.ts'
import { callerText } from '../calls/caller.ts'
import { refusalOf } from '../errors/refusal-of.ts'
import type { CallersTable } from '../server/mount.ts'

export type ClientAs = <S extends DescService>(service: S, caller: Caller | undefined) => Client<S>

/** Everybody who can have a certificate of ours. */
const EVERYBODY: readonly Caller[] = [
  ...['peer-registry', 'federation-gateway', 'liveness', 'audit-ledger', 'grant-authz', 'nobody-in-particular'].map(
    (name) => ({ kind: 'service', name }) as const,
  ),
  { kind: 'operator', name: 'alice' },
]

/**
 * Calls every RPC of a service as everyone whom its table does not name, and as a stranger, and throws naming every
 * call that was not refused for that. Refusals of another kind count as "let in": only the guard itself may answer.
 */
export async function refusesEverybodyElse<S extends DescService>(
  service: S,
  callers: CallersTable<S>,
  clientAs: ClientAs,
): Promise<void> {
  const letIn: string[] = []
  for (const method of service.methods) {
    const allowed: readonly string[] = callers[method.localName as keyof S['method']] // localName is what keys the table
    for (const caller of [undefined, ...EVERYBODY]) {
      if (caller && allowed.includes(caller.kind === 'operator' ? 'operator' : callerText(caller))) continue
      const expected = caller ? 'CALLER_NOT_ALLOWED' : 'CERTIFICATE_NOT_TRUSTED'
      const came = await call(clientAs(service, caller), method)
      if (came !== expected) letIn.push(`${method.name} as ${caller ? callerText(caller) : 'a stranger'}: ${came}`)
    }
  }
  if (letIn.length > 0) throw new Error(`${service.typeName} does not refuse:\n${letIn.join('\n')}`)
}

type AnyCall = (message: unknown) => PromiseLike<unknown> | AsyncIterable<unknown>

/** What a call with an empty message comes to: the reason of a refusal, or what else happened. */
async function call(client: object, method: DescMethod): Promise<string> {
  const rpc = (client as Record<string, AnyCall>)[method.localName] // a client has a function for each method
  const empty = create(method.input)
  const streamsIn = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming'
  try {
    const answer = rpc?.(streamsIn ? once(empty) : empty)
    if (answer && Symbol.asyncIterator in answer) for await (const _ of answer) return 'an answer'
    else await answer
    return 'an answer'
  } catch (error) {
    return refusalOf(error)?.reason ?? `another error (${String(error)})`
  }
}

async function* once<T>(message: T): AsyncGenerator<T> {
  yield message
}

import { create, type DescMethod, type DescService } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { callerText } from '../calls/caller.ts'
import { refusalOf } from '../errors/refusal-of.ts'
import type { Reason } from '../errors/refusal.ts'
import type { CallersTable } from '../server/mount.ts'
import { PERMISSIONS } from '../server/permissions.ts'
import type { TestCaller } from './operators.ts'

export type ClientAs = <S extends DescService>(service: S, caller: TestCaller | undefined) => Client<S>

/** Every service that can have a certificate of ours, and a node. */
const HOLDERS: readonly TestCaller[] = [
  'peer-registry',
  'federation-gateway',
  'liveness',
  'audit-ledger',
  'grant-authz',
  'spawn-provisioner',
  'sdwan-compiler',
  'node-agent',
  'operator-gateway',
  'nobody-in-particular',
].map((name): TestCaller => ({ kind: 'service', name })).concat({ kind: 'instance', name: '019f0000-0000-7000-8000-000000000001' }) // prettier-ignore

const STRANGER: readonly Reason[] = ['CERTIFICATE_NOT_TRUSTED']
const NOT_NAMED: readonly Reason[] = ['CALLER_NOT_ALLOWED']
const ALICE = { kind: 'operator', name: 'alice' } as const

/**
 * Calls every RPC of a service as everyone whom its table does not name, as an operator who may do everything but what
 * it takes, and as a stranger, and throws naming every call that was not refused for that. Refusals of another kind
 * count as "let in": only the guard itself may answer.
 */
export async function refusesEverybodyElse<S extends DescService>(
  service: S,
  callers: CallersTable<S>,
  clientAs: ClientAs,
): Promise<void> {
  const letIn: string[] = []
  for (const method of service.methods) {
    const allowed: readonly string[] = callers[method.localName as keyof S['method']] // localName is what keys the table
    for (const [caller, expected] of othersThan(allowed)) {
      const came = await call(clientAs(service, caller), method)
      if (!expected.includes(came)) letIn.push(`${method.name} as ${caller ? textOf(caller) : 'a stranger'}: ${came}`)
    }
  }
  if (letIn.length > 0) throw new Error(`${service.typeName} does not refuse:\n${letIn.join('\n')}`)
}

/** Whom a row leaves out, and what each is told. A node is a stranger on a server where nodes have no business at all. */
function othersThan(allowed: readonly string[]): [TestCaller | undefined, readonly string[]][] {
  const isNamed = (caller: TestCaller): boolean =>
    allowed.includes(callerText(caller)) || allowed.includes(caller.kind === 'service' ? 'service/*' : caller.kind)
  const others = HOLDERS.filter((caller) => !isNamed(caller))
  const permissions = PERMISSIONS.filter((permission) => !allowed.includes(permission))
  return [
    [undefined, STRANGER],
    ...others.map((caller): [TestCaller, readonly Reason[]] => [
      caller,
      caller.kind === 'instance' ? [...NOT_NAMED, ...STRANGER] : NOT_NAMED,
    ]),
    ...(allowed.includes('operator')
      ? []
      : permissions.length === PERMISSIONS.length
        ? [[ALICE, NOT_NAMED] satisfies [TestCaller, readonly Reason[]]]
        : [[{ ...ALICE, permissions }, ['PERMISSION_MISSING']] satisfies [TestCaller, readonly Reason[]]]),
  ]
}

function textOf(caller: TestCaller): string {
  return `${callerText(caller)}${caller.permissions ? ` with ${caller.permissions.join(', ')}` : ''}`
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

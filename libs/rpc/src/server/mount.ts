import type { DescService } from '@bufbuild/protobuf'
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect'
import type { Permission } from './permissions.ts'
import type { Talk } from './talks.ts'

/**
 * One kind of caller a method may name: operators who have a permission, one service, or anybody who holds an operator's
 * certificate. The last is only for what an operator does with that certificate itself. `service/*` is any service of
 * ours, also one that nobody here has heard of yet. `instance` is any node with a certificate of our CA: what it sees
 * and says MUST be bound to the uuid in its certificate by the handler.
 */
export type CallerName = 'operator' | 'instance' | Permission | `service/${string}`

/** Who may call each RPC of a service. An RPC without a row does not compile; an empty row means nobody. */
export type CallersTable<S extends DescService> = Readonly<Record<keyof S['method'], readonly CallerName[]>>

/** A service, ready to be served: what answers, and who is answered. */
export type Mount = {
  readonly service: DescService
  /** Undefined: every authenticated caller. Only for what says nothing of anybody, such as health. */
  readonly callers: Readonly<Record<string, readonly CallerName[]>> | undefined
  readonly route: (router: ConnectRouter) => void
  /** Methods, by their local names, that callers in gRPC get answered as bytes. Their handlers MUST say the same. */
  readonly talks?: Readonly<Record<string, Talk>>
}

/** Joins a service's handlers with the table of their callers. */
// oxlint-disable-next-line max-params -- the last is for few
export function mount<S extends DescService>(
  service: S,
  handlers: ServiceImpl<S>,
  callers: CallersTable<S>,
  talks: Readonly<Record<string, Talk>> = {},
): Mount {
  return { service, callers, talks, route: (router) => router.service(service, handlers) }
}

/** For services that every authenticated caller may use. */
export function mountForEverybody<S extends DescService>(service: S, handlers: ServiceImpl<S>): Mount {
  return { service, callers: undefined, route: (router) => router.service(service, handlers) }
}

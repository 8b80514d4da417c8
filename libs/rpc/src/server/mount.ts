import type { DescService } from '@bufbuild/protobuf'
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect'
import type { Permission } from './permissions.ts'

/**
 * One kind of caller a method may name: operators who have a permission, one service, or anybody who holds an operator's
 * certificate. The last is only for what an operator does with that certificate itself. `service/*` is any service of
 * ours, also one that nobody here has heard of yet.
 */
export type CallerName = 'operator' | Permission | `service/${string}`

/** Who may call each RPC of a service. An RPC without a row does not compile; an empty row means nobody. */
export type CallersTable<S extends DescService> = Readonly<Record<keyof S['method'], readonly CallerName[]>>

/** A service, ready to be served: what answers, and who is answered. */
export type Mount = {
  readonly service: DescService
  /** Undefined: every authenticated caller. Only for what says nothing of anybody, such as health. */
  readonly callers: Readonly<Record<string, readonly CallerName[]>> | undefined
  readonly route: (router: ConnectRouter) => void
}

/** Joins a service's handlers with the table of their callers. */
export function mount<S extends DescService>(service: S, handlers: ServiceImpl<S>, callers: CallersTable<S>): Mount {
  return { service, callers, route: (router) => router.service(service, handlers) }
}

/** For services that every authenticated caller may use. */
export function mountForEverybody<S extends DescService>(service: S, handlers: ServiceImpl<S>): Mount {
  return { service, callers: undefined, route: (router) => router.service(service, handlers) }
}

import { isIPv6 } from 'node:net'
import { usage } from '../problem.ts'
import type { Fields } from './kinds.ts'

type Endpoint = { readonly host: string; readonly port: number; readonly v6: boolean }

/** 192.0.2.1:51820, hub.example.org:51820 or [2001:db8::1]:51820; undefined for what is none. */
export function endpointOf(text: string): Endpoint | undefined {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined
  return { host, port: Number(port), v6: isIPv6(host) }
}

/** Where a member is called: at most one place of each family, both at one port. A name counts as IPv4's. */
export function endpointFields(texts: readonly string[]): Fields {
  const endpoints = texts.map((text) => endpointOf(text) ?? never(text))
  const [v6, ...moreV6] = endpoints.filter((endpoint) => endpoint.v6)
  const [v4, ...moreV4] = endpoints.filter((endpoint) => !endpoint.v6)
  const ports = new Set(endpoints.map(({ port }) => port))
  if (moreV6.length + moreV4.length > 0 || ports.size > 1)
    throw usage(
      'a member is called at one place of each family, at one port',
      '--endpoint 192.0.2.1:51820 --endpoint [2001:db8::1]:51820',
    )
  const [port] = ports
  return { endpoint_host_v6: v6?.host, endpoint_host_v4: v4?.host, endpoint_port: port }
}

function never(text: string): never {
  throw usage(`"${text}" is no endpoint`, 'host:port, or [address]:port')
}

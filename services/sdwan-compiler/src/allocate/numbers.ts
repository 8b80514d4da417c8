import { createHash } from 'node:crypto'
import { Refusal } from '@powernode/rpc'
import { firstFree } from './order.ts'

const AS_FROM = 4_200_000_000n
const AS_TO = 4_294_967_294n

/** A private AS number of four bytes (RFC 6996): follows from the account. */
export function asNumberOf(accountId: string, taken: ReadonlySet<number> = new Set()): number {
  const found = firstFree(`as/${accountId}`, AS_TO - AS_FROM + 1n, (place) => taken.has(Number(AS_FROM + place)))
  if (found === undefined) throw exhausted('private AS numbers', 'no AS number from 4200000000 to 4294967294 is left')
  return Number(AS_FROM + found)
}

/** 253 to 255 are the kernel's own: default, main and local. */
const OWN_TABLES: ReadonlySet<number> = new Set([253, 254, 255])

/** The lowest table that is free on the node. One that was removed keeps its number until it is reaped. */
export function vrfTable(taken: ReadonlySet<number>): number {
  for (let table = 100; table <= 65_535; table++) if (!taken.has(table) && !OWN_TABLES.has(table)) return table
  throw exhausted('routing tables of a node', 'every routing table of this node from 100 to 65535 is taken')
}

const FIRST_PORT = 51_820

/** WireGuard's usual port, or the next that is free on the node; after the last the lower ones, from 1024. */
export function listenPort(taken: ReadonlySet<number>): number {
  for (let port = FIRST_PORT; port <= 65_535; port++) if (!taken.has(port)) return port
  for (let port = 1024; port < FIRST_PORT; port++) if (!taken.has(port)) return port
  throw exhausted('ports of a node', 'every port of this node from 1024 on is taken')
}

/** A locally administered address of one port: 02 and 40 bits that follow from its id. */
export function macOf(portId: string, taken: ReadonlySet<string>): string {
  const write = (place: bigint): string => `02:${(place.toString(16).padStart(10, '0').match(/../g) ?? []).join(':')}`
  const found = firstFree(`mac/${portId}`, 1n << 40n, (place) => taken.has(write(place)))
  if (found === undefined) throw exhausted('MAC addresses of a switch', 'no MAC address is left')
  return write(found)
}

/** An id that follows from a text: UUIDv7 of the moment in `at`'s first 48 bits (another uuid), the rest from SHA-256. */
export function idFrom(text: string, at?: string): string {
  const digest = createHash('sha256').update(text).digest()
  if (at !== undefined) Buffer.from(at.replaceAll('-', '').slice(0, 12), 'hex').copy(digest, 0)
  digest[6] = ((digest[6] ?? 0) & 0x0f) | (at === undefined ? 0x80 : 0x70)
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80
  return digest.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

const exhausted = (space: string, why: string): Refusal =>
  new Refusal('ADDRESS_SPACE_EXHAUSTED', why, { metadata: { space } })

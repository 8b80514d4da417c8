import { resolve } from 'node:path'
import { z } from 'zod'
import { Secret } from './secret.ts'

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A TCP port. 0 asks the system for a free one. */
export const port = z
  .string()
  .regex(/^\d{1,5}$/, 'is not a port number')
  .transform(Number)
  .refine((number) => number <= 65_535, 'is larger than 65535')
  .describe('a port number, 0 to 65535')

/** `host:port`, or `[address]:port` for IPv6. Never without a port: a default would hide a mistake. */
export const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/, 'is not host:port')
  .transform((text) => {
    const colon = text.lastIndexOf(':')
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
  })
  .refine((address) => address.port <= 65_535, 'has a port larger than 65535')
  .describe('host:port, or [address]:port for IPv6')

/** A path, made absolute against the working directory. Whether it can be read is for its reader to say. */
export const filePath = z
  .string()
  .refine((path) => !path.includes('\0'), 'holds a NUL')
  .transform((path) => resolve(path))
  .describe('a path')

/** A length of time with its unit: `250ms`, `30s`, `5m`, `12h`, `7d`. A bare number is refused, since it names no unit. */
export const durationMs = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'is not a length of time with a unit')
  .transform((text) => {
    const [, amount, unit] = /^(\d+)(\D+)$/.exec(text) ?? []
    return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS] // the pattern above admits no other unit
  })
  .describe('a length of time such as 250ms, 30s, 5m, 12h or 7d')

/** Yes or no, in so many words. */
export const flag = z
  .enum(['true', 'false'], 'is neither true nor false')
  .transform((word) => word === 'true')
  .describe('true or false')

/** A value that is wrapped at once, so that no log and no dump of the configuration can show it. */
export const secret = z.string().transform((value) => new Secret(value))

import type { Prefix } from '../../world.ts'

/** The two families of BGP that we speak. */
export type Family = 'ipv4' | 'ipv6'
export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6']

/** How lines about them begin. */
export const TOOL = { ipv4: 'ip', ipv6: 'ipv6' } as const

/** As names of route-maps end. */
export const digit = (family: Family): string => (family === 'ipv4' ? '4' : '6')

export const familyOf = (prefix: Prefix): Family => (prefix.includes(':') ? 'ipv6' : 'ipv4')

export const lengthOf = (prefix: Prefix): number => Number(prefix.slice(prefix.indexOf('/') + 1))

export const longest = (family: Family): number => (family === 'ipv4' ? 32 : 128)

/** A prefix and everything inside it, as a line of a prefix-list has it. */
export function within(prefix: Prefix, family: Family): string {
  return lengthOf(prefix) === longest(family) ? prefix : `${prefix} le ${longest(family)}`
}

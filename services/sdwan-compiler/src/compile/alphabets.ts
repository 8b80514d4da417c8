import { canonicalAddress, canonicalCidr } from '@powernode/policy'

/**
 * What may stand in an artifact. Whoever makes a World has checked its values by their types; these are asked once more where
 * they are written, because a space or a quote in one of them would be a rule of somebody else's.
 */
export const isId = (text: unknown): boolean => isText(text, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

export const isKey = (text: unknown): boolean => isText(text, /^[A-Za-z0-9+/]{43}=$/)

export const isTag = (text: unknown): boolean => isText(text, /^[a-z0-9][a-z0-9_-]{0,62}$/)

export const isDeviceName = (text: unknown): boolean => isText(text, /^[a-z][a-z0-9-]{0,14}$/)

/** Names of preshared keys: ids and what joins them. */
export const isPairName = (text: unknown): boolean =>
  isText(text, /^(?:[A-Za-z0-9:_-]{1,99}(?:\/[A-Za-z0-9:_-]{1,99}){0,3})?$/)

export const isAddress = (text: unknown): boolean => typeof text === 'string' && canonicalAddress(text) === text

export const isAddressV6 = (text: unknown): boolean => isAddress(text) && String(text).includes(':')

export const isPrefix = (text: unknown): boolean =>
  typeof text === 'string' && text.includes('/') && canonicalCidr(text) === text

export const isPrefixV6 = (text: unknown): boolean => isPrefix(text) && String(text).includes(':')

/** An address, or a name in DNS (RFC 1123). */
export const isHost = (text: unknown): boolean => isAddress(text) || (isText(text, NAME) && String(text).length <= 253)

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

/** host:port, an IPv6 address in brackets. */
export function isEndpoint(text: unknown): boolean {
  const { v6, host, port } = (typeof text === 'string' && ENDPOINT.exec(text)?.groups) || {}
  if (!isWhole(Number(port), 1, 65_535)) return false
  return v6 === undefined ? isHost(host) : canonicalAddress(v6)?.includes(':') === true
}

const ENDPOINT = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<host>[A-Za-z0-9.-]+)):(?<port>[1-9][0-9]{0,4})$/

export const isWhole = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most

export const isPort = (value: unknown): boolean => isWhole(value, 1, 65_535)

/** JavaScript's `$` ends at the end alone, not before a last line end: `m` is never set. */
const isText = (text: unknown, form: RegExp): boolean => typeof text === 'string' && form.test(text)

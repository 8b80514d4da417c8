import { isAddress, isPort } from '../alphabets.ts'

/**
 * The alphabets of what reaches ovn-nbctl and nothing else. Whoever makes a World has checked each value already; it is done here
 * again because a value with a quote in it would be another ACL, and a value like this is left out and told of, never passed on.
 *
 * ovn-nbctl takes a record by its name or by its UUID: a name that begins like one could mean another record.
 */
export const isName = (text: string): boolean => /^(?![0-9A-Fa-f]{8}-)[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(text)

export const isMac = (text: string): boolean => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text)

/** tcp:<address>:<port>, ssl:<address>:<port> or unix:<absolute path>; an IPv6 address in brackets. */
export function isEndpoint(text: string): boolean {
  if (/^unix:(\/[A-Za-z0-9_.-]+)+$/.test(text)) return !text.includes('/../')
  const { v6, v4, port } = ENDPOINT.exec(text)?.groups ?? {}
  return isAddress(v6 ?? v4) && isPort(Number(port)) && (v6 === undefined || v6.includes(':'))
}

const ENDPOINT = /^(?:tcp|ssl):(?:\[(?<v6>[0-9a-f:]+)\]|(?<v4>[0-9.]+)):(?<port>[1-9][0-9]{0,4})$/

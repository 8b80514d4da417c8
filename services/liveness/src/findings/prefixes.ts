import { enclosingCidr } from '@powernode/policy'

/** The /48 in which an advertised prefix lies, in its one spelling; undefined for what is none, or is wider than a /48. */
export function siteOfPrefix(prefix: string): string | undefined {
  const [, address = '', bits] = /^(fd[0-9a-f:]+)\/(\d{1,3})$/i.exec(prefix) ?? []
  if (address === '' || Number(bits) < 48 || Number(bits) > 64) return undefined
  return enclosingCidr(`${address.toLowerCase()}/48`)
}

import type { RoutePolicy, RouteStatement } from '../../world.ts'
import { isAsPathRegex } from './as-path.ts'
import { isId, isPrefix, isWhole } from '../alphabets.ts'
import { FAMILIES, familyOf, lengthOf, longest, type Family } from './text.ts'

/** Why a policy cannot be written; undefined where it can. A policy that cannot lets nothing through. */
export function whyUnwritable({ statements }: RoutePolicy): string | undefined {
  return statements.map(whyNot).find((why) => why !== undefined)
}

const WORD = 0xffff_ffff

function whyNot(statement: RouteStatement): string | undefined {
  const { asPathRegex, communityIn, tagIn, neighborIn, prefixIn, action } = statement
  if (action !== 'accept' && action !== 'reject') return 'its action is none'
  if (!prefixIn.every(({ prefix }) => isPrefix(prefix))) return 'a prefix cannot be read'
  if (asPathRegex !== undefined && !isAsPathRegex(asPathRegex)) return 'the pattern for AS paths cannot be read'
  if (!communityIn.every(isCommunity)) return 'a community is not <number>:<number>'
  if (statement.addCommunity !== undefined && !isCommunity(statement.addCommunity))
    return 'a community is not <number>:<number>'
  if (!neighborIn.every(isId)) return 'a neighbor is no id'
  const numbers = [...tagIn, statement.setLocalPref ?? 0, statement.setMed ?? 0]
  if (!numbers.every((each) => isWhole(each, 0, WORD))) return 'a number is not one of 32 bits'
  if (tagIn.includes(0)) return 'a tag of 0 is none'
  if (!isWhole(statement.prependAsPath, 0, MOST_PREPENDED)) return 'it prepends more than ten times'
  return prefixIn.length > 0 && FAMILIES.every((family) => prefixEntries(statement, family).length === 0)
    ? 'no prefix is as long as it asks for'
    : undefined
}

export const MOST_PREPENDED = 10

/** asn:value, both of 16 bits. */
const isCommunity = (text: string): boolean =>
  /^[0-9]{1,5}:[0-9]{1,5}$/.test(text) && text.split(':').every((word) => Number(word) <= 0xffff)

/** The statement's prefixes of one family, as entries of a prefix-list; a range that holds no length is left out. */
export function prefixEntries({ prefixIn }: RouteStatement, family: Family): readonly string[] {
  return prefixIn.flatMap(({ prefix, ge, le }) => {
    if (familyOf(prefix) !== family) return []
    const length = lengthOf(prefix)
    const least = Math.max(ge ?? length, length)
    const most = le ?? (ge === undefined ? length : longest(family))
    if (!isWhole(least, 0, longest(family)) || !isWhole(most, least, longest(family))) return []
    const range = `${least > length ? ` ge ${least}` : ''}${most > least || least > length ? ` le ${most}` : ''}`
    return [`permit ${prefix}${range}`]
  })
}

import type { Id, Member, RoutePolicy, RouteStatement } from '../../world.ts'
import type { WorldIndex } from '../world-index.ts'
import { short, type Marks } from './marks.ts'
import { asPathList, communityList, deny, largeCommunityList, permit, prefixList, routeMap } from './script.ts'
import type { Clause, Script } from './script.ts'
import { prefixEntries, whyUnwritable } from './statements.ts'
import { digit, type Family } from './text.ts'

/** Policies that a route meets at one session of a member, in the order in which they narrow: default, account, network, member. */
export function policiesFor(
  index: WorldIndex,
  member: Member,
  direction: RoutePolicy['direction'],
): readonly RoutePolicy[] {
  const { defaultRoutePolicyId } = index.world.platform.bgp
  const mine = index.routePolicies.filter((each) => each.direction === direction)
  const isDefault = ({ id }: RoutePolicy) => id === defaultRoutePolicyId
  const scoped = (kind: RoutePolicy['scope']['kind'], id?: Id) =>
    mine.filter(({ scope }) => scope.kind === kind && (scope.kind === 'account' || scope.id === id))
  const narrowing = [...scoped('account'), ...scoped('network', member.networkId), ...scoped('member', member.id)]
  return [...mine.filter(isDefault), ...narrowing.filter((each) => !isDefault(each))]
}

/** Where a policy is met. */
export type Place = {
  readonly family: Family
  readonly asNumber: number
  readonly marks: Marks
  /** Who is at the other end, when routes come in: the member or the federation peer. */
  readonly neighbor: Id | undefined
  /**
   * Whether the AS path grows here. A policy of the account or of a network is met by one route at several sessions, and
   * prepends at one of them: coming in, where it is first learnt; going out, at the border.
   */
  readonly prepends: (policy: RoutePolicy) => boolean
}

/** The route-maps of these policies, written where they are not yet; by name. */
export function policyMaps(script: Script, policies: readonly RoutePolicy[], place: Place): readonly string[] {
  return policies.map((policy) => policyMap(script, policy, place))
}

function policyMap(script: Script, policy: RoutePolicy, place: Place): string {
  const named = policy.statements.some(
    ({ neighborIn }) => place.neighbor !== undefined && neighborIn.includes(place.neighbor),
  )
  const grows = place.prepends(policy) || policy.statements.every(({ prependAsPath }) => prependAsPath === 0)
  const name = [
    `policy-${short(policy.id)}`,
    ...(named && place.neighbor !== undefined ? [short(place.neighbor)] : []),
    ...(grows ? [] : ['still']),
    digit(place.family),
  ].join('-')
  if (script.maps.has(name)) return name
  if (whyUnwritable(policy) !== undefined) return routeMap(script, name, [])
  const clauses = policy.statements.flatMap((statement, at) =>
    statementClauses(script, statement, { ...place, name: `${name}-${at + 1}`, grows }),
  )
  return routeMap(script, name, clauses)
}

type StatementPlace = Place & { readonly name: string; readonly grows: boolean }

/** One clause, or one for each tag: a clause knows one tag. None where the statement speaks of prefixes of the other family only. */
function statementClauses(script: Script, statement: RouteStatement, place: StatementPlace): readonly Clause[] {
  const matches = matchLines(script, statement, place)
  if (!matches) return []
  const of = statement.action === 'accept' ? permit : deny
  const sets = statement.action === 'accept' ? setLines(statement, place) : []
  const tags = statement.tagIn.length === 0 ? [[]] : statement.tagIn.map((tag) => [`match tag ${tag}`])
  return tags.map((tag) => of(...matches, ...tag, ...sets))
}

function matchLines(script: Script, statement: RouteStatement, place: StatementPlace): readonly string[] | undefined {
  const { prefixIn, asPathRegex, communityIn, neighborIn } = statement
  const { family, name, marks, neighbor } = place
  const entries = prefixEntries(statement, family)
  if (prefixIn.length > 0 && entries.length === 0) return undefined
  const anybody = neighborIn.length === 0 || (neighbor !== undefined && neighborIn.includes(neighbor))
  return [
    ...(prefixIn.length > 0 ? [prefixList(script, family, name, entries)] : []),
    ...(asPathRegex === undefined ? [] : [asPathList(script, name, asPathRegex)]),
    ...(communityIn.length > 0 ? [communityList(script, name, communityIn)] : []),
    ...(anybody ? [] : [largeCommunityList(script, name, neighborIn.map(marks.origin))]),
  ]
}

function setLines(statement: RouteStatement, { asNumber, grows }: StatementPlace): readonly string[] {
  const { setLocalPref, setMed, prependAsPath, addCommunity } = statement
  const own = Array.from({ length: grows ? prependAsPath : 0 }, () => asNumber)
  return [
    ...(own.length > 0 ? [`set as-path prepend ${own.join(' ')}`] : []),
    ...(setLocalPref === undefined ? [] : [`set local-preference ${setLocalPref}`]),
    ...(setMed === undefined ? [] : [`set metric ${setMed}`]),
    ...(addCommunity === undefined ? [] : [`set community ${addCommunity} additive`]),
  ]
}

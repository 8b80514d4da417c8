import { blocksOverlap, readBlock, type Block } from '@powernode/policy'
import type { Member, Prefix } from '../../world.ts'
import type { NetworkIndex } from '../world-index.ts'
import { contradictionIn, isIn, lineOf, type Stage } from './rule-lines.ts'
import { cidrClause, clauseOf, selfSet, type End, type Meant, type MeantRule } from './selectors.ts'

/** A rule as a spoke may have to keep it in one stage: it has an end here, and an end elsewhere. */
export type NearRule = {
  readonly kind: 'all' | 'member' | 'tag' | 'cidr'
  /** The member's id, the tag or the prefix. */
  readonly is: string
  readonly block: Block | undefined
  /** Its line, once it is known to concern the spoke. */
  readonly line: string
}

/**
 * The rules of one stage for spokes of a hub_and_spoke network. A spoke knows itself and nobody else by name: an accept for
 * members or tags elsewhere becomes one for the network, and a drop of such is left to the hubs, who see everything that
 * reaches or leaves a spoke. So whoever joins the network changes nothing at the spokes.
 */
export function nearRules({ network }: NetworkIndex, stage: Stage, meant: readonly MeantRule[]): readonly NearRule[] {
  return meant.flatMap((each): NearRule[] => {
    const { rule, src, dst } = each
    if (!isIn(rule, stage) || !src || !dst || contradictionIn(each)) return []
    const nearEnd: End = stage === 'leave' ? 'src' : 'dst'
    const farEnd: End = stage === 'leave' ? 'dst' : 'src'
    const [near, far] = stage === 'leave' ? [src, dst] : [dst, src]
    // What lies beyond a crossing is nobody's own.
    if (near.kind === 'peer') return []
    const farText = farClause(network, { end: farEnd, far, isAccept: rule.action === 'accept' })
    if (farText === undefined) return []
    const at = nearEnd === 'src' ? 'saddr' : 'daddr'
    const nearText =
      near.kind === 'all'
        ? ''
        : near.kind === 'cidr'
          ? cidrClause(nearEnd, near.cidr)
          : `ip6 ${at} @${selfSet(network.id)}`
    const clauses = stage === 'leave' ? { src: nearText, dst: farText } : { src: farText, dst: nearText }
    const block = near.kind === 'cidr' ? readBlock(near.cidr) : undefined
    return [{ kind: near.kind, is: isOf(near), block, line: lineOf(rule, stage, clauses) }]
  })
}

function farClause(
  network: NetworkIndex['network'],
  { end, far, isAccept }: { end: End; far: Meant; isAccept: boolean },
): string | undefined {
  if (far.kind === 'all' || far.kind === 'cidr' || far.kind === 'peer') return clauseOf(network.id, end, far, nowhere)
  return isAccept ? cidrClause(end, network.cidr) : undefined
}

const nowhere = (): undefined => undefined

function isOf(near: Exclude<Meant, { kind: 'peer' }>): string {
  switch (near.kind) {
    case 'all':
      return ''
    case 'member':
      return near.member.id
    case 'tag':
      return near.tag
    default:
      return near.cidr
  }
}

/** The rules before, if spokes would see no difference. */
export function keptRules(before: readonly NearRule[] | undefined, now: readonly NearRule[]): readonly NearRule[] {
  const isSame = (rule: NearRule, at: number): boolean => {
    const known = before?.[at]
    return known?.line === rule.line && known.kind === rule.kind && known.is === rule.is
  }
  return before?.length === now.length && now.every(isSame) ? before : now
}

/** Whether the near end of a rule is a member, or something that lies behind it. */
export function concerns({ kind, is, block }: NearRule, member: Member, has: readonly Block[]): boolean {
  switch (kind) {
    case 'all':
      return true
    case 'member':
      return is === member.id
    case 'tag':
      return member.tags.includes(is)
    default:
      return block !== undefined && has.some((own) => blocksOverlap(own, block))
  }
}

/** Everything that a member has: its address, and what lies behind it. */
export function blocksOf(member: Member, own: Iterable<Prefix>): readonly Block[] {
  return [`${member.address}/128`, ...own].map(readBlock).filter((block) => block !== undefined)
}

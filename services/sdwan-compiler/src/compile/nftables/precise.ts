import type { Id } from '../../world.ts'
import { contradictionIn, isIn, lineOf, type Stage } from './rule-lines.ts'
import { clauseOf, type End, type MeantRule } from './selectors.ts'

/**
 * The rules of one stage where everybody is known by name: at hubs, through whom all goes, and at all members of a full_mesh.
 * A rule that means nobody stands there as a comment: it matches nothing, and it never means everybody.
 */
export function preciseRules(
  networkId: Id,
  stage: Stage,
  meant: readonly MeantRule[],
  through: (peerId: Id, end: End) => string | undefined,
): string {
  const lines = meant
    .filter(({ rule }) => isIn(rule, stage))
    .map((each) => {
      const { rule, src, dst } = each
      if (!src || !dst || contradictionIn(each)) return `\t\t# ${rule.id} matches nothing\n`
      const clauses = { src: clauseOf(networkId, 'src', src, through), dst: clauseOf(networkId, 'dst', dst, through) }
      return lineOf(rule, stage, clauses)
    })
  return lines.join('')
}

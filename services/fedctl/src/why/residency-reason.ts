import type { Case, Explanation } from './explanation.ts'

/** Why data may not go there: the same words whether it would have left as an answer or as a call of ours. */
export function residencyReason(found: Case): Pick<Explanation, 'because' | 'says' | 'next'> {
  const { decision, name } = found
  const { detail, resourceRegion, destinationRegion } = decision
  const would = `the data would go to ${destinationRegion || name(decision.peerId)}, where it may not`
  const lives = resourceRegion && ` (it lives in ${resourceRegion})`
  return { because: `${detail || would}${lives}`, says: ruleLine(found), next: nextFor(found) }
}

/** Which rule, or whose tag, it was. */
function ruleLine({ decision, rule, residency, name }: Case): string {
  if (rule) {
    const whom = rule.peerId ? ` to ${name(rule.peerId)}` : ''
    const which = rule.dataClass === '*' ? 'every class' : `class ${rule.dataClass}`
    return `rule ${rule.id}: data of ${which}${whom} may go to ${rule.allowedRegions.join(', ') || 'no region'} only`
  }
  if (decision.residencyRuleId) return `rule ${decision.residencyRuleId}, which is gone since`
  if (!residency?.dataResidency) return 'no tag is set on the peer (now); the mode for all peers decides'
  const why = residency.reason && ` (${residency.reason})`
  return `what goes to ${name(decision.peerId)} stays in ${residency.dataResidency}: set by ${residency.setBy}${why}`
}

/** Setting the tag again accepts where they say they are now: shown where that is another place than the one pinned beside it. */
function acceptance({ residency, name }: Case): string[] {
  const { peerId = '', dataResidency: tag, declared, located } = residency ?? {}
  if (!tag || !declared || declared === located) return []
  const now = `${name(peerId)} says now that it is in ${declared}; when the tag was set it said ${located || 'nothing'}`
  return [`${now}. To accept the new place: fedctl residency set ${peerId} ${tag}`]
}

function nextFor(found: Case): string[] {
  const { decision } = found
  const { peerId, resourceKind, resourceId, reason } = decision
  const one = resourceId ? ` --id ${resourceId}` : ''
  const known =
    reason === 'RESIDENCY_UNKNOWN'
      ? [
          'their disclosure has to say where they are, and tag and rules have to name regions that fedctl residency rules lists',
        ]
      : []
  return [
    ...known,
    ...acceptance(found),
    `fedctl residency show ${peerId}`,
    `allow it once: fedctl residency override create ${peerId} --kind ${resourceKind || '…'}${one} --reason …`,
  ]
}

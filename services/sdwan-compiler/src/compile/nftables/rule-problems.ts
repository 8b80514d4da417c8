import type { Problem } from '../../plan.ts'
import type { Selector } from '../../world.ts'
import type { NetworkIndex } from '../world-index.ts'
import { contradictionIn } from './rule-lines.ts'
import type { MeantRule } from './selectors.ts'

/**
 * Rules that match nothing. An accept that means nobody lets nobody in, which is safe and only said; a drop that means nobody
 * lets in what it was there to keep out, and is an error.
 */
export function ruleProblems({ network }: NetworkIndex, meant: readonly MeantRule[]): readonly Problem[] {
  return meant.flatMap((each): Problem[] => {
    const { rule, src, dst } = each
    const record = `firewall_rule/${rule.id}`
    const isDeny = rule.action !== 'accept'
    const nobody = src ? (dst ? undefined : rule.dst) : rule.src
    if (nobody) {
      const message = `${rule.action} ${rule.name} of ${network.slug} means nobody: ${whyNobody(nobody)}`
      return [{ fatal: isDeny, code: isDeny ? 'RULE_VANISHES' : 'RULE_MEANS_NOBODY', record, message }]
    }
    const why = contradictionIn(each)
    if (why === undefined) return []
    const isPortless = rule.dstPorts !== undefined && rule.protocol !== 'tcp' && rule.protocol !== 'udp'
    const message = `${rule.name} of ${network.slug} matches no packet: ${why}`
    return [{ fatal: isPortless, code: isPortless ? 'RULE_PORTS' : 'RULE_NEVER_MATCHES', record, message }]
  })
}

function whyNobody(selector: Selector): string {
  switch (selector.kind) {
    case 'member':
      return `member ${selector.memberId} is not in the network`
    case 'tag':
      return `no member bears the tag ${selector.tag}`
    case 'federation_peer':
      return `nothing crosses between the network and the peer ${selector.peerId}`
    default:
      return 'it has no meaning here'
  }
}

import type { Canvas } from '../output.ts'
import type { Case, Explanation } from '../why/explanation.ts'
import { harmless } from './paint.ts'
import { sheet } from './table.ts'
import { moment } from './time.ts'

/** Why, on one screen: the story first, the decision's own words under it. */
export function explanationText(found: Case, explanation: Explanation, { to, paste }: Canvas): string {
  const { decision } = found
  const { asked, outcome, because, says, told, next, askThem } = explanation
  const story = sheet(
    [
      ['asked', asked, to.bold],
      ['outcome', `${outcome} at ${moment(decision.at)} UTC`, decision.allowed ? to.good : to.bad],
      ['because', because],
      ['it says', says],
      ['they were told', told],
      // Not put together before it is made harmless: our own commands are typed here, theirs over there.
      ['next', next.map(paste).join('\n')],
      ['ask them for', askThem.join('\n')],
    ],
    to,
  )
  const facts = sheet(
    [
      ['decision', decision.id],
      ['theirs', decision.remoteDecisionId],
      ['reason', [decision.reason, decision.axis && `axis ${decision.axis}`].filter(Boolean).join(', ')],
      ['detail', decision.detail],
      ['grant', decision.grantId],
      ['override', decision.overrideId],
      ['residency', residencyLine(found)],
      ['policy', decision.policyEpoch > 0n ? `epoch ${decision.policyEpoch}` : ''],
      ['request', harmless(decision.requestId)],
      ['ledger', placeLine(found, paste)],
    ],
    to,
    '  ',
  )
  return `${story}\n\n${to.bold('As it was written down')}\n${facts}`
}

/** Where the ledger holds it, as it is asked for there. */
function placeLine({ place, name }: Case, paste: (text: string) => string): string {
  if (!place) return ''
  const entry = `${name(place.log)}/${place.sequence}`
  return `entry ${entry}; its proof: ${paste(`fedctl audit prove ${entry}`)}`
}

function residencyLine({ decision }: Case): string {
  const { dataClass, resourceRegion, destinationRegion, residencyMode } = decision
  if (!residencyMode && !destinationRegion) return ''
  return `${dataClass || 'general'} from ${resourceRegion || 'an unknown place'} to ${destinationRegion || 'an unknown place'}, mode ${residencyMode || 'off'}`
}

import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { allPages } from '../pages.ts'
import { namePeers } from '../peer-names.ts'
import type { Session } from '../session.ts'
import { present } from '../written.ts'
import type { Case } from './explanation.ts'

/** The decision, and what it rested on. What is gone since, or does not answer, is left out of the explanation. */
export async function findCase(session: Session, decisionId: string): Promise<Case> {
  const answer = await session.clients.ledger.getDecision({ decisionId })
  const decision = present(answer.decision, 'a decision')
  const isResidency = decision.axis === 'residency' || decision.reason.startsWith('RESIDENCY') || decision.advised
  const [name, grant, around] = await Promise.all([
    namePeers(session),
    decision.grantId ? orUndefined(() => grantOf(session, decision)) : undefined,
    isResidency ? residencyOf(session, decision) : undefined,
  ])
  const place = answer.log === '' ? undefined : { log: answer.log, sequence: answer.sequence }
  return { decision, name, grant, place, ...around }
}

async function grantOf({ clients }: Session, { direction, grantId, peerId }: Decision): Promise<Grant | undefined> {
  if (direction !== 'out') return (await clients.grants.getGrant({ grantId })).grant
  const received = await allPages(
    (pageToken) => clients.grants.listReceivedGrants({ peerId, pageSize: 1000, pageToken }),
    (page) => page.grants,
  )
  return received.find(({ id }) => id === grantId)
}

async function residencyOf({ clients }: Session, { peerId, residencyRuleId }: Decision) {
  const [rules, residencies] = await Promise.all([
    orUndefined(() => clients.residency.getResidencyRules({})),
    orUndefined(() => clients.residency.listResidencies({ peerId })),
  ])
  return {
    rule: rules?.rules?.rules.find(({ id }) => id === residencyRuleId),
    residency: residencies?.residencies.find((residency) => residency.peerId === peerId),
  }
}

async function orUndefined<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch {
    return undefined
  }
}

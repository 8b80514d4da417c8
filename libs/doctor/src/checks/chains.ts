import type { ChainLink, ExamineRoadResponse } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import type { Trouble } from '../check.ts'
import { when } from '../moments.ts'
import type { Symptom } from '../symptoms.ts'

/** What a link's fault means in a chain that they show. The first word of a fault is stable. */
const FAULTS: Readonly<Record<string, Pick<Trouble, 'symptom' | 'command'>>> = {
  expired: { symptom: 'certificate_expired', command: 'fedctl doctor' },
  not_yet_valid: { symptom: 'clock_skew', command: 'chronyc tracking' },
  signature: { symptom: 'trust_mismatch', command: 'fedctl ca show' },
  issuer_unknown: { symptom: 'trust_mismatch', command: 'fedctl ca show' },
  revoked: { symptom: 'certificate_revoked', command: 'fedctl cert list' },
  wrong_identity: { symptom: 'wrong_identity', command: 'fedctl peer show <peer>' },
  not_a_ca: { symptom: 'trust_mismatch', command: 'fedctl ca show' },
}

const faultOf = ({ fault }: ChainLink): string => /^[a-z_]+/.exec(fault)?.[0] ?? ''

/** Why the chain that they show does not hold: the exact link. */
export function chainTrouble(
  chain: readonly ChainLink[],
  url: string,
  { expectedSpiffeId, trustedRoots }: Pick<ExamineRoadResponse, 'expectedSpiffeId' | 'trustedRoots'>,
): Trouble | undefined {
  const at = chain.findIndex(({ fault }) => fault !== '')
  const link = chain[at]
  if (!link) return undefined
  const { symptom, command = '' } = FAULTS[faultOf(link)] ?? { symptom: 'tls_failed' as const }
  const causes: Partial<Record<Symptom, string>> = {
    wrong_identity: `it shows ${link.spiffeId || 'no identity'}, and ${expectedSpiffeId} is expected: another platform answers there`,
    trust_mismatch: `we trust ${linkWords(trustedRoots) || 'no root of theirs'}; ${link.fault}`,
  }
  return {
    symptom,
    summary: `${placeIn(at, chain.length)} of the chain that ${url} shows does not hold (${linkWords([link])})`,
    cause: causes[symptom] ?? link.fault,
    side: 'them',
    command,
  }
}

/** Why what we show cannot be accepted by anybody. */
export function shownTrouble(chain: readonly ChainLink[]): Trouble | undefined {
  const at = chain.findIndex(({ fault }) => fault !== '')
  const link = chain[at]
  if (!link) return undefined
  const expired = faultOf(link) === 'expired'
  return {
    symptom: expired ? 'certificate_expired_here' : 'identity_broken',
    summary: `${placeIn(at, chain.length)} of the chain that we show does not hold (${linkWords([link])})`,
    cause: link.fault,
    side: 'us',
    command: 'fedctl cert list',
  }
}

const placeIn = (at: number, length: number): string =>
  at === 0 ? 'the leaf' : at === length - 1 ? 'the root' : `link ${at + 1} of ${length}`

export const linkWords = (chain: readonly ChainLink[]): string =>
  chain.map(({ spiffeId, subject, notAfter }) => `${spiffeId || subject} until ${when(notAfter)}`).join(' < ')

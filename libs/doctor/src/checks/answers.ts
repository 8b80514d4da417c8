import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Trouble } from '../check.ts'

type Meaning = Omit<Trouble, 'summary' | 'cause'>

/** What it means when the other side's door says so to us: whose it is to mend, and how. */
const ANSWERS: Readonly<Record<string, (peer: Pick<Peer, 'id'>) => Meaning>> = {
  RATE_LIMITED: () => ({
    symptom: 'rate_limited',
    side: 'them',
    command: 'raise the limits of their federation-gateway, or beat less often',
  }),
  PEER_SUSPENDED: () => ({ symptom: 'peer_suspended', side: 'them', command: 'fedctl peer resume <peer>' }),
  PEER_REVOKED: () => ({ symptom: 'peer_revoked', side: 'them', command: 'fedctl peer re-peer <peer>' }),
  PEER_UNKNOWN: ({ id }) => ({ symptom: 'unknown_there', side: 'us', command: `fedctl peer re-peer ${id}` }),
  CERTIFICATE_NOT_TRUSTED: () => ({
    symptom: 'our_certificate_refused',
    side: 'them',
    command: 'fedctl peer show <peer>',
  }),
  CERTIFICATE_REQUIRED: () => ({ symptom: 'identity_broken', side: 'us', command: 'fedctl cert list --kind service' }),
  PEER_CERTIFICATE_NOT_TRUSTED: () => ({ symptom: 'trust_mismatch', side: 'them', command: 'fedctl ca show' }),
  PEER_NOT_ENROLLED: () => ({ symptom: 'refused_there', side: 'them', command: 'fedctl peer show <peer>' }),
  VERSION_INCOMPATIBLE: () => ({ symptom: 'version_incompatible', side: 'us', command: 'fedctl version list' }),
  POLICY_STALE: () => ({ symptom: 'refused_there', side: 'them', command: 'fedctl doctor' }),
  SERVICE_UNAVAILABLE: () => ({ symptom: 'refused_there', side: 'them', command: 'fedctl doctor' }),
}

/** Undefined: a reason that says nothing of who has to act. */
export const meaningOf = (reason: string, peer: Pick<Peer, 'id'>): Meaning | undefined =>
  Object.hasOwn(ANSWERS, reason) ? ANSWERS[reason]?.(peer) : undefined

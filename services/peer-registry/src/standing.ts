import type { Errand } from './errand.ts'
import { missingDisclosure, type Peer } from './peer.ts'
import { complementOf, openOffers } from './relationship.ts'

export type WaitingOn = 'us' | 'them' | 'nobody'

/** A state never stands alone: who has to act, and what comes next. */
export type Standing = {
  readonly reason: string
  readonly waitingOn: WaitingOn
  readonly next: string
  readonly openItems: readonly string[]
}

/** What beside the row itself decides who has to act. */
export type Surroundings = {
  /** When the last open invitation of the peer runs out; undefined when there is none. */
  readonly invitationUntil: Date | undefined
  readonly errands: readonly Errand[]
}

export const NO_SURROUNDINGS: Surroundings = { invitationUntil: undefined, errands: [] }

/** Pure: the same peer in the same surroundings always reads the same. */
export function standingOf(peer: Peer, around: Surroundings): Standing {
  return {
    openItems: [...byVersion(peer), ...adoption(peer), ...openItems(around)],
    ...WHO_ACTS[peer.state](peer, around),
  }
}

type Acts = Omit<Standing, 'openItems'>

const WHO_ACTS: Readonly<Record<Peer['state'], (peer: Peer, around: Surroundings) => Acts>> = {
  proposed: (peer, around) => (peer.weRedeem ? redeeming(peer, around) : inviting(peer, around)),
  accepted: (peer) => {
    if (peer.kind === 'sdwan_only') return { reason: peer.reason, waitingOn: 'nobody', next: '' }
    const missing = missingDisclosure(peer.disclosure)
    const reason = missing.length > 0 ? `the peer has not disclosed its ${missing.join(', ')}` : peer.reason
    return {
      reason,
      waitingOn: 'them',
      next: 'ask the other operator to complete its disclosure; it goes on by itself',
    }
  },
  enrolled: (peer) => ({
    reason: peer.reason,
    waitingOn: 'them',
    next: isDivergent(peer)
      ? UPGRADE
      : `wait for the first heartbeat; if it does not come: fedctl peer show ${peer.id}`,
  }),
  active: (peer) => ({ reason: peer.reason, waitingOn: 'nobody', next: '' }),
  degraded: (peer) => ({
    reason: peer.reason,
    waitingOn: 'them',
    next: isDivergent(peer)
      ? UPGRADE
      : `it recovers by itself with the next heartbeat; to stop trying: fedctl peer suspend ${peer.id}`,
  }),
  suspended: (peer) => ({ reason: peer.reason, waitingOn: 'us', next: `fedctl peer resume ${peer.id}` }),
  revoked: (peer) => ({
    reason: peer.reason,
    waitingOn: 'nobody',
    next: peer.kind === 'platform' ? `to begin anew: fedctl peer re-peer ${peer.id}` : '',
  }),
}

function inviting(peer: Peer, { invitationUntil }: Surroundings): Acts {
  if (!invitationUntil)
    return {
      reason: 'no open invitation: the last one was revoked or ran out',
      waitingOn: 'us',
      next: `fedctl invite create ${peer.id}`,
    }
  return {
    reason: peer.reason,
    waitingOn: 'them',
    next: `hand the invitation over; it runs out at ${invitationUntil.toISOString()}`,
  }
}

function redeeming(peer: Peer, { errands }: Surroundings): Acts {
  const redeem = errands.find(({ kind }) => kind === 'redeem')
  if (!redeem)
    return {
      reason: peer.reason,
      waitingOn: 'us',
      next: 'ask the other operator for a new invitation, then: fedctl peer accept <invitation>',
    }
  if (redeem.attempts === 0) return { reason: peer.reason, waitingOn: 'nobody', next: '' }
  return {
    reason: `the invitation could not be redeemed yet (${redeem.attempts} attempts): ${redeem.lastError}`,
    waitingOn: 'them',
    next: `it is tried again at ${redeem.nextAttemptAt.toISOString()}; to give up: fedctl peer revoke ${peer.id}`,
  }
}

const isDivergent = ({ versionStatus }: Peer): boolean => versionStatus === 'incompatible'
const UPGRADE = 'one side has to be upgraded, or a rule set; see: fedctl version list'

/** What does not pass because of its version, while there is a peering. */
function byVersion({ state, versionStatus, refusedKinds, disclosure }: Peer): readonly string[] {
  if (state === 'revoked' || (versionStatus !== 'degraded' && versionStatus !== 'incompatible')) return []
  const theirs = `its platform version ${disclosure.platformVersion || '(not said)'} is ${versionStatus} with ours`
  const what =
    versionStatus === 'incompatible'
      ? 'only heartbeats and statements pass'
      : refusedKinds.length > 0
        ? `refused are ${refusedKinds.join(', ')}`
        : 'whatever writes is refused'
  return [`${theirs}: ${what} (fedctl version list)`]
}

/** Adoption that waits for one of the two sides. */
function adoption(peer: Peer): readonly string[] {
  const { ours, theirs } = openOffers(peer)
  const agree = theirs && `fedctl peer adopt ${peer.name || peer.id} --as ${complementOf(theirs)}`
  return [
    ...(ours ? [`we have offered to be its ${ours}; it waits for them`] : []),
    ...(theirs ? [`it offers to be our ${theirs}; to agree: ${agree}`] : []),
  ]
}

function openItems({ errands }: Surroundings): readonly string[] {
  const owed = errands.filter(({ kind, attempts }) => kind !== 'redeem' && attempts > 0)
  return owed.map(({ kind, attempts, lastError }) => `${OWED[kind]} (${attempts} attempts): ${lastError}`)
}

const OWED: Readonly<Record<Errand['kind'], string>> = {
  redeem: 'the invitation is not redeemed yet',
  deliver_bundle: 'the peer has not receipted our newest trust bundle',
  fetch_bundle: 'we have not fetched the newest trust bundle of the peer',
  renew_certificate: 'the peer has not renewed the certificate it signed for us',
  notify_revocation: 'the peer has not been told that the peering ended',
  notify_relationship: 'the peer has not been told what we are to each other now',
  notify_compromise: 'the peer has not been told that we were compromised',
  report_clone: 'spawn-provisioner has not been told that another machine showed the same invitation',
}

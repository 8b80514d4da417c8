import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { PeerState, type Invitation, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { failed, skipped, warning, type Side } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { when } from '../moments.ts'
import { reasonIn } from '../reason-in.ts'
import type { Symptom } from '../symptoms.ts'

/** The invitation: what became of the one we made, or why theirs could not be redeemed. */
export function tokenChecks({ peer, invitations }: PeerEvidence): Check[] {
  if (peer?.state !== PeerState.PROPOSED) return []
  if (!invitations) return [skipped('tokens.invitation', 'the invitations could not be read')]
  return [invitations.length > 0 ? made(peer, invitations) : redeeming(peer)]
}

/** Ours: somebody has to hand it over, or to make another. */
function made(peer: Peer, invitations: readonly Invitation[]): Check {
  const open = invitations.find(({ status }) => status === 'open')
  if (open)
    return warning('tokens.invitation', {
      symptom: 'token_waiting',
      summary: `the invitation is open until ${when(open.expiresAt)}, and nobody has redeemed it`,
      cause: 'an acceptance without its token, or with another one, is refused and leaves no trace here',
      side: 'them',
      command: 'fedctl peer accept <invitation>',
    })
  const newest = invitations.toSorted((one, other) => seconds(other) - seconds(one))[0]
  const expired = newest?.status === 'expired'
  return failed('tokens.invitation', {
    symptom: expired ? 'token_expired' : 'token_revoked',
    summary: expired ? `the invitation ran out at ${when(newest.expiresAt)}` : 'the invitation was taken back',
    cause: 'nobody had redeemed it by then, and no other one is open',
    side: 'us',
    command: `fedctl invite create ${peer.id}`,
  })
}

const seconds = ({ createdAt }: Invitation): number => Number(createdAt?.seconds ?? 0n)

/** What each refusal of a redemption means. All of them are mended by another invitation but the last. */
const REFUSED: Readonly<Record<string, { symptom: Symptom; cause: string; side?: Side; command?: string }>> = {
  INVITATION_UNKNOWN: {
    symptom: 'token_mistyped',
    cause: 'no invitation there has this token: it was changed on the way, or made by another platform',
  },
  INVITATION_SPENT: { symptom: 'token_spent', cause: 'it is for one use, and somebody else has used it' },
  INVITATION_EXPIRED: { symptom: 'token_expired', cause: 'it ran out before it was redeemed' },
  INVITATION_REVOKED: { symptom: 'token_revoked', cause: 'the other operator has taken it back' },
  INVITATION_FOR_ANOTHER: { symptom: 'token_for_another', cause: 'it was made for another platform' },
  CONTRACT_VERSION_UNSUPPORTED: {
    symptom: 'contract_incompatible',
    cause: 'the windows of contract versions do not overlap: one side has to be upgraded first',
    command: 'fedctl invite preview <invitation>',
  },
  CA_PIN_MISMATCH: {
    symptom: 'trust_mismatch',
    cause:
      'the server under that URL has another CA than the invitation says: it is another platform, or its CA was replaced',
  },
}

/** Theirs: whether it could be redeemed, and what they said. */
function redeeming(peer: Peer): Check {
  const said = reasonIn(peer.reason)
  const known = said === undefined ? undefined : REFUSED[said]
  if (known)
    return failed(
      'tokens.redemption',
      {
        symptom: known.symptom,
        summary: `the invitation was refused (${said})`,
        cause: known.cause,
        side: known.side ?? 'them',
        command: known.command ?? 'fedctl invite create <peer>',
      },
      known.symptom === 'contract_incompatible' ? 'contract' : 'tokens',
    )
  if (/ran out before it was redeemed/.test(peer.reason))
    return failed('tokens.redemption', {
      symptom: 'token_expired',
      summary: 'the invitation ran out before it was redeemed',
      cause: peer.reason,
      side: 'them',
      command: 'fedctl invite create <peer>',
    })
  if (peer.reason.startsWith('no open invitation'))
    return failed('tokens.invitation', {
      symptom: 'token_missing',
      summary: 'the peer is proposed, and there is no invitation that could be accepted',
      cause: 'without an invitation nobody is accepted, whatever else they show',
      side: 'us',
      command: `fedctl invite create ${peer.id}`,
    })
  if (said === 'PEER_UNREACHABLE') return unreachable(peer)
  return warning('tokens.redemption', {
    symptom: 'redeeming',
    summary: 'the invitation is not redeemed yet',
    cause: peer.reason,
    side: 'them',
    command: `fedctl peer show ${peer.id}`,
  })
}

/** Their door before the first contact: there is no peering yet whose road could be walked, but there is what came of trying. */
function unreachable({ reason }: Peer): Check {
  const unresolved = /ENOTFOUND|EAI_AGAIN|no address/.test(reason)
  return failed(unresolved ? 'names.theirs' : 'tcp.theirs', {
    symptom: unresolved ? 'name_unresolved' : 'port_silent',
    summary: 'the door of the platform that invited us cannot be reached',
    cause: reason,
    side: 'them',
    command: 'fedctl doctor',
  })
}
